"""Raw pixels, ready for a canvas."""

from pi_stream.encoders.scaling import RgbConverter, Scaler
from pi_stream.media.frame import Frame


class RgbaEncoder:
    """R, G, B, A of each pixel, top down, alpha 255. `quality` plays no part."""

    def __init__(self, width: int, height: int, quality: int) -> None:  # noqa: ARG002 - every encoder is made alike
        self._scaler = Scaler(width, height)
        self._converter = RgbConverter("rgba")

    def encode(self, frame: Frame) -> bytes:
        """width * height * 4 bytes."""
        return self._converter.convert(self._scaler.scale(frame)).tobytes()
