"""The hub: encoded once, handed to all, newest wins, nothing for nobody."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pi_stream.errors import LimitReached
from pi_stream.hub import Hub
from pi_stream.hub.channel import ChannelKey
from pi_stream.hub.subscription import Pace, Subscription
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Frame, Packet
from tests.frames import noisy_frame, plain_frame

JPEG = ChannelKey("jpeg", 64, 64, 80)


class CountingEncoder:
    """Encodes a frame as its number. `gate` may hold it up, `made` lists what it was given."""

    gate = threading.Event()
    made: list[int] = []  # noqa: RUF012 - one list for all, which the fixture empties
    at_work = threading.Event()

    def __init__(self, width: int, height: int, quality: int) -> None:
        assert (width, height, quality) == (64, 64, 80)

    def encode(self, frame: Frame) -> bytes:
        self.made.append(frame.seq)
        self.at_work.set()
        assert self.gate.wait(10)
        return str(frame.seq).encode()


class IdleEncoder:
    """Is made, and never used."""

    def __init__(self, width: int, height: int, quality: int) -> None: ...

    def encode(self, frame: Frame) -> bytes:
        raise AssertionError(frame.seq)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    CountingEncoder.made.clear()
    CountingEncoder.at_work.clear()
    CountingEncoder.gate.set()
    with ThreadPoolExecutor(2) as pool:
        encoders: dict[Encoding, type] = {"jpeg": CountingEncoder, "png": CountingEncoder, "i420": IdleEncoder}
        async with Hub(encoders, pool) as hub:
            yield hub
            CountingEncoder.gate.set()


async def _take(subscription: Subscription) -> Packet:
    return await asyncio.wait_for(subscription.slot.take(), 10)


async def test_a_frame_is_encoded_once_whoever_watches(hub: Hub) -> None:
    """Three who watch the same get the same packet, made once."""
    three = [hub.subscribe(JPEG) for _ in range(3)]
    hub.offer(plain_frame(7))
    packets = [await _take(each) for each in three]
    assert [packet.data for packet in packets] == [b"7"] * 3
    assert packets[0] is packets[2]
    assert (packets[0].seq, packets[0].captured, packets[0].width) == (7, 233_333, 64)
    assert CountingEncoder.made == [7]


async def test_nothing_is_encoded_for_nobody(hub: Hub) -> None:
    """Before the first subscription and after the last, frames pass by."""
    hub.offer(plain_frame(1))
    assert not hub.wants(plain_frame(1))
    with hub.subscribe(JPEG) as subscription:
        assert hub.wants(plain_frame(2))
        hub.offer(plain_frame(2))
        await _take(subscription)
    assert not hub.wants(plain_frame(3))
    hub.offer(plain_frame(3))
    assert hub.channels == ()
    assert CountingEncoder.made == [2]


async def test_other_settings_are_another_channel(hub: Hub) -> None:
    """Encoding, size and quality make the channel."""
    jpeg, png = hub.subscribe(JPEG), hub.subscribe(ChannelKey("png", 64, 64, 80))
    hub.offer(plain_frame(1))
    assert (await _take(jpeg)).encoding == "jpeg"
    assert (await _take(png)).encoding == "png"
    assert len(hub.channels) == 2
    assert CountingEncoder.made == [1, 1]


async def test_a_busy_encoder_keeps_only_the_newest_frame_and_the_loss_is_counted(hub: Hub) -> None:
    """While frame 1 is being encoded, 2 and 3 are replaced by 4."""
    subscription = hub.subscribe(JPEG)
    CountingEncoder.gate.clear()
    hub.offer(plain_frame(1))
    await asyncio.to_thread(CountingEncoder.at_work.wait, 10)
    for seq in (2, 3, 4):
        hub.offer(plain_frame(seq))
    CountingEncoder.gate.set()
    assert (await _take(subscription)).seq == 1
    assert (await _take(subscription)).seq == 4
    assert CountingEncoder.made == [1, 4]
    assert subscription.dropped == 2


async def test_a_slow_viewer_gets_the_newest_packet_and_does_not_hold_up_another(hub: Hub) -> None:
    """One who takes nothing drops; the one beside it misses nothing."""
    slow, fast = hub.subscribe(JPEG), hub.subscribe(JPEG)
    for seq in range(5):
        hub.offer(plain_frame(seq))
        assert (await _take(fast)).seq == seq
    assert (await _take(slow)).seq == 4
    assert (slow.dropped, fast.dropped) == (4, 0)


async def test_who_joins_sees_the_newest_packet_at_once_and_never_an_older_one(hub: Hub) -> None:
    """Nobody looks at nothing until the next frame, nor at what was made long ago for one who wants little."""
    first = hub.subscribe(JPEG, fps=1)
    hub.offer(plain_frame(9))
    await _take(first)
    assert (await _take(hub.subscribe(JPEG))).seq == 9
    for channel in hub.channels:
        for subscription in set(channel.subscriptions) - {first}:
            subscription.close()
    hub.offer(plain_frame(10))  # not due for the only one who watches
    late = hub.subscribe(JPEG)
    assert late.slot.poll() is None
    hub.offer(plain_frame(11))
    assert (await _take(late)).seq == 11


async def test_a_slow_viewer_is_not_charged_with_frames_it_did_not_want(hub: Hub) -> None:
    """What the encoder could not make counts for those who wanted it."""
    all_of_them, one_a_second = hub.subscribe(JPEG), hub.subscribe(JPEG, fps=1)
    CountingEncoder.gate.clear()
    hub.offer(plain_frame(0))
    await asyncio.to_thread(CountingEncoder.at_work.wait, 10)
    for seq in range(1, 5):
        hub.offer(plain_frame(seq))
    CountingEncoder.gate.set()
    await _take(all_of_them)
    await _take(all_of_them)
    assert all_of_them.dropped == 3
    # The first frame was still being made, so it wanted the others too; once it has it, it wants no more.
    await _take(one_a_second)
    before = one_a_second.dropped
    CountingEncoder.gate.clear()
    CountingEncoder.at_work.clear()
    hub.offer(plain_frame(5))
    await asyncio.to_thread(CountingEncoder.at_work.wait, 10)
    for seq in range(6, 9):
        hub.offer(plain_frame(seq))
    CountingEncoder.gate.set()
    await _take(all_of_them)
    assert one_a_second.dropped == before


async def test_there_are_only_so_many_channels(hub: Hub) -> None:
    """Each costs an encoder; who asks for one more is refused."""
    for quality in range(1, 33):
        hub.subscribe(ChannelKey("i420", 64, 64, quality))
    with pytest.raises(LimitReached, match="32"):
        hub.subscribe(ChannelKey("i420", 64, 64, 99))
    hub.subscribe(ChannelKey("i420", 64, 64, 1)).close()


async def test_a_channel_ends_with_its_last_subscription_even_in_the_middle_of_a_frame(hub: Hub) -> None:
    """The packet that nobody waits for any more goes nowhere; the next subscription starts anew."""
    subscription = hub.subscribe(JPEG)
    CountingEncoder.gate.clear()
    hub.offer(plain_frame(1))
    await asyncio.to_thread(CountingEncoder.at_work.wait, 10)
    subscription.close()
    subscription.close()
    assert hub.channels == ()
    CountingEncoder.gate.set()
    again = hub.subscribe(JPEG)
    hub.offer(plain_frame(2))
    assert (await _take(again)).seq == 2


async def test_an_encoder_that_raises_is_a_bug_and_ends_the_hub() -> None:
    """It is not caught, logged and forgotten."""

    class Broken:
        def __init__(self, width: int, height: int, quality: int) -> None: ...

        def encode(self, frame: Frame) -> bytes:
            raise ZeroDivisionError(frame.seq)

    async def run(pool: ThreadPoolExecutor) -> None:
        async with Hub({"jpeg": Broken}, pool) as hub:
            hub.subscribe(JPEG)
            hub.offer(plain_frame(1))
            await asyncio.wait_for(asyncio.Event().wait(), 10)

    with ThreadPoolExecutor(1) as pool, pytest.raises(BaseExceptionGroup) as caught:
        await run(pool)
    assert caught.group_contains(ZeroDivisionError)


async def test_fewer_frames_are_encoded_when_nobody_wants_more(hub: Hub) -> None:
    """At 10 of 30 frames a second, two thirds are not even given to the encoder."""
    subscription = hub.subscribe(JPEG, fps=10)
    for seq in range(30):
        hub.offer(plain_frame(seq))
        if seq % 3 == 0:
            assert (await _take(subscription)).seq == seq
    assert CountingEncoder.made == list(range(0, 30, 3))
    assert subscription.dropped == 0


@pytest.mark.parametrize(("wanted", "source"), [(30, 30), (20, 30), (15, 30), (10, 30), (1, 30), (24, 25), (7, 60)])
@pytest.mark.parametrize("jitter", [0, 4000])
def test_a_pace_takes_as_many_frames_as_are_wanted(wanted: int, source: int, jitter: int) -> None:
    """Over a minute, within two per cent, however unevenly a camera's frames come."""
    pace, taken = Pace(wanted), 0
    for i in range(60 * source):
        captured = 10**9 + i * 1_000_000 // source + (i * 7919 % 3 - 1) * jitter
        if pace.due(captured):
            pace.took(captured)
            taken += 1
    assert taken == pytest.approx(60 * wanted, rel=0.02)


