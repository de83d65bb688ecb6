"""Which moment a webcam's timestamps are: the driver says so with every buffer, but libav does not pass it on."""

import fcntl
import os
import struct

from pi_stream.media.source_state import Timestamp

# From linux/videodev2.h: struct v4l2_buffer, in the layout of this machine's C: index, type, bytesused, flags, field;
# timestamp; timecode; sequence, memory; m; length, reserved2, request_fd. VIDIOC_QUERYBUF is _IOWR('V', 9, ...).
_BUFFER = struct.Struct("5I2l16x2IL3I0L")
_QUERYBUF = 3 << 30 | _BUFFER.size << 16 | ord("V") << 8 | 9
_VIDEO_CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
_FLAGS = 3  # the field's number
_TIMESTAMP_MASK, _MONOTONIC = 0xE000, 0x2000
_SOURCE_MASK, _START_OF_EXPOSURE = 0x70000, 0x10000


def timestamp_of(path: str) -> Timestamp:
    """Which moment of a frame the device's timestamps are, while another handle in this process has its buffers.

    V4L2 lets any handle query a buffer, and the flags are those of the whole queue. A driver that cannot be asked, or
    whose timestamps are not its own, is taken to stamp the end of a frame, as most do: never earlier than was true.
    """
    buffer = bytearray(_BUFFER.size)
    _BUFFER.pack_into(buffer, 0, 0, _VIDEO_CAPTURE, *[0] * 11)
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(handle, _QUERYBUF, buffer)
        finally:
            os.close(handle)
    except OSError:
        return "frame-end"
    flags: int = _BUFFER.unpack(buffer)[_FLAGS]
    starts = flags & _TIMESTAMP_MASK == _MONOTONIC and flags & _SOURCE_MASK == _START_OF_EXPOSURE
    return "exposure-start" if starts else "frame-end"
