"""Libraries that fail over a frame, over every frame, or take a second: who loses what, and who is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from pi_stream.hub.failures import EncodingFailures
from pi_stream.protocol import parse_packet
from tests.faulty import Faults
from tests.running import PATIENCE, Process, http, messages_until, next_frame, process, say


@asynccontextmanager
async def faulty(folder: Path) -> AsyncIterator[tuple[Process, Faults]]:
    """The service with encoders that are well until told otherwise."""
    faults = Faults(folder / "faults")
    async with process(folder, environment=faults.environment, module="tests.faulty") as service:
        yield service, faults


async def _failed(session: aiohttp.ClientSession) -> int:
    """How many frames /metrics says that could not be encoded."""
    async with session.get("metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("pi_stream_failed_frames_total{"))


async def test_a_frame_that_cannot_be_encoded_is_lost_counted_and_logged_and_no_more(tmp_path: Path) -> None:
    """Its viewer gets the next one, and is told nothing; nobody else is concerned."""
    async with faulty(tmp_path) as (service, faults), http(service) as session:
        async with service.socket() as jpeg, service.socket() as png:
            for viewer, encoding in ((jpeg, "jpeg"), (png, "png")):
                await say(viewer, "watch", accept=[encoding])
                await next_frame(viewer)
            faults.put("jpeg-fails-once")
            async with asyncio.timeout(PATIENCE):
                while await _failed(session) == 0:
                    await next_frame(png)
            await say(jpeg, "ping", sent=1)
            async with asyncio.timeout(PATIENCE):
                async for message in jpeg:
                    assert '"error"' not in str(message)
                    if isinstance(message, str) and '"pong"' in message:
                        break
            for viewer in (jpeg, png):
                await next_frame(viewer)
            async with session.get("healthz") as answer:
                assert answer.status == 200
        assert await _failed(session) == 1
        assert await service.stop() == 0
        said = [line for line in service.lines if "could not be encoded" in line]
        assert said == [
            "WARNING pi_stream.hub.channel: jpeg 320x180 q80: a frame could not be encoded: "
            "libjpeg-turbo could not make a JPEG: the library is out of order\n"
        ]


@pytest.mark.parametrize(
    ("encoding", "other", "what"),
    [
        ("jpeg", "png", "jpeg 320x180 q80 cannot be made: libjpeg-turbo could not make a JPEG: the library is"),
        ("png", "jpeg", "png 320x180 cannot be made: there is not enough memory"),
    ],
)
async def test_an_encoder_that_fails_every_time_is_told_to_its_viewers_alone(
    tmp_path: Path, encoding: str, other: str, what: str
) -> None:
    """By a message, and by /healthz; other encodings go on, and so does this one, as soon as it can."""
    suffix = {"jpeg": "jpg", "png": "png"}[encoding]
    async with faulty(tmp_path) as (service, faults), http(service) as session:
        async with service.socket() as viewer, service.socket() as neighbour:
            await say(viewer, "watch", accept=[encoding])
            await next_frame(viewer)
            faults.put(f"{encoding}-fails")
            told = await messages_until(viewer, "error")
            assert told["code"] == "encoding-failed"
            assert told["message"].startswith(what)
            assert "re" not in told
            await say(neighbour, "watch", accept=[other])
            assert not parse_packet(await next_frame(neighbour))[0].offline
            async with session.get("healthz") as answer:
                assert (answer.status, (await answer.json())["reason"]) == (503, told["message"])
            async with session.get(f"snapshot.{suffix}") as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (503, "encoding-failed")
            await say(neighbour, "watch", accept=[encoding])  # who comes now hears it, too
            assert (await messages_until(neighbour, "error"))["message"] == told["message"]
            faults.mend(f"{encoding}-fails")
            await messages_until(viewer, "watching", encoding=encoding)
            await next_frame(viewer)
            async with session.get("healthz") as answer:
                assert answer.status == 200
        assert await service.stop() == 0
        said = "".join(service.lines)
        assert said.count("could not be encoded") == 1
        assert "frames are encoded again" in said
        assert "Traceback" not in said


async def test_an_mjpeg_stream_without_jpegs_ends(tmp_path: Path) -> None:
    """Whoever reads it notices that; a stream that only stands still looks like a camera that sees nothing move."""
    async with faulty(tmp_path) as (service, faults), http(service) as session:
        async with session.get("stream.mjpg") as answer:
            await answer.content.readany()
            faults.put("jpeg-fails")
            async with asyncio.timeout(PATIENCE):
                while await answer.content.readany():
                    pass
        assert await service.stop() == 0


async def test_a_text_whose_picture_cannot_be_made_ends_the_connection(tmp_path: Path) -> None:
    """With the code for what went wrong here, and no other harm."""
    async with faulty(tmp_path) as (service, faults):
        faults.put("png-fails")
        async with service.socket("ws/text?encoding=png") as viewer:
            await viewer.send("x")
            await asyncio.wait_for(viewer.wait_closed(), PATIENCE)
            assert viewer.close_code == 1011
        assert await service.stop() == 0


async def test_an_encoder_that_takes_a_second_holds_up_nobody_but_its_viewers(tmp_path: Path) -> None:
    """They get what it makes, newest first, and what they miss is counted; camera, loop and other encodings go on."""
    async with faulty(tmp_path) as (service, faults), http(service) as session:
        async with service.socket() as slow, service.socket() as quick:
            await say(slow, "watch", accept=["jpeg"])
            await next_frame(slow)
            faults.put("jpeg-slow")
            before = parse_packet(await next_frame(slow))[0].seq
            await say(quick, "watch", accept=["i420"])
            seqs = [parse_packet(await next_frame(quick))[0].seq for _ in range(20)]
            assert seqs == sorted(set(seqs))
            await say(quick, "unwatch", id=1)  # what is not read any more would be in the way of its goodbye
            await messages_until(quick, "ok", re=1)
            async with asyncio.timeout(PATIENCE):
                while parse_packet(await next_frame(slow))[0].seq < before + 20:
                    pass
                while (await messages_until(slow, "stats"))["dropped"] < 10:
                    pass
            async with session.get("healthz") as answer:
                assert answer.status == 200
        assert await service.stop() == 0


async def test_a_bug_in_an_encoder_ends_the_process_with_its_traceback(tmp_path: Path) -> None:
    """What no library says is ours to mend, and is not survived."""
    async with faulty(tmp_path) as (service, faults), service.socket() as viewer:
        await say(viewer, "watch", accept=["jpeg"])
        await next_frame(viewer)
        faults.put("jpeg-bug")
        assert await service.ended() == 1
        assert "ZeroDivisionError: a bug" in "".join(service.lines)


def test_a_failure_is_told_once_it_lasts_and_then_now_and_again() -> None:
    """Not for a frame alone, nor for some among others; every five seconds while nothing works."""
    failing, second = EncodingFailures(), 1_000_000
    assert not failing.failed("why", 0)
    assert not failing.worked()
    times = [tenth * second // 10 for tenth in range(10, 130)]
    assert [now / second for now in times if failing.failed("why", now)] == [2.0, 7.0, 12.0]
    assert failing.reason == "why"
    assert failing.worked()
    assert failing.reason is None
    assert not failing.failed("again", 14 * second)
    assert failing.count == 122
