"""What viewers read about a source: what it is, and how it is. Both are JSON on the wire (docs/protocol.md)."""

from typing import Literal

import msgspec
from msgspec import Struct

Timestamp = Literal["exposure-start", "frame-end", "read"]
"""Which moment `Frame.captured` is: the sensor began to expose the first row, the frame was complete, or the frame was
read (or was due) in software, for a source that knows nothing earlier."""


class SourceInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a source says about itself.

    A source that is open gives all fields of the first group. The second group depends on the kind of source. A field
    that is None is not known, and is left out of the JSON.
    """

    kind: str
    """"picamera2", "v4l2", "file" or "synthetic"; a later version may have more."""
    width: int
    """Pixels, of the frames that the source gives."""
    height: int
    """Pixels."""
    name: str | None = None
    """Such as the sensor's model, the webcam's name, the film's file name without its folder."""
    fps: float | None = None
    """Frames per second, at most."""
    rotation: int | None = None
    """Degrees: 0 or 180."""
    colour: str | None = None
    """The colour space of the device or film, and whether frames are converted from it."""
    timestamp: Timestamp | None = None
    """What `captured` of this source's frames means."""

    codec: str | None = None
    """Webcams and films: libav's name of the codec."""
    device: str | None = None
    """Webcams: the device node, such as "/dev/video0"; picamera2: libcamera's id of the camera."""
    driver: str | None = None
    """Webcams: the kernel driver."""
    film: str | None = None
    """Films: the size of the file's own pictures, such as "1920x1080"."""
    controls: tuple[str, ...] | None = None
    """picamera2: the names of libcamera's controls that this camera has, sorted."""


class SourceState(SourceInfo, frozen=True, kw_only=True, omit_defaults=True):
    """What a source says about itself, why it was chosen, and its state now.

    Until the source was open once only `kind`, `width` and `height` are known of its SourceInfo.
    """

    online: bool
    """It gives frames, or rests."""
    reason: str | None
    """Why it is offline; None while it is online."""
    resting: bool
    """It is closed because nothing is watched, and is opened for the next viewer."""
    why: str
    """A sentence: why this source was chosen."""
    refused: tuple[str, ...]
    """Sentences: why better sources were not chosen."""
    measured_fps: float
    """Frames per second now."""

    @classmethod
    def of(
        cls,
        info: SourceInfo,
        *,
        online: bool,
        reason: str | None,
        resting: bool,
        why: str,
        refused: tuple[str, ...],
        measured_fps: float,
    ) -> "SourceState":
        """`info` with the state added to it."""
        return cls(
            **msgspec.structs.asdict(info),
            online=online,
            reason=reason,
            resting=resting,
            why=why,
            refused=refused,
            measured_fps=measured_fps,
        )
