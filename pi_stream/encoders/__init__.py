"""Encoders: each turns frames into the bytes of one encoding. A new encoding is one module and one line here."""

from collections.abc import Callable, Mapping
from typing import Protocol

from pi_stream.encoders.i420 import I420Encoder
from pi_stream.encoders.jpeg import JPEG_BY, JpegEncoder
from pi_stream.encoders.png import PngEncoder
from pi_stream.encoders.rgba import RgbaEncoder
from pi_stream.media.frame import Encoding, Frame

__all__ = ["ENCODERS", "JPEG_BY", "LOSSY", "Encoder"]


class Encoder(Protocol):
    """Belongs to one channel; used by one thread at a time."""

    def encode(self, frame: Frame) -> bytes | memoryview:
        """One frame, encoded at the size and quality that the encoder was made with.

        Raises EncodingFailed where a library could not, and MemoryError; all else is a bug.
        """
        ...


# What this service has, in the order in which it is offered; each is made of width and height (even, in pixels) and
# quality (1 to 100; the lossless ones ignore it).
ENCODERS: Mapping[Encoding, Callable[[int, int, int], Encoder]] = {
    "jpeg": JpegEncoder,
    "png": PngEncoder,
    "i420": I420Encoder,
    "rgba": RgbaEncoder,
}

LOSSY: frozenset[Encoding] = frozenset({"jpeg", "h264"})  # where quality plays a part
