"""A stream's parts without a camera: events, and the pipeline that frames go through."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from pi_stream.captions.caption import CaptionDraft
from pi_stream.captions.store import CaptionStore
from pi_stream.encoders import ENCODERS
from pi_stream.errors import NotFound
from pi_stream.hub import Hub
from pi_stream.hub.channel import ChannelKey
from pi_stream.media.frame import Frame
from pi_stream.overlay import Overlay
from pi_stream.stream import CamerasChanged, Event, Events, Pipeline, SourceChanged, Streams
from tests.frames import context, plain_frame
from tests.running import PATIENCE

_KEY = ChannelKey("i420", 320, 180, 0)


def test_each_listener_gets_the_events_of_its_type_as_long_as_it_listens() -> None:
    """Any number of listeners, in the order in which they began."""
    events, heard = Events(), list[tuple[str, Event]]()
    away = SourceChanged("door", "v4l2", online=False, reason="unplugged")
    events.listen(SourceChanged, lambda event: heard.append(("first", event)))
    with events.listening(SourceChanged, lambda event: heard.append(("second", event))):
        events.publish(away)
        events.publish(CamerasChanged(("door",)))
    events.publish(away)
    assert heard == [("first", away), ("second", away), ("first", away)]


def test_an_unknown_camera_is_told_with_those_there_are() -> None:
    """And its name is cut if it is long."""
    with pytest.raises(NotFound, match=r"no camera 'x{64}'; there are: $"):
        Streams()["x" * 100]


def _frame(seq: int) -> Frame:
    return plain_frame(seq, width=320, height=180)


async def test_taps_get_frames_before_and_after_captions() -> None:
    """The raw tap on the capture thread, the drawn tap on the event loop, each frame once and in order."""
    raw, drawn = list[bytes](), list[tuple[int, bytes]]()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        async with CaptionStore(None) as captions, Hub(ENCODERS, pool) as hub:
            captions.put(CaptionDraft(text="here"))
            pipeline = Pipeline(captions, hub, context)

            def see(frame: Frame) -> None:
                assert asyncio.get_running_loop() is loop
                drawn.append((frame.seq, frame.data.tobytes()))

            with pipeline.raw(lambda frame: raw.append(frame.data.tobytes())), pipeline.drawn(see):
                for seq in (1, 2):
                    frame = _frame(seq)
                    assert await asyncio.to_thread(pipeline.process, frame)
                    await pipeline.show(frame)
            assert not await asyncio.to_thread(pipeline.process, _frame(3))  # nothing is left that wants it
    expected = _frame(1)
    Overlay().draw(expected, captions.all, context)
    assert raw == [_frame(1).data.tobytes(), _frame(2).data.tobytes()]
    assert [seq for seq, _ in drawn] == [1, 2]
    assert drawn[0][1] == expected.data.tobytes() != raw[0]


async def test_a_background_subscription_and_taps_do_not_count_as_watching() -> None:
    """They get what there is: a resting camera is not opened for them."""
    with ThreadPoolExecutor(1) as pool:
        async with CaptionStore(None) as captions, Hub(ENCODERS, pool) as hub:
            pipeline = Pipeline(captions, hub, context)
            with pipeline.raw(lambda _: None), hub.subscribe(_KEY, background=True) as background:
                assert not pipeline.watched()
                with hub.subscribe(_KEY):
                    assert pipeline.watched()
                assert not pipeline.watched()
                frame = _frame(1)
                await asyncio.to_thread(pipeline.process, frame)
                await pipeline.show(frame)
                packet = await asyncio.wait_for(background.slot.take(), PATIENCE)
                assert packet.seq == 1


@pytest.mark.parametrize("watched_since", ["before it was captured", "just now", "after the next one was captured"])
async def test_a_frame_is_drawn_on_once_whenever_somebody_came(watched_since: str) -> None:
    """Also for one who came between its capture and its turn: nobody sees a frame without its captions."""
    expected = plain_frame(1, width=320, height=180)
    with ThreadPoolExecutor(1) as pool:
        async with CaptionStore(None) as captions, Hub(ENCODERS, pool) as hub:
            captions.put(CaptionDraft(text="here"))
            Overlay().draw(expected, captions.all, context)
            pipeline = Pipeline(captions, hub, context)
            frame = plain_frame(1, width=320, height=180)
            settings = ChannelKey("i420", 320, 180, 0)
            if watched_since != "before it was captured":
                await asyncio.to_thread(pipeline.process, frame)
            if watched_since == "after the next one was captured":
                await asyncio.to_thread(pipeline.process, plain_frame(2, width=320, height=180))
            with hub.subscribe(settings) as subscription:
                if watched_since == "before it was captured":
                    await asyncio.to_thread(pipeline.process, frame)
                await pipeline.show(frame)
                packet = await asyncio.wait_for(subscription.slot.take(), PATIENCE)
                assert bytes(packet.data) == expected.data.tobytes()
    assert expected.data.tobytes() != plain_frame(1, width=320, height=180).data.tobytes()
