"""Sources: where frames come from. `chosen` settles which, `open_source` opens it, `Capture` runs it on a thread.

The module of a kind is imported when it is opened: nobody needs the libraries of the others.
"""

from collections.abc import Iterator

from pi_stream.errors import SettingError
from pi_stream.sources.capture_thread import CaptureThread
from pi_stream.sources.choice import Choice, Kind, chosen, is_better, looking, resolve
from pi_stream.sources.source import Json, Source
from pi_stream.sources.webcam.devices import camera_nodes

__all__ = [
    "CaptureThread",
    "Choice",
    "Json",
    "Kind",
    "Source",
    "camera_nodes",
    "chosen",
    "is_better",
    "looking",
    "open_source",
    "resolve",
]


def open_source(
    kind: str,
    *,
    path: str = "",
    width: int,
    height: int,
    fps: float,
    rotation: int = 0,
    seq: Iterator[int],
    stall_timeout: float = 5.0,
) -> Source:
    """Open a source of this `kind` (not "auto": see `resolve`); it may block for seconds.

    Its frames are `width` x `height` pixels (even), at most `fps` a second, turned by `rotation` (0 or 180 degrees),
    and numbered by `seq`, modulo 2**32. `path` is a film, a V4L2 device ("" for the first that is a camera), or a
    camera of libcamera, by number or by a part of its name ("" for the first). Raises SourceUnavailable with the
    reason, which also `read` does when there is no frame for `stall_timeout` seconds.
    """
    if width % 2 or height % 2 or rotation not in (0, 180):
        raise SettingError(f"a source has even sides and rotation 0 or 180, got {width}x{height} turned by {rotation}")
    match kind:
        case "synthetic":
            from pi_stream.sources.synthetic.source import SyntheticSource

            return SyntheticSource(width=width, height=height, fps=fps, rotation=rotation, seq=seq)
        case "file":
            from pi_stream.sources.films.source import FileSource

            return FileSource(path, width=width, height=height, fps=fps, rotation=rotation, seq=seq)
        case "v4l2":
            from pi_stream.sources.webcam.v4l2 import V4l2Source

            return V4l2Source(
                path, width=width, height=height, fps=fps, rotation=rotation, seq=seq, stall_timeout=stall_timeout
            )
        case "picamera2":
            from pi_stream.sources.pi.picamera2 import Picamera2Source

            return Picamera2Source(
                path, width=width, height=height, fps=fps, rotation=rotation, seq=seq, stall_timeout=stall_timeout
            )
    raise SettingError(f'there is no source of kind "{kind}"')
