"""One message for all viewers: whole websocket frames, and to each its own moment of sending."""

import weakref

import pytest

from pi_stream.media.frame import Packet
from pi_stream.protocol import parse_packet
from pi_stream.server.websocket.frame_message import message_of


def packet(size: int) -> Packet:
    """A packet of so many bytes."""
    return Packet("jpeg", bytes(range(256)) * (size // 256) + bytes(size % 256), 640, 360, 42, 1_000_000)


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (10, b"\x82\x2a"),
        (93, b"\x82\x7d"),
        (94, b"\x82\x7e\x00\x7e"),
        (65_503, b"\x82\x7e\xff\xff"),
        (65_504, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_message_is_one_unmasked_binary_websocket_frame(size: int, head: bytes) -> None:
    """FIN and opcode 2, the length in as few bytes as RFC 6455 wants, then header and payload."""
    whole, payload, frame = message_of(packet(size), 7)
    assert bytes(whole) == head + bytes(payload)
    read, sent = parse_packet(bytes(payload))
    assert (read.seq, read.captured, sent, bytes(read.data)) == (42, 1_000_000, 7, packet(size).data)
    assert frame == (42, 1_000_000, len(payload))


def test_the_next_viewer_gets_the_same_memory_with_another_sent() -> None:
    """Nothing but `sent` differs."""
    one = packet(1000)
    first = message_of(one, 5)
    before = bytes(first.whole)
    second = message_of(one, 6)
    assert second is first
    assert parse_packet(bytes(second.payload))[1] == 6
    message_of(one, 5)
    assert bytes(first.whole) == before


def test_it_goes_with_its_packet() -> None:
    """What nobody can be sent any more holds no memory."""
    one = packet(1000)
    memory = weakref.ref(message_of(one, 5).whole)
    assert memory() is not None
    del one
    assert memory() is None
