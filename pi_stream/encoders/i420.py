"""The frame's own bytes."""

from pi_stream.encoders.scaling import Scaler
from pi_stream.media.frame import Frame


class I420Encoder:
    """Y, then U and V at half width and half height, without padding; BT.601 full range. `quality` plays no part."""

    def __init__(self, width: int, height: int, quality: int) -> None:  # noqa: ARG002 - every encoder is made alike
        self._scaler = Scaler(width, height)

    def encode(self, frame: Frame) -> memoryview:
        """width * height * 3 / 2 bytes, without a copy: a frame is never written to once it is handed on."""
        return self._scaler.scale(frame).data.data
