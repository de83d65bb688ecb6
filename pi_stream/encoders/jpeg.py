"""JPEG, straight from the frame's planes: they are already what JPEG means by YCbCr."""

import simplejpeg

from pi_stream.encoders.convert import Scaler
from pi_stream.frame import Frame


class JpegEncoder:
    """Encodes frames as baseline JPEG files, 4:2:0, `quality` 1 to 100."""

    def __init__(self, width: int, height: int, quality: int) -> None:
        self._scaler = Scaler(width, height)
        self._quality = quality
        self._fast = quality < 95  # the fast cosine transform is as good as the exact one, but for the finest tables

    def encode(self, frame: Frame) -> bytes:
        """A complete file."""
        frame = self._scaler.scale(frame)
        file: bytes = simplejpeg.encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, self._quality, self._fast)
        return file