def test_after_a_pause_a_pace_does_not_catch_up() -> None:
    """Ten seconds without frames are not followed by a burst."""
    pace = Pace(10)
    pace.took(1_000_000)
    pace.took(11_000_000)
    assert not pace.due(11_033_333)
    assert pace.due(11_100_000)


async def _watched(hub: Hub, *, made: int = 0) -> Subscription:
    """A subscription whose channel has encoded one frame, so that it is known to be brief."""
    subscription = hub.subscribe(JPEG)
    hub.offer(plain_frame(made))
    await _take(subscription)
    return subscription


async def test_what_one_channel_wants_is_encoded_where_it_was_captured(hub: Hub) -> None:
    """Encoded ahead, by whoever has the frame, it is delivered without being offered; if it is, nothing comes twice."""
    subscription = await _watched(hub)
    frame = plain_frame(1)
    assert await asyncio.to_thread(hub.encode_ahead, frame)
    assert (await _take(subscription)).data == b"1"
    hub.offer(frame)
    hub.offer(plain_frame(2))  # not encoded ahead: by the pool, as ever
    assert (await _take(subscription)).data == b"2"
    assert CountingEncoder.made == [0, 1, 2]


async def test_nothing_is_encoded_ahead_for_nobody_for_two_or_before_its_time_is_known(hub: Hub) -> None:
    """Two channels do better side by side, and a first encode may take longer than a camera's thread has."""
    assert not await asyncio.to_thread(hub.encode_ahead, plain_frame(0))
    with hub.subscribe(JPEG):
        assert not await asyncio.to_thread(hub.encode_ahead, plain_frame(1))
    assert CountingEncoder.made == []
    subscription = await _watched(hub, made=2)
    with hub.subscribe(ChannelKey("png", 64, 64, 80)):
        assert not await asyncio.to_thread(hub.encode_ahead, plain_frame(3))
        assert CountingEncoder.made == [2]
    subscription.close()


