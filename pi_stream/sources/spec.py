"""What a source is opened with: the answer to "which device or film, in which format, and why this one"."""

from dataclasses import dataclass
from typing import Literal

from pi_stream.config.settings import CameraSettings

Kind = Literal["picamera2", "v4l2", "file", "synthetic"]


@dataclass(frozen=True)
class CaptureFormat:
    """The frames that are wanted: `width` and `height` in pixels, both even; `fps`: frames per second, at most;
    `rotation`: degrees, 0 or 180.
    """

    width: int
    height: int
    fps: float
    rotation: Literal[0, 180] = 0

    @classmethod
    def of(cls, settings: CameraSettings) -> "CaptureFormat":
        """The format that the settings ask for."""
        return cls(settings.width, settings.height, settings.fps, settings.rotation)


@dataclass(frozen=True)
class SourceSpec:
    """A source that was chosen; `open_source` opens it.

    `path` is a film, a V4L2 device ("": the first that is a camera when it is opened), or a camera of libcamera, by its
    number, id, or a part of its name ("": the first). Without a frame for `stall_timeout` seconds the source is
    unavailable. `why` is a sentence that says why this source was chosen; `refused` says why better ones were not.
    `unavailable` says why there is no device to open, such as that another camera has it; "": there is one.
    """

    kind: Kind
    path: str
    format: CaptureFormat
    stall_timeout: float = 5.0
    why: str = ""
    refused: tuple[str, ...] = ()
    unavailable: str = ""
