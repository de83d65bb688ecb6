"""What the doctor's checks need to know from their caller: the settings, and facts that only other folders know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple


class Webcam(NamedTuple):
    """A V4L2 device that is a camera: its path, such as /dev/video0, and its name."""

    path: str
    card: str


class CertificateInfo(NamedTuple):
    """The certificate of https; times are UTC."""

    names: frozenset[str]
    begins: datetime
    ends: datetime
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class DoctorCamera:
    """One camera of the settings. Width and height are in pixels; `path` is "" for the first camera found."""

    name: str = "camera"
    source: str = "auto"
    path: str = ""
    width: int = 1280
    height: int = 720
    fps: float = 30

    @property
    def wants_pi_camera(self) -> bool:
        """Whether it may be a camera of libcamera."""
        return self.source == "picamera2" or (self.source == "auto" and not self.path)

    @property
    def wants_webcam(self) -> bool:
        """Whether it may be a V4L2 camera."""
        return self.source == "v4l2" or (self.source == "auto" and (not self.path or self.path.startswith("/dev/")))


@dataclass(frozen=True, kw_only=True)
class DoctorContext:
    """The pi-stream that is checked.

    `cameras`, `host`, `port` and `tls` are its settings; `state` is the folder of its state.
    `serving`: the caller is the service itself.
    `holds_camera`: whether this process has a camera of libcamera open now.
    `settings` returns a sentence on the settings that were read; raises SettingError if they are wrong.
    `certificate` returns the certificate, None if the service has not made it yet; raises SettingError.
    `webcams` lists the V4L2 cameras.
    `encoders`, by name: each encodes a picture and returns the name of its library, or raises; "films" decodes.
    `has_font_for`: whether there is a font for all characters of a text.
    `has_bidi`: whether captions can be set from right to left.
    """

    state: Path
    cameras: tuple[DoctorCamera, ...] = (DoctorCamera(),)
    host: str = ""
    port: int = 8000
    tls: Literal["off", "self-signed", "files"] = "off"
    serving: bool = False
    holds_camera: Callable[[], bool] = lambda: False
    settings: Callable[[], str] = lambda: "the defaults are in force"
    certificate: Callable[[], CertificateInfo | None] = lambda: None
    webcams: Callable[[], Sequence[Webcam]] = tuple
    encoders: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    has_font_for: Callable[[str], bool] = lambda text: text.isascii()
    has_bidi: Callable[[], bool] = lambda: False

    @property
    def wants_pi_camera(self) -> bool:
        """Whether one of the cameras may be a camera of libcamera."""
        return any(camera.wants_pi_camera for camera in self.cameras)

    @property
    def wants_webcam(self) -> bool:
        """Whether one of the cameras may be a V4L2 camera."""
        return any(camera.wants_webcam for camera in self.cameras)

    def about(self, camera: DoctorCamera, what: str) -> str:
        """A finding about one camera; it begins with the camera's name if there are several."""
        return f"{camera.name}: {what}" if len(self.cameras) > 1 else what
