"""I420: the frame's own bytes."""

from pi_stream.encoders.scaling import Scaler
from pi_stream.media.frame import Frame


class I420Encoder:
    """Y, then U and V at half width and half height, without padding; BT.601, full range. `quality` has no effect."""

    def __init__(self, width: int, height: int, quality: int) -> None:  # noqa: ARG002 - every encoder has these arguments
        self._scaler = Scaler(width, height)

    def encode(self, frame: Frame) -> memoryview:
        """width * height * 3 / 2 bytes; no copy if the frame has this size, since nothing writes to it any more.

        Raises EncodingFailed.
        """
        return self._scaler.scale(frame).data.data
