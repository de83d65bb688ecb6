"""A packet as a websocket message: one binary frame, the same for all viewers except for `sent`."""

from typing import NamedTuple

from pi_stream.media.frame import Packet
from pi_stream.pacing.window import SentFrame
from pi_stream.protocol import HEADER, serialize_header

_FINAL_BINARY = 0x82  # RFC 6455, clause 5.2: a whole binary message; what a service sends is not masked


class FrameMessage(NamedTuple):
    """One binary message: `whole` as it is on the wire, `payload` without the websocket's frame header.

    `frame` is what a window keeps of it.

    All viewers are sent the same memory: set `sent` in `payload` and write it out before the next viewer's turn. What
    the socket does not take at once may stay as it is: only `sent` ever changes, and it is near the beginning. (If the
    kernel takes nothing at all, although nothing was ahead, `sent` may be that of a viewer a moment later.)
    """

    whole: memoryview
    payload: memoryview
    frame: SentFrame


def frame_message(packet: Packet) -> FrameMessage:
    """The message of a packet, with `sent` 0."""
    size = HEADER.size + len(packet.data)
    if size < 126:
        before = bytes((_FINAL_BINARY, size))
    elif size < 1 << 16:
        before = bytes((_FINAL_BINARY, 126)) + size.to_bytes(2, "big")
    else:
        before = bytes((_FINAL_BINARY, 127)) + size.to_bytes(8, "big")
    whole = memoryview(bytearray().join((before, serialize_header(packet, 0), packet.data)))
    return FrameMessage(whole, whole[len(before) :], SentFrame(packet.seq, packet.captured, size))
