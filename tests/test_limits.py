"""What is too much: what is told past each limit, that it is counted, and that nobody within it is bothered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import websockets

from pi_stream.config.settings import Config
from pi_stream.features import LIMITS
from pi_stream.lib import clock
from pi_stream.lib.rate_limit import SPAN_US, RateCounter, RateCounters
from pi_stream.server.refusals import NAMES
from tests.running import PATIENCE, Running, http, messages_until, next_frame, running, say

DOCS = Path(__file__).parent.parent / "docs"


@asynccontextmanager
async def _ended(connection: websockets.ClientConnection, code: int, reason: str) -> AsyncIterator[None]:
    """The connection ends so, because of what is done in the block."""
    yield
    async with asyncio.timeout(PATIENCE):
        await connection.wait_closed()
    assert (connection.close_code, connection.close_reason) == (code, reason)


def _counted(service: Running) -> dict[str, int]:
    return {limit: count for limit, count in service.context.refusals.counts.items() if count}


# --- websockets


async def test_more_messages_than_may_be_end_a_connection(tmp_path: Path) -> None:
    """With 1008 and the limit; acknowledgements are not counted, nor is what another says."""
    async with running(tmp_path, "limits.messages=20") as service, service.socket() as other:
        async with service.socket() as connection:
            for number in range(20):
                await say(connection, "ping", sent=number)
                for _ in range(10):
                    await say(connection, "ack", seq=number)
            await messages_until(connection, "pong", sent=19)
            async with _ended(connection, 1008, "more than 20 messages in 10 seconds (limits.messages)"):
                await say(connection, "ping", sent=20)
        assert _counted(service) == {"limits.messages": 1}
        await say(other, "ping", sent=1)
        await messages_until(other, "pong")


async def test_control_frames_are_messages_too(tmp_path: Path) -> None:
    """Each ping is answered, and costs as much as a message."""
    async with running(tmp_path, "limits.messages=5") as service, service.socket() as connection:
        async with asyncio.timeout(PATIENCE):
            for _ in range(5):
                await (await connection.ping())
        async with _ended(connection, 1008, "more than 5 messages in 10 seconds (limits.messages)"):
            await connection.ping()
        assert _counted(service) == {"limits.messages": 1}


async def test_many_messages_at_once_are_all_answered(tmp_path: Path) -> None:
    """As many as may be, in one go: they take turns with their answers, so that none piles up."""
    async with running(tmp_path) as service, service.socket() as connection:
        for number in range(1000):
            await say(connection, "ping", sent=number)
        for number in range(1000):
            await messages_until(connection, "pong", sent=number)
        assert _counted(service) == {}


async def test_acknowledgements_of_nothing_end_a_connection(tmp_path: Path) -> None:
    """After ten thousand; those of frames are as many as there are frames."""
    async with running(tmp_path) as service, service.socket() as connection:
        await messages_until(connection, "welcome")
        async with _ended(connection, 1008, "10000 acknowledgements in 10 seconds were of no frame"):
            for _ in range(10_000):
                await connection.send('{"type":"ack","seq":1}')


@pytest.mark.parametrize("path", ["ws", "ws/text"])
async def test_a_message_that_is_too_long_ends_a_connection(tmp_path: Path, path: str) -> None:
    """With 1009; one that is just as long is heard."""
    async with running(tmp_path, "limits.message_size=2000") as service, service.socket(path) as connection:
        await connection.send(json.dumps({"type": "ping", "sent": 1}).ljust(2000))
        async with asyncio.timeout(PATIENCE):
            await (messages_until(connection, "pong") if path == "ws" else connection.recv())
        await connection.send(" " * 2001)
        async with asyncio.timeout(PATIENCE):
            await connection.wait_closed()
        assert connection.close_code == 1009
        assert _counted(service) == {"limits.message_size": 1}


async def test_how_many_bad_messages_may_be_is_a_setting(tmp_path: Path) -> None:
    """One more ends the connection with 1008."""
    async with running(tmp_path, "limits.bad_messages=2") as service, service.socket() as connection:
        for _ in range(2):
            await connection.send("{")
            await messages_until(connection, "error")
        async with _ended(connection, 1008, "more than 2 bad messages in 10 seconds"):
            await connection.send("{")
        assert _counted(service) == {"limits.bad_messages": 1}


async def test_more_texts_than_may_be_end_their_connection(tmp_path: Path) -> None:
    """As on the other websocket."""
    async with running(tmp_path, "limits.messages=5") as service, service.socket("ws/text") as connection:
        async with asyncio.timeout(PATIENCE):
            for _ in range(5):
                await connection.send("x")
                await connection.recv()
        async with _ended(connection, 1008, "more than 5 messages in 10 seconds (limits.messages)"):
            await connection.send("x")
        assert _counted(service) == {"limits.messages": 1}


# --- what others notice


async def test_more_changes_than_may_be_are_refused(tmp_path: Path) -> None:
    """Whoever makes them by whatever means, from one address: an error on a websocket, 429 with Retry-After by HTTP."""
    async with running(tmp_path, "limits.changes=5", "server.host=0.0.0.0") as service, service.socket() as connection:
        await say(connection, "name", name="Aki")
        await say(connection, "say", text="hello")
        await say(connection, "caption.put", caption={"id": "c", "text": "x"})
        await say(connection, "caption.delete", id="c")
        async with http(service) as session:
            async with session.post("api/captions", json={"text": "x"}) as answer:
                assert answer.status == 201
            for method, path in (
                ("POST", "api/captions"),
                ("PUT", "api/captions/c1"),
                ("DELETE", "api/captions/c1"),
            ):
                async with session.request(method, path, json={"text": "y"}) as answer:
                    assert answer.status == 429
                    assert 1 <= int(answer.headers["Retry-After"]) <= 10
                    error = (await answer.json())["error"]
            async with session.get("api/captions") as answer:
                assert [caption["text"] for caption in (await answer.json())["captions"]] == ["x"]
        assert error["code"] == "limit"
        assert error["message"] == (
            "more than 5 changes in 10 seconds came from 127.0.0.1, which is more than limits.changes allows"
        )
        await say(connection, "say", text="again", id=7)
        assert (await messages_until(connection, "error")) | {"re": 7, "code": "limit"} == {
            "type": "error", "re": 7, "code": "limit", "message": error["message"],
        }  # fmt: skip  # one answer
        await say(connection, "ping", sent=1)
        await messages_until(connection, "pong")
        assert _counted(service) == {"limits.changes": 4}

        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        url = f"http://127.0.0.1:{service.url.rstrip('/').rpartition(':')[2]}/"
        async with (
            aiohttp.ClientSession(url, connector=elsewhere) as there,
            there.post("api/captions", json={"text": "z"}) as answer,
        ):
            assert answer.status == 201


async def test_how_long_a_caption_may_be_is_a_setting(tmp_path: Path) -> None:
    """By either way in; what is wrong is said with the limit."""
    text = "captions.text: expected a text of 1 to 10 characters (limits.caption_text), got 11"
    async with running(tmp_path, "limits.caption_text=10") as service, service.socket() as connection:
        async with http(service) as session:
            async with session.post("api/captions", json={"text": "x" * 10}) as answer:
                assert answer.status == 201
            async with session.post("api/captions", json={"text": "x" * 11}) as answer:
                assert (answer.status, (await answer.json())["error"]["message"]) == (400, text)
        await say(connection, "caption.put", caption={"text": "x" * 11})
        assert (await messages_until(connection, "error"))["message"] == text


async def test_one_viewer_too_many_is_counted(tmp_path: Path) -> None:
    """503 with Retry-After before there is a websocket."""
    async with running(tmp_path, "stream.max_viewers=1") as service, service.socket() as first:
        await messages_until(first, "welcome")
        with pytest.raises(websockets.InvalidStatus) as refused:
            await service.socket()
        assert refused.value.response.status_code == 503
        assert refused.value.response.headers["Retry-After"] == "10"
        assert _counted(service) == {"stream.max_viewers": 1}


# --- pictures


async def test_one_snapshot_too_many_is_told_to_come_back(tmp_path: Path) -> None:
    """503 with Retry-After and the limit; the next one is made."""
    async with running(tmp_path, "limits.snapshots=1") as service, http(service) as session:
        with service.context.count_snapshot():
            for path in ("snapshot.jpg", "snapshot.png"):
                async with session.get(path) as answer:
                    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                    assert (await answer.json())["error"] == {
                        "code": "limit",
                        "message": "1 snapshots are being made, as many as limits.snapshots allows",
                    }
        for path in ("snapshot.jpg", "snapshot.png"):
            async with session.get(path) as answer:
                assert answer.status == 200
        assert _counted(service) == {"limits.snapshots": 2}


async def test_how_many_channels_there_may_be_is_a_setting(tmp_path: Path) -> None:
    """Who asks for one more is told so and goes on with what it has; the same one again may be watched."""
    async with running(tmp_path, "limits.channels=1") as service, service.socket() as connection:
        await say(connection, "watch", accept=["jpeg"], acks=True)
        await messages_until(connection, "watching")
        async with http(service) as session:
            async with session.get("snapshot.jpg?quality=33") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
                assert "as many as limits.channels allows" in (await answer.json())["error"]["message"]
            async with session.get("snapshot.jpg") as answer:
                assert answer.status == 200
        await next_frame(connection)
        assert _counted(service) == {"limits.channels": 1}


async def test_how_large_the_picture_of_a_text_may_be_is_a_setting(tmp_path: Path) -> None:
    """400 with the limit."""
    async with running(tmp_path, "limits.text_pixels=10000") as service:
        async with service.socket("ws/text?width=100&height=100") as connection:
            await connection.send("x")
            async with asyncio.timeout(PATIENCE):
                assert len(await connection.recv()) == 40_000
        with pytest.raises(websockets.InvalidStatus) as refused:
            await service.socket("ws/text?width=101&height=100")
        assert refused.value.response.status_code == 400
        assert b"at most 10000 pixels (limits.text_pixels), got 101 x 100" in (refused.value.response.body or b"")


# --- passwords


async def test_how_many_wrong_passwords_cost_no_wait_is_a_setting(tmp_path: Path) -> None:
    """The next one is told how long to wait, on the page and by HTTP."""
    async with running(tmp_path, "auth.mode=password", "limits.login_tries=2") as service, http(service) as session:
        for _ in range(2):
            async with session.post("login", data={"password": "wrong"}) as answer:
                assert answer.status == 401
        async with session.post("login", data={"password": "wrong"}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        async with session.get("api/status", headers={"Authorization": "Basic YW55Ondyb25n"}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
            assert (await answer.json())["error"]["message"] == (
                "too many wrong passwords from 127.0.0.1; try again in 1 s"
            )
        assert _counted(service) == {"limits.login_tries": 2}


# --- counting


def test_a_tally_counts_in_spans_of_ten_seconds() -> None:
    """The first thing that is counted begins one; `seconds_left` says when the next may begin."""
    tally = RateCounter()
    assert [tally.count(now) for now in (5, 6, SPAN_US + 4, SPAN_US + 5, SPAN_US + 6)] == [1, 2, 3, 1, 2]
    assert tally.seconds_left(SPAN_US + 6) == 10
    assert tally.seconds_left(2 * SPAN_US - 1_000_000) == 2
    assert tally.seconds_left(2 * SPAN_US + 5) == 1


def test_so_many_tallies_are_kept_and_no_more() -> None:
    """The one that has been quiet for longest is forgotten."""
    tallies = RateCounters()
    assert tallies.counter("first").count(clock.now()) == 1
    for number in range(1023):
        tallies.counter(str(number))
    assert tallies.counter("first").count(clock.now()) == 2
    tallies.counter("one more")
    assert len(tallies) == 1024
    assert tallies.counter("first").count(clock.now()) == 3


async def test_every_limit_is_in_the_metrics_and_in_the_documentation(tmp_path: Path) -> None:
    """From the start, with 0, so that a first refusal is seen as a change."""
    async with running(tmp_path) as service, http(service) as session, session.get("metrics") as answer:
        text = await answer.text()
    assert all(f'pi_stream_refused_total{{limit="{name}"}} 0\n' in text for name in (*NAMES, *LIMITS))
    table = (DOCS / "limits.md").read_text(encoding="utf-8")
    for name in {
        *NAMES,
        *LIMITS,
        *(f"limits.{each}" for each in Config().limits.__struct_fields__),
        "stream.stall_timeout",
    }:
        assert f"| `{name}` |" in table, name
