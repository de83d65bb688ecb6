"""A packet as it came over the wire, and the picture in it."""

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    from simplejpeg import decode_jpeg, decode_jpeg_header
except ModuleNotFoundError:  # as on Debian: Pillow gives the same pixels, in three times the time
    decode_jpeg = decode_jpeg_header = None

from pi_stream.encoders.scaling import RgbConverter
from pi_stream.errors import BadMessage
from pi_stream.media.frame import Frame, Packet

_MOST_PIXELS = 8192 * 8192  # what a service may send at most; more would only be told to fill this machine's memory


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedPacket(Packet):
    """A packet as it arrived. `sent` is in microseconds of the service's clock, `age_ms` is its age on arrival."""

    sent: int = 0
    age_ms: float | None = None

    def image(self) -> NDArray[np.uint8]:
        """The picture as R, G, B: uint8, (height, width, 3).

        Raises BadMessage for an encoding that is not decoded, and for a picture that is damaged or not of this size.
        """
        if not 0 < self.width * self.height <= _MOST_PIXELS:
            raise BadMessage(f"expected a picture of 1 to {_MOST_PIXELS} pixels, got {self.width} x {self.height}")
        try:
            return self._decoded()
        # What numpy, simplejpeg and Pillow say to bytes that are none of theirs.
        except (ValueError, OSError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError) as error:
            if isinstance(error, BadMessage):
                raise
            raise BadMessage(f"expected a {self.encoding} picture, got a damaged one: {error}") from None

    def _decoded(self) -> NDArray[np.uint8]:
        match self.encoding:
            case "rgba":
                return np.frombuffer(self.data, np.uint8).reshape(self.height, self.width, 4)[..., :3]
            case "i420":
                frame = Frame(
                    np.frombuffer(self.data, np.uint8).copy(), self.width, self.height, self.seq, self.captured
                )
                return RgbConverter("rgb24").convert(frame).reshape(self.height, self.width, 3)
            case "jpeg" if decode_jpeg is not None:
                height, width, *_ = decode_jpeg_header(self.data)
                self._check_size(width, height)
                pixels: NDArray[np.uint8] = decode_jpeg(self.data, "RGB")
                return pixels
            case "png" | "jpeg":
                with Image.open(io.BytesIO(self.data), formats=(self.encoding,)) as picture:
                    self._check_size(*picture.size)
                    return np.asarray(picture.convert("RGB"))
            case _:
                raise BadMessage(f"{self.encoding} pictures are not decoded here; accept another encoding")

    def _check_size(self, width: int, height: int) -> None:
        """Before it is decoded: a small file may hold a picture that fills the memory."""
        if (width, height) != (self.width, self.height):
            raise BadMessage(f"expected a picture of {self.width} x {self.height}, got {width} x {height}")
