"""Sources: where frames come from.

`allocate` says which one each camera of the settings gets, `open_source` opens it, `CaptureThread` reads it on a thread
of its own, and `supervisor.SourceSupervisor` opens it again when it fails.

The module of a kind is imported when a source of that kind is opened, so that no library is needed but the one in use.
"""

from collections.abc import Iterator

from pi_stream.errors import SettingError, SourceUnavailable
from pi_stream.sources.allocation import allocate, allocate_async, pinned, takes_place
from pi_stream.sources.capture_thread import CaptureThread
from pi_stream.sources.choice import choose_source
from pi_stream.sources.inventory import libcamera_is_asked
from pi_stream.sources.source import Source
from pi_stream.sources.spec import CaptureFormat, Kind, SourceSpec
from pi_stream.sources.webcam.devices import camera_nodes

__all__ = [
    "CaptureFormat",
    "CaptureThread",
    "Kind",
    "Source",
    "SourceSpec",
    "allocate",
    "allocate_async",
    "camera_nodes",
    "choose_source",
    "libcamera_is_asked",
    "open_source",
    "pinned",
    "takes_place",
]


def open_source(spec: SourceSpec, seq: Iterator[int]) -> Source:
    """Open the source that was chosen. It may block for seconds.

    Frames are numbered by `seq`, modulo 2**32. Raises SourceUnavailable with the reason; `read` raises it, too, when
    no frame comes for `spec.stall_timeout` seconds. Raises SettingError for a format that no source can have.
    """
    wanted = spec.format
    if wanted.width % 2 or wanted.height % 2 or wanted.rotation not in (0, 180):
        raise SettingError(
            "a source has even sides and rotation 0 or 180, "
            f"got {wanted.width}x{wanted.height} rotated by {wanted.rotation}"
        )
    if spec.unavailable:
        raise SourceUnavailable(spec.unavailable)
    match spec.kind:
        case "synthetic":
            from pi_stream.sources.synthetic.source import SyntheticSource

            return SyntheticSource(wanted, seq)
        case "file":
            from pi_stream.sources.films.source import FileSource

            return FileSource(spec.path, wanted, seq)
        case "v4l2":
            from pi_stream.sources.webcam.v4l2 import V4l2Source

            return V4l2Source(spec.path, wanted, seq, spec.stall_timeout)
        case "picamera2":
            from pi_stream.sources.pi.picamera2 import Picamera2Source

            return Picamera2Source(spec.path, wanted, seq, spec.stall_timeout)
