"""JPEG, straight from the frame's planes: they are already what JPEG means by YCbCr.

By simplejpeg where it is installed, as pip does, and Raspberry Pi OS; else by the system's libjpeg-turbo, which is
inside simplejpeg as well: the same files at the same speed (docs/design.md says why there are two ways).
"""

from importlib.metadata import version

try:
    from simplejpeg import encode_jpeg_yuv_planes

    JPEG_BY = f"simplejpeg {version('simplejpeg')}"  # for the log and the status
except ModuleNotFoundError as error:
    if error.name != "simplejpeg":
        raise  # it is there, but broken: that is to be seen, not papered over
    from pi_stream.encoders.turbojpeg import encode_jpeg_yuv_planes, library

    library()
    JPEG_BY = "the system's libturbojpeg"

from pi_stream.encoders.scaling import Scaler
from pi_stream.errors import EncodingFailed
from pi_stream.media.frame import Frame


class JpegEncoder:
    """Encodes frames as baseline JPEG files, 4:2:0, `quality` 1 to 100."""

    def __init__(self, width: int, height: int, quality: int) -> None:
        self._scaler = Scaler(width, height)
        self._quality = quality

    def encode(self, frame: Frame) -> bytes:
        """A complete file. Raises EncodingFailed."""
        frame = self._scaler.scale(frame)
        try:
            file: bytes = encode_jpeg_yuv_planes(frame.y, frame.u, frame.v, self._quality)
        except (ValueError, RuntimeError) as error:  # all that libjpeg-turbo says arrives as one of these
            raise EncodingFailed(f"libjpeg-turbo could not make a JPEG: {error}") from error
        return file