async def test_a_slow_encoder_does_not_hold_the_camera_up(hub: Hub) -> None:
    """An encode that takes more than a third of the time between two frames is left to the pool."""
    await _watched(hub)
    await asyncio.to_thread(hub.encode_ahead, plain_frame(1))
    hub.channels[0].encode_us = 15_000.0  # of 33 333
    await asyncio.to_thread(hub.encode_ahead, plain_frame(2))
    assert CountingEncoder.made == [0, 1]


async def test_an_encoder_at_work_is_not_waited_for(hub: Hub) -> None:
    """While the pool encodes, the next frame is not encoded ahead: it waits its turn, and comes second."""
    subscription = await _watched(hub)
    CountingEncoder.gate.clear()
    CountingEncoder.at_work.clear()
    hub.offer(plain_frame(1))
    await asyncio.to_thread(CountingEncoder.at_work.wait, 10)
    second = plain_frame(2)
    await asyncio.to_thread(hub.encode_ahead, second)  # returns: else this would hang
    hub.offer(second)
    CountingEncoder.gate.set()
    assert [(await _take(subscription)).data for _ in range(2)] == [b"1", b"2"]


async def test_a_frame_encoded_ahead_overtakes_an_older_one_that_waits(hub: Hub) -> None:
    """Newest wins: the older frame, offered late, is dropped and counted, and nobody gets it afterwards."""
    subscription = await _watched(hub)
    older, newer = plain_frame(1), plain_frame(2)
    await asyncio.to_thread(hub.encode_ahead, newer)
    hub.offer(older)
    hub.offer(newer)
    assert (await _take(subscription)).data == b"2"
    hub.offer(plain_frame(3))
    assert (await _take(subscription)).data == b"3"
    assert CountingEncoder.made == [0, 2, 3]
    assert (subscription.missed, hub.channels[0].dropped) == (1, 1)


