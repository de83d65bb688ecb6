"""What the doctor is told by who calls it: the settings, and a few questions that only other rooms can answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple


class Webcam(NamedTuple):
    """A V4L2 device that is a camera."""

    path: str
    card: str


class Shown(NamedTuple):
    """The certificate that is shown over https; times are UTC."""

    names: frozenset[str]
    begins: datetime
    ends: datetime
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class DoctorContext:
    """The pi-stream that is looked at.

    `source`, `path`, `width`, `height`, `host`, `port`, `tls` are its settings; `state` is the folder of its captions.
    `serving`: it is the very process that asks. `holds_camera`: whether it has libcamera's camera open now.
    `settings` says what was read, and raises SettingError with what is wrong.
    `certificate`, which is None before the service has made it, does so, too.
    `encoders` are by name: each may encode a picture, and says with which library, or raises; "films" decodes.
    `draws` is whether captions have a font for a text; `shapes` whether they can set what runs right to left.
    """

    state: Path
    source: str = "auto"
    path: str = ""
    width: int = 1280
    height: int = 720
    host: str = ""
    port: int = 8000
    tls: Literal["off", "self-signed", "files"] = "off"
    serving: bool = False
    holds_camera: Callable[[], bool] = lambda: False
    settings: Callable[[], str] = lambda: "the defaults hold"
    certificate: Callable[[], Shown | None] = lambda: None
    webcams: Callable[[], Sequence[Webcam]] = tuple
    encoders: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    draws: Callable[[str], bool] = lambda text: text.isascii()
    shapes: Callable[[], bool] = lambda: False

    @property
    def wants_pi_camera(self) -> bool:
        """Whether the settings let it take a camera of libcamera's."""
        return self.source == "picamera2" or (self.source == "auto" and not self.path)

    @property
    def wants_webcam(self) -> bool:
        """Whether they let it take a V4L2 camera."""
        return self.source == "v4l2" or (self.source == "auto" and (not self.path or self.path.startswith("/dev/")))
