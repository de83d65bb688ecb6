"""A frame is pixels; a packet is one frame encoded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pi_stream.media.encodings import Encoding

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Frame:
    """One picture: I420, BT.601 full range (JFIF's YCbCr), in one block of memory without padding.

    `data` is uint8, one-dimensional, contiguous, width * height * 3 / 2 long: the Y plane, then U and V at half width
    and half height. `width` and `height` are even, 2 to 65534 pixels. `seq` is the frame's number at the source,
    0 to 2**32 - 1. `captured` is the earliest moment of the frame that the source knows, in microseconds of
    `clock.now()`; `SourceInfo.timestamp` says which moment that is. `utc` is the same moment in microseconds since 1970
    (UTC), or None until the machine's clock is known to be set. `offline` marks a picture that is not from the source
    but says why there is none.

    The maker of a frame never writes to its memory after handing it on. Only the overlay draws on it, before the hub
    gets it.
    """

    data: Plane
    width: int
    height: int
    seq: int
    captured: int
    offline: bool = False
    utc: int | None = None

    def __post_init__(self) -> None:
        expected = self.width * self.height * 3 // 2
        if self.width % 2 or self.height % 2 or self.data.shape != (expected,) or self.data.dtype != np.uint8:
            raise ValueError(
                f"a {self.width}x{self.height} frame needs even sides and {expected} bytes, "
                f"got {self.data.dtype} of shape {self.data.shape}"
            )

    def with_utc(self, utc: int) -> "Frame":
        """The same frame (not a copy of its memory) that knows its time in UTC, in microseconds since 1970."""
        return Frame(self.data, self.width, self.height, self.seq, self.captured, self.offline, utc)

    @property
    def y(self) -> Plane:
        """Luma, (height, width); a view."""
        return self.data[: self.width * self.height].reshape(self.height, self.width)

    @property
    def u(self) -> Plane:
        """Blue-difference chroma, (height / 2, width / 2); a view."""
        area = self.width * self.height
        return self.data[area : area + area // 4].reshape(self.height // 2, self.width // 2)

    @property
    def v(self) -> Plane:
        """Red-difference chroma, (height / 2, width / 2); a view."""
        area = self.width * self.height
        return self.data[area + area // 4 :].reshape(self.height // 2, self.width // 2)


def newer(seq: int, than: int) -> bool:
    """Whether frame number `seq` comes after `than`; they count modulo 2**32 and are less than half of that apart."""
    return 0 < (seq - than) % 2**32 < 2**31


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Packet:
    """One frame, encoded: what a viewer is sent, less the header.

    `seq`, `captured` and `offline` are the frame's; `width` and `height` are the encoded picture's, which may be
    smaller than the frame's. `key`: it can be shown without an earlier one. `init`: decoder configuration, no picture.
    """

    encoding: Encoding
    data: bytes | memoryview
    width: int
    height: int
    seq: int
    captured: int
    offline: bool = False
    key: bool = True
    init: bool = False
