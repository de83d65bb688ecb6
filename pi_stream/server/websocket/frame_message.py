"""A packet as it goes over every websocket: made once for all viewers, but for when it was sent to each."""

from typing import NamedTuple

from pi_stream.media.frame import Packet
from pi_stream.pacing.window import SentFrame
from pi_stream.protocol import HEADER, serialize_header, write_sent

_FINAL_BINARY = 0x82  # RFC 6455, clause 5.2: the whole of a binary message; what a service sends is not masked


class Message(NamedTuple):
    """One binary message: `whole` as it is on the wire, `payload` without the websocket's own few bytes before it.

    `frame` is what a window keeps of it.
    """

    whole: memoryview
    payload: memoryview
    frame: SentFrame


def message_of(packet: Packet, sent: int) -> Message:
    """The message of a packet that is sent now (`sent`, microseconds).

    It is the same memory for all viewers: write it out before the next one is made of this packet. What the socket
    does not take at once may stay as it is: only `sent` ever changes, and that goes first. (Where the kernel takes
    nothing at all of a message, although nothing was ahead of it, `sent` may be that of a viewer a moment later.)
    """
    message = packet.forms.get(Message)
    if isinstance(message, Message):
        write_sent(message.payload, sent)
    else:
        message = packet.forms[Message] = _message(packet, sent)
    return message


def _message(packet: Packet, sent: int) -> Message:
    size = HEADER.size + len(packet.data)
    if size < 126:
        before = bytes((_FINAL_BINARY, size))
    elif size < 1 << 16:
        before = bytes((_FINAL_BINARY, 126)) + size.to_bytes(2, "big")
    else:
        before = bytes((_FINAL_BINARY, 127)) + size.to_bytes(8, "big")
    whole = memoryview(bytearray().join((before, serialize_header(packet, sent), packet.data)))
    return Message(whole, whole[len(before) :], SentFrame(packet.seq, packet.captured, size))
