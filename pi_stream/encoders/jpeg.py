"""JPEG, made from the frame's planes without a conversion: they are already JFIF's YCbCr.

By simplejpeg if it is installed (by pip, and on Raspberry Pi OS), else by the system's libjpeg-turbo, which simplejpeg
contains too: the same bytes at the same speed. docs/design.md says why there are both.
"""

from importlib.metadata import version

try:
    from simplejpeg import encode_jpeg_yuv_planes

    JPEG_BY = f"simplejpeg {version('simplejpeg')}"  # for the log and the status
except ModuleNotFoundError as error:
    if error.name != "simplejpeg":
        raise  # it is installed but broken, which must not be hidden
    from pi_stream.encoders.turbojpeg import encode_jpeg_yuv_planes, library

    library()
    JPEG_BY = "the system's libturbojpeg"

from pi_stream.encoders.scaling import Scaler
from pi_stream.errors import EncodingFailed
from pi_stream.media.frame import Frame


class JpegEncoder:
    """Encodes frames as baseline JPEG files, 4:2:0. `width` and `height` are even, in pixels; `quality` is 1 to 100."""

    def __init__(self, width: int, height: int, quality: int) -> None:
        self._scaler = Scaler(width, height)
        self._quality = quality

    def encode(self, frame: Frame) -> bytes:
        """A complete file. Raises EncodingFailed."""
        frame = self._scaler.scale(frame)
        try:
            file: bytes = encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, self._quality)
        except (ValueError, RuntimeError) as error:  # every error of libjpeg-turbo arrives as one of these
            raise EncodingFailed(f"libjpeg-turbo could not make a JPEG: {error}") from error
        return file
