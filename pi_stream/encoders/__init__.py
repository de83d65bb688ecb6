"""Encoders: each turns frames into the bytes of one encoding.

A new encoding is a row in `media/encodings.py`, a module here with its line in `ENCODERS`, and a decoder on the page.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from pi_stream.encoders.i420 import I420Encoder
from pi_stream.encoders.jpeg import JPEG_BY, JpegEncoder
from pi_stream.encoders.png import PngEncoder
from pi_stream.encoders.rgba import RgbaEncoder
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Frame

__all__ = ["ENCODERS", "JPEG_BY", "Encoder", "EncoderFactory"]


class Encoder(Protocol):
    """An encoder of still pictures: each result can be shown without any earlier one.

    It belongs to one channel and is used by one thread at a time. The channel makes the packet: the encoder knows
    nothing of `seq`, `captured` or flags. An encoding whose pictures depend on each other (h264) cannot have this
    interface: one frame then gives a list of packets, with `key` and `init` set by the encoder, and the channel says
    when it needs a key frame (`encode(frame, force_keyframe) -> list[Packet]`).
    """

    def encode(self, frame: Frame) -> bytes | memoryview:
        """One frame, encoded at the size and quality that the encoder was made with.

        Raises EncodingFailed if a library could not encode it, and MemoryError; any other error is a bug.
        """
        ...


EncoderFactory = Callable[[int, int, int], Encoder]  # of width and height (even, pixels) and quality (1 to 100)

# All that this service can make. Those of lossless encodings ignore the quality.
ENCODERS: Mapping[Encoding, EncoderFactory] = {
    "jpeg": JpegEncoder,
    "png": PngEncoder,
    "i420": I420Encoder,
    "rgba": RgbaEncoder,
}
