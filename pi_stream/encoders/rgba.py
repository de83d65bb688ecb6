"""RGBA: raw pixels, in the form that a canvas takes."""

from pi_stream.encoders.scaling import RgbConverter, Scaler
from pi_stream.media.frame import Frame


class RgbaEncoder:
    """R, G, B, A of each pixel, top row first; alpha is 255. `quality` has no effect."""

    def __init__(self, width: int, height: int, quality: int) -> None:  # noqa: ARG002 - every encoder has these arguments
        self._scaler = Scaler(width, height)
        self._converter = RgbConverter("rgba")

    def encode(self, frame: Frame) -> bytes:
        """width * height * 4 bytes, uint8. Raises EncodingFailed."""
        return self._converter.convert(self._scaler.scale(frame)).tobytes()
