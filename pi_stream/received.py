"""A packet as it came over the wire, and the picture in it."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    from simplejpeg import decode_jpeg
except ModuleNotFoundError:  # as on Debian: Pillow gives the same pixels, in three times the time
    decode_jpeg = None

from pi_stream.encoders.convert import RgbConverter
from pi_stream.errors import BadMessage
from pi_stream.frame import Frame, Packet


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedPacket(Packet):
    """A packet as it arrived. `sent` is in microseconds of the service's clock, `age_ms` is its age on arrival."""

    sent: int = 0
    age_ms: float | None = None

    def image(self) -> NDArray[np.uint8]:
        """The picture as R, G, B: uint8, (height, width, 3). Raises BadMessage for an encoding that is not decoded."""
        match self.encoding:
            case "rgba":
                return np.frombuffer(self.data, np.uint8).reshape(self.height, self.width, 4)[..., :3]
            case "i420":
                frame = Frame(
                    np.frombuffer(self.data, np.uint8).copy(), self.width, self.height, self.seq, self.captured
                )
                return RgbConverter("rgb24").convert(frame).reshape(self.height, self.width, 3)
            case "jpeg" if decode_jpeg is not None:
                pixels: NDArray[np.uint8] = decode_jpeg(self.data, "RGB")
                return pixels
            case "png" | "jpeg":
                with Image.open(io.BytesIO(self.data)) as picture:
                    return np.asarray(picture.convert("RGB"))
            case _:
                raise BadMessage(f"{self.encoding} pictures are not decoded here; accept another encoding")