async def test_an_older_frame_that_the_pool_encodes_late_is_not_delivered(hub: Hub) -> None:
    """The pool had to wait for the encoder, and by then a newer frame was delivered: the older one is dropped."""
    subscription = await _watched(hub)
    older, newer = plain_frame(1), plain_frame(2)
    CountingEncoder.gate.clear()
    CountingEncoder.at_work.clear()
    camera = threading.Thread(target=hub.encode_ahead, args=(newer,))
    camera.start()
    assert await asyncio.to_thread(CountingEncoder.at_work.wait, 10)
    hub.offer(older)
    await asyncio.sleep(0)  # the channel takes it, and the pool waits for the encoder
    CountingEncoder.gate.set()
    camera.join(10)  # on the event loop, which so cannot hear of the pool yet
    hub.offer(newer)
    assert (await _take(subscription)).data == b"2"
    hub.offer(plain_frame(3))
    assert (await _take(subscription)).data == b"3"
    assert CountingEncoder.made == [0, 2, 1, 3]
    assert (subscription.missed, hub.channels[0].dropped) == (1, 1)


async def test_a_frame_that_is_overtaken_again_and_again_is_lost_once() -> None:
    """It waits for a thread of a pool that is busy, while newer ones are encoded ahead and delivered."""
    free, pool = threading.Event(), ThreadPoolExecutor(1)
    CountingEncoder.made.clear()
    with pool:
        async with Hub({"jpeg": CountingEncoder}, pool) as hub:
            subscription = await _watched(hub)
            busy = pool.submit(free.wait, 10)
            try:
                hub.offer(plain_frame(1))
                await asyncio.sleep(0)  # the channel takes it, and it waits for the pool
                for newer in map(plain_frame, (2, 3, 4)):
                    await asyncio.to_thread(hub.encode_ahead, newer)
                    hub.offer(newer)
                assert (subscription.missed, hub.channels[0].dropped) == (1, 1)
            finally:
                free.set()
            assert busy.result(10)
    assert CountingEncoder.made[:4] == [0, 2, 3, 4]


async def test_what_a_channel_held_is_gone_with_its_last_subscription(hub: Hub) -> None:
    """Pictures are megabytes: they are freed at once, and not when a garbage collector comes by."""
    gc.disable()
    try:
        subscription = await _watched(hub)
        frame = noisy_frame(1)
        pixels = weakref.ref(frame.data)
        hub.offer(frame)
        del frame
        packet = weakref.ref(await _take(subscription))
        channel = weakref.ref(hub.channels[0])
        subscription.close()
        del subscription
        for _ in range(200):  # turns of the loop, in which the task ends; and the pool's thread forgets what it did
            if all(kept() is None for kept in (pixels, packet, channel)):
                break
            await asyncio.sleep(0.01)
        assert [kept() is None for kept in (pixels, packet, channel)] == [True, True, True]
    finally:
        gc.enable()
