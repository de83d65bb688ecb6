"""Connections that ask nothing, or too slowly, or too much, over real sockets; viewers beside them go on."""

import asyncio
import io
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp.streams import EMPTY_PAYLOAD

from pi_stream.config.settings import LimitSettings
from pi_stream.protocol import parse_packet
from pi_stream.server.connection.connection_guard import ConnectionGuard
from pi_stream.server.connection.connections import Connections
from pi_stream.server.connection.socket_buffers import StallDetector
from pi_stream.server.refusals import RefusalCounter
from tests.running import PATIENCE, Running, http, messages_until, next_frame, running, say

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
FOR_EVER = b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def _opened(service: Running, address: str = "127.0.0.1") -> AsyncIterator[Stream]:
    """A connection on which nothing was said yet."""
    port = int(service.url.rstrip("/").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask, and be answered."""
    writer.write(GET)
    async with asyncio.timeout(PATIENCE):
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"}")


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the end."""
    async with asyncio.timeout(PATIENCE):
        return await reader.read()


def _error(answer: bytes) -> tuple[int, dict[str, str], str]:
    """Status, header and sentence of an HTTP error."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return (
        int(first.split()[1]),
        dict(line.split(": ", 1) for line in lines),
        json.loads(body)["error"]["message"],
    )


async def _refused(service: Running, limit: str) -> int:
    """How many were, as /metrics has it."""
    async with http(service) as session, session.get("metrics") as answer:
        lines = (await answer.text()).splitlines()
    (line,) = (line for line in lines if f'refused_total{{limit="{limit}"}}' in line)
    return int(line.split()[1])


async def _trickle(writer: asyncio.StreamWriter, text: bytes) -> None:
    """One byte after the other, slowly, as long as the other side is there; what is left over is repeated."""
    while not writer.is_closing():
        for byte in text:
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _trickling(writer: asyncio.StreamWriter, text: bytes) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(_trickle(writer, text))
        yield
        task.cancel()


BEGINNINGS = {
    "header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    "first line": b"GET /",
    "handshake": b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: ",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS.keys())
async def test_a_header_that_does_not_end_is_not_waited_for(
    tmp_path: Path, beginning: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """408 with the limit, however busily it trickles; it is counted and told; who watches meanwhile goes on."""
    caplog.set_level(logging.WARNING)
    async with running(tmp_path, "limits.header_timeout=1") as service, service.socket() as viewer:
        await say(viewer, "watch", accept=["jpeg"], acks=True)
        async with _opened(service) as (reader, writer):
            writer.write(beginning)
            async with _trickling(writer, b"a"):
                status, headers, sentence = _error(await _rest(reader))
        assert (status, headers["Connection"]) == (408, "close")
        assert headers["Content-Type"].startswith("application/json")
        assert sentence == "the header of a request did not arrive within 1 s (limits.header_timeout)"
        assert f"127.0.0.1: {sentence}" in caplog.messages
        assert await _refused(service, "limits.header_timeout") == 1
        await say(viewer, "ack", seq=parse_packet(await next_frame(viewer))[0].seq)
        await next_frame(viewer)


async def test_a_connection_without_a_word_is_closed_without_one(tmp_path: Path) -> None:
    """Browsers open some ahead: a 408 on those would be shown as the answer to what is asked next."""
    async with running(tmp_path, "limits.header_timeout=1") as service, _opened(service) as (reader, _):
        assert await _rest(reader) == b""
        assert await _refused(service, "limits.header_timeout") == 0


async def test_a_second_request_is_waited_for_longer_than_its_header(tmp_path: Path) -> None:
    """A kept connection may be idle for idle_timeout; and once it begins to ask, header_timeout counts."""
    async with running(tmp_path, "limits.header_timeout=1", "limits.idle_timeout=3") as service:
        async with _opened(service) as (reader, writer):
            loop = asyncio.get_running_loop()
            for _ in range(2):  # the second after a pause that no new connection may have
                await _get(reader, writer)
                answered = loop.time()
                await asyncio.sleep(1.5)
            assert await _rest(reader) == b""
            assert loop.time() - answered >= 3
        async with _opened(service) as (reader, writer):
            await _get(reader, writer)
            writer.write(GET[:10])
            assert _error(await _rest(reader))[0] == 408


@pytest.mark.parametrize("path", ["api/captions", "login"])
async def test_a_body_that_does_not_end_is_not_waited_for(tmp_path: Path, path: str) -> None:
    """408 with the limit; whole ones are read as ever."""
    mode = () if path != "login" else ("auth.mode=password",)
    async with running(tmp_path, "limits.body_timeout=1", *mode) as service:
        async with _opened(service) as (reader, writer):
            writer.write(f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n".encode())
            async with _trickling(writer, b"{"):
                async with asyncio.timeout(PATIENCE):
                    answer = await reader.readuntil(b"}}")
            status, _, sentence = _error(answer)
            assert status == 408
            assert sentence == "the body of a request did not arrive within 1 s (limits.body_timeout)"
        if path != "login":
            assert await _refused(service, "limits.body_timeout") == 1
            async with http(service) as session, session.post(path, json={"text": "x"}) as whole:
                assert whole.status == 201


async def test_a_body_that_is_too_long_is_told_so(tmp_path: Path) -> None:
    """413 with the limit, whatever is sent after it; one that is just as long may be."""
    async with running(tmp_path, "limits.request_size=2000") as service, http(service) as session:
        for size, status in ((2000, 400), (2001, 413), (3_000_000, 413)):  # 400: so many spaces are no caption
            async with session.post("api/captions", data=io.BytesIO(b" " * size)) as answer:
                assert answer.status == status, size
                told = (await answer.json())["error"]["message"]
        assert told == "the body of a request was longer than 2000 bytes (limits.request_size)"
        assert await _refused(service, "limits.request_size") == 2


async def test_a_header_that_is_too_long_is_told_so(tmp_path: Path) -> None:
    """431, however many lines it has; a long cookie may be."""
    async with running(tmp_path) as service:
        async with http(service) as session, session.get("healthz", headers={"Cookie": "a=" + "b" * 7000}) as answer:
            assert answer.status == 200
        async with _opened(service) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + 120 * (b"X: " + b"a" * 300 + b"\r\n"))
            status, _, sentence = _error(await _rest(reader))
        assert (status, sentence) == (431, "the header of a request was longer than 32768 bytes")


async def test_half_a_frame_keeps_no_place(tmp_path: Path) -> None:
    """A websocket that trickles is closed with 1008 and the limit, and its place is free."""
    async with running(tmp_path, "limits.idle_timeout=3", "stream.max_viewers=1") as service:
        async with service.socket() as connection:
            await messages_until(connection, "welcome")
            connection.transport.write(b"\x81\xfe\xea\x60abcd")  # a text of 60000 bytes is to follow
            async with asyncio.TaskGroup() as tasks:

                async def trickle() -> None:
                    while True:
                        connection.transport.write(b"x")
                        await asyncio.sleep(0.1)

                trickling = tasks.create_task(trickle())
                async with asyncio.timeout(PATIENCE):
                    await connection.wait_closed()
                trickling.cancel()
        assert connection.close_code == 1008
        assert connection.close_reason == (
            "nothing arrived for 3 seconds, not even an answer to a ping (limits.idle_timeout)"
        )
        assert await _refused(service, "limits.idle_timeout") == 1
        async with service.socket() as next_one:
            await messages_until(next_one, "welcome")


async def test_empty_lines_do_not_hide_how_long_a_header_is(tmp_path: Path) -> None:
    """Some may stand before a request, and aiohttp skips them: the end of those is not the end of the header."""
    async with running(tmp_path) as service, _opened(service) as (reader, writer):
        writer.write(b"\r\n\r\n\r\n" + GET)
        async with asyncio.timeout(PATIENCE):
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"}")
        writer.write(b"\r\n\r\n" + GET[:-2] + 200 * (b"X: " + b"a" * 300 + b"\r\n"))
        status, _, sentence = _error(await _rest(reader))
        assert (status, sentence) == (431, "the header of a request was longer than 32768 bytes")


async def test_a_body_that_comes_after_its_refusal_is_no_new_header(tmp_path: Path) -> None:
    """It is read and forgotten, whether it comes at once, or so late that a header would have to be there."""
    async with running(tmp_path, "limits.header_timeout=1") as service, _opened(service) as (reader, writer):
        head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n"
        for _ in range(2):
            writer.write(head)
            async with asyncio.timeout(PATIENCE):
                assert b" 404 " in await reader.readuntil(b"\r\n\r\n")
                await reader.readuntil(b"}}")
            writer.write(b"x" * 25_000)
            async with service.socket() as viewer:
                for _ in range(3):  # one a second
                    await messages_until(viewer, "stats")
            writer.write(b"x" * 25_000)
            await _get(reader, writer)
        assert service.context.refusals.counts.total() == 0


async def test_acknowledgements_are_signs_of_life(tmp_path: Path) -> None:
    """A small program may acknowledge frames and not know of pings."""
    async with (
        running(tmp_path, "limits.idle_timeout=3") as service,
        http(service) as session,
        session.ws_connect("ws", autoping=False) as viewer,
    ):
        await viewer.send_json({"type": "watch", "accept": ["jpeg"], "acks": True})
        seconds = 0
        while seconds < 6:
            message = await viewer.receive(PATIENCE)
            assert message.type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message.extra
            if message.type is aiohttp.WSMsgType.BINARY:
                await viewer.send_json({"type": "ack", "seq": parse_packet(message.data)[0].seq})
            seconds += message.type is aiohttp.WSMsgType.TEXT and message.json()["type"] == "stats"


async def test_who_only_listens_but_is_there_stays(tmp_path: Path) -> None:
    """It answers pings, and that is enough, on both websockets."""
    async with running(tmp_path, "limits.idle_timeout=3") as service, service.socket() as viewer:
        async with service.socket("ws/text") as text:
            for _ in range(6):  # one a second
                await messages_until(viewer, "stats")
            await text.send("still there")
            async with asyncio.timeout(PATIENCE):
                assert len(await text.recv()) == 300 * 150 * 4
        assert service.context.refusals.counts.total() == 0


async def test_those_that_ask_nothing_make_room(tmp_path: Path) -> None:
    """However many of them hold connections: who asks is answered at once, and who watches goes on."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running(tmp_path, "limits.connections=5"))
        viewer = await stack.enter_async_context(service.socket())
        await messages_until(viewer, "welcome")
        silent = [await stack.enter_async_context(_opened(service)) for _ in range(8)]
        silent[-1][1].write(b"GET / HT")
        async with http(service) as session, session.get("healthz") as answer:
            assert answer.status == 200
        assert await _rest(silent[0][0]) == b""
        assert len(service.context.connections) <= 5
        await messages_until(viewer, "stats")
        assert await _refused(service, "limits.connections") >= 4


async def test_when_all_places_are_in_use_the_next_is_told(tmp_path: Path) -> None:
    """503 with Retry-After and the limit, also to a websocket; and when one is left, there is room."""
    async with running(tmp_path, "limits.connections=2") as service, AsyncExitStack() as stack:
        for _ in range(2):
            reader, writer = await stack.enter_async_context(_opened(service))
            writer.write(FOR_EVER)
            async with asyncio.timeout(PATIENCE):
                await reader.readuntil(b"--frame")
        async with _opened(service) as (refused, asking):
            asking.write(GET)
            status, headers, sentence = _error(await _rest(refused))
        assert (status, headers["Retry-After"]) == (503, "10")
        assert sentence == "2 connections are open, as many as limits.connections allows"
        assert service.context.refusals.counts["limits.connections"] == 1
        writer.transport.abort()
        async with asyncio.timeout(PATIENCE):
            while True:
                async with _opened(service) as (reader, asking):
                    asking.write(GET)
                    if (await reader.readline()).split()[1] == b"200":
                        break


async def test_one_address_has_a_share_of_the_connections(tmp_path: Path) -> None:
    """429 with Retry-After and the limit; who comes from elsewhere is served."""
    async with (
        running(tmp_path, "limits.connections_per_address=1", "server.host=0.0.0.0") as service,
        _opened(service) as (reader, writer),
    ):
        writer.write(FOR_EVER)
        async with asyncio.timeout(PATIENCE):
            await reader.readuntil(b"--frame")
        async with _opened(service) as (refused, asking):
            asking.write(GET)
            status, headers, sentence = _error(await _rest(refused))
        assert (status, headers["Retry-After"]) == (429, "10")
        assert sentence == "1 connections are open from 127.0.0.1, as many as limits.connections_per_address allows"
        async with _opened(service, "127.0.0.2") as (served, asking):
            await _get(served, asking)


async def test_those_that_are_refused_hold_nothing_for_long(tmp_path: Path) -> None:
    """They are told when they ask; if they never do they are cut after a moment, and further ones at once."""
    async with running(tmp_path, "limits.connections=2") as service, AsyncExitStack() as stack:
        for _ in range(2):
            reader, writer = await stack.enter_async_context(_opened(service))
            writer.write(FOR_EVER)
            async with asyncio.timeout(PATIENCE):
                await reader.readuntil(b"--frame")
        silent = [await stack.enter_async_context(_opened(service)) for _ in range(80)]
        for reader, _ in silent:
            assert await _rest(reader) == b""
        assert service.context.refusals.counts["limits.connections"] == 80


async def test_an_answer_that_nobody_reads_is_not_held_for_ever(tmp_path: Path) -> None:
    """Not even that to an ordinary request."""
    async with running(tmp_path, "camera.width=1280", "camera.height=720", "stream.stall_timeout=1") as service:
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", int(service.url.rstrip("/").rpartition(":")[2])))
            reader.sendall(b"GET /snapshot.png HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            async with asyncio.timeout(PATIENCE), service.socket() as other:
                while not service.context.stalls.disconnected:
                    await messages_until(other, "stats")
                while len(service.context.connections) > 1:
                    await messages_until(other, "stats")


async def test_what_is_sent_before_it_is_asked_for_is_not_kept() -> None:
    """Requests that come while one is answered are handed on up to a limit; the rest is dropped, and all after it."""
    came = asyncio.Queue[bytes]()
    made = asyncio.Queue[asyncio.Transport]()
    ended = asyncio.Event()

    class Behind(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            made.put_nowait(transport)

        def data_received(self, data: bytes) -> None:
            came.put_nowait(data)

        def connection_lost(self, _: Exception | None) -> None:
            ended.set()

    connections = Connections(LimitSettings, RefusalCounter(), StallDetector(10))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: connections.protocol(Behind), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    transport = await made.get()
    turnstile = transport.get_protocol()
    assert isinstance(turnstile, ConnectionGuard)
    with turnstile.answering(EMPTY_PAYLOAD):
        async with asyncio.timeout(PATIENCE):
            for _ in range(100):
                writer.write(bytes(100_000))
                await writer.drain()
            writer.write_eof()
            await ended.wait()
    got = sum(len(came.get_nowait()) for _ in range(came.qsize()))
    assert 65_536 < got < 65_536 + 32_768 + 300_000
    turnstile.data_received(b"GET / HTTP/1.1\r\n")  # after a gap, nothing is what it seems
    assert came.empty()
    assert turnstile.overrun, "so that its answer is the last"
    writer.close()
    server.close()
    await server.wait_closed()


async def test_a_page_with_all_its_files_and_a_crowd_is_within_the_limits(tmp_path: Path) -> None:
    """Five who watch, and ten who load the page on six connections each."""
    async with running(tmp_path) as service:
        connector = aiohttp.TCPConnector(limit=60)
        async with aiohttp.ClientSession(service.url, connector=connector) as session, AsyncExitStack() as stack:

            async def get(path: str) -> int:
                async with session.get(path) as answer:
                    await answer.read()
                    return answer.status

            for _ in range(5):
                await messages_until(await stack.enter_async_context(service.socket()), "welcome")
            paths = ["", "main.js", "styles/page.css", "stream/connection.js", "stream/screen.js", "snapshot.jpg"]
            statuses = await asyncio.gather(*(get(path) for path in paths * 10))
        assert set(statuses) == {200}
        assert service.context.refusals.counts.total() == 0


async def test_over_tls_the_same_holds(tmp_path: Path) -> None:
    """A header that trickles is told so; who finds no place is told why."""
    async with running(tmp_path, "tls.mode=self-signed", "limits.header_timeout=1", "limits.connections=1") as service:
        port = int(service.url.rstrip("/").rpartition(":")[2])
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=service.trusted, server_hostname="localhost"
        )
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        async with _trickling(writer, b"a"):
            assert _error(await _rest(reader))[0] == 408
        writer.close()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=service.trusted, server_hostname="localhost"
        )
        writer.write(FOR_EVER)
        async with asyncio.timeout(PATIENCE):
            await reader.readuntil(b"--frame")
        refused, asking = await asyncio.open_connection(
            "127.0.0.1", port, ssl=service.trusted, server_hostname="localhost"
        )
        asking.write(GET)
        status, headers, _ = _error(await _rest(refused))
        assert (status, headers["Retry-After"]) == (503, "10")
        for each in (writer, asking):
            each.transport.abort()
