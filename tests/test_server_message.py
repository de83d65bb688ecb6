"""One message for all viewers: whole websocket frames, and to each its own time of sending."""

import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from pi_stream.encoders import ENCODERS
from pi_stream.hub import Hub
from pi_stream.hub.channel import ChannelKey
from pi_stream.media.frame import Packet
from pi_stream.protocol import parse_packet, write_sent
from pi_stream.server.packet_forms import PacketForms
from pi_stream.server.websocket.frame_message import FrameMessage, frame_message

_KEY = ChannelKey("jpeg", 640, 360, 80)


def packet(size: int, seq: int = 42) -> Packet:
    """A packet of so many bytes."""
    return Packet("jpeg", bytes(range(256)) * (size // 256) + bytes(size % 256), 640, 360, seq, 1_000_000)


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
    message = frame_message(packet(size))
    write_sent(message.payload, 7)
    whole, payload, frame = message
    assert bytes(whole) == head + bytes(payload)
    read, sent = parse_packet(bytes(payload))
    assert (read.seq, read.captured, sent, bytes(read.data)) == (42, 1_000_000, 7, packet(size).data)
    assert frame == (42, 1_000_000, len(payload))


def test_the_next_viewer_gets_the_same_memory_with_another_sent() -> None:
    """Nothing but `sent` differs."""
    message = frame_message(packet(1000))
    write_sent(message.payload, 5)
    before = bytes(message.whole)
    write_sent(message.payload, 6)
    assert parse_packet(bytes(message.payload))[1] == 6
    write_sent(message.payload, 5)
    assert bytes(message.whole) == before


@pytest.fixture
def hub() -> Hub:
    with ThreadPoolExecutor(1) as pool:
        return Hub(ENCODERS, pool)


@pytest.fixture
def forms() -> PacketForms[FrameMessage]:
    return PacketForms(frame_message)


def test_a_packet_is_made_into_a_message_once_for_all_viewers(hub: Hub, forms: PacketForms[FrameMessage]) -> None:
    """Also for those that are behind, as long as no newer one was sent; then a late one is made again, and not kept."""
    one, two = forms.take(hub, _KEY), forms.take(hub, _KEY)
    old, new = packet(1000), packet(1000, seq=43)
    first = one.of(old)
    assert two.of(old) is first
    second = two.of(new)
    late = one.of(old)
    assert late is not first
    assert bytes(late.whole) == bytes(first.whole)
    assert one.of(new) is second


def test_of_a_number_that_came_round_the_newest_is_kept(hub: Hub, forms: PacketForms[FrameMessage]) -> None:
    """After 2**32 - 1 comes 0."""
    newest = forms.take(hub, _KEY)
    before, after = packet(10, seq=2**32 - 1), packet(10, seq=0)
    newest.of(before)
    message = newest.of(after)
    assert newest.of(after) is message


def test_channels_of_two_cameras_share_nothing(hub: Hub, forms: PacketForms[FrameMessage]) -> None:
    """Although they have the same encoding, size and quality."""
    with ThreadPoolExecutor(1) as pool:
        other = Hub(ENCODERS, pool)
    assert forms.take(hub, _KEY) is not forms.take(other, _KEY)
    assert len(forms) == 2


def test_a_message_goes_with_the_next_packet_or_with_the_last_viewer(
    hub: Hub, forms: PacketForms[FrameMessage]
) -> None:
    """What no viewer can be sent any more holds no memory."""
    newest, other = forms.take(hub, _KEY), forms.take(hub, _KEY)
    memory = weakref.ref(newest.of(packet(1000)).whole)
    assert memory() is not None
    newest.of(packet(1000, seq=43))
    assert memory() is None
    memory = weakref.ref(newest.of(packet(1000, seq=44)).whole)
    forms.give_back(newest)
    assert memory() is not None
    forms.give_back(other)
    del newest, other
    assert memory() is None
    assert len(forms) == 0


def test_forms_are_given_back_when_a_block_ends(hub: Hub, forms: PacketForms[FrameMessage]) -> None:
    """However it ends."""

    def lose() -> None:
        with forms.using(hub, _KEY) as newest:
            newest.of(packet(10))
            assert len(forms) == 1
            raise ConnectionError

    with pytest.raises(ConnectionError):
        lose()
    assert len(forms) == 0
