"""Viewers on slow and far networks, and those that stop reading: what they get, and that nobody else notices."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import websockets

from pi_stream.protocol import parse_packet
from pi_stream.server.connection.socket_buffers import StallDetector, unacknowledged_bytes
from tests.proxy import Proxy, proxy
from tests.running import PATIENCE, Running, http, messages_until, next_frame, running, say

PICTURE = ("camera.width=640", "camera.height=360")
FRAME = 640 * 360 * 4  # bytes of an rgba frame
MESSAGE = FRAME + 1000  # with all headers


@asynccontextmanager
async def _far(service: Running, **network: float) -> AsyncIterator[tuple[Proxy, websockets.ClientConnection]]:
    """A websocket to the service over a network."""
    async with proxy(service.url, **network) as between, Running(between.url, service.context).socket() as connection:
        yield between, connection
        connection.transport.abort()  # a goodbye would wait behind all that is on its way


async def _draw(connection: websockets.ClientConnection) -> tuple[int, int, dict[str, Any] | None]:
    """The next frame, acknowledged: its seq and width; and what was said to be watched just before it."""
    watching = None
    async with asyncio.timeout(PATIENCE):
        async for message in connection:
            if isinstance(message, bytes):
                packet, _ = parse_packet(message)
                await say(connection, "ack", seq=packet.seq)
                return packet.seq, packet.width, watching
            if (said := json.loads(message))["type"] == "watching":
                watching = said
    raise AssertionError("the connection ended before a frame came")


async def _draw_until_width(connection: websockets.ClientConnection, narrower: bool, than: int) -> int:
    """Draw until frames are narrower, or no longer narrower; each change was said before the first such frame."""
    told, last = 0, -1
    async with asyncio.timeout(PATIENCE):
        while True:
            seq, width, watching = await _draw(connection)
            assert seq > last, "a frame came that was older than the one before"
            last = seq
            told = watching["width"] if watching else told
            assert told in (0, width)
            if (width < than) == narrower and told:
                return width


async def test_auto_goes_down_on_a_slow_line_and_up_again_when_it_is_fast(tmp_path: Path) -> None:
    """Frames keep coming, smaller ones; each change is said before the first frame that has it."""
    async with running(tmp_path, *PICTURE) as service, _far(service, rate=60_000, delay=0.02) as (network, viewer):
        await say(viewer, "watch", accept=["jpeg"], quality="auto", acks=True)
        assert (await messages_until(viewer, "watching"))["width"] == 640
        small = await _draw_until_width(viewer, narrower=True, than=640)
        seqs = [(await _draw(viewer))[0] for _ in range(5)]
        assert seqs == sorted(set(seqs))
        network.rate = None
        assert await _draw_until_width(viewer, narrower=False, than=small + 1) > small


async def test_auto_never_exceeds_what_was_asked_for(tmp_path: Path) -> None:
    """Width and rate are bounds, on the way down and up again."""
    async with running(tmp_path, *PICTURE) as service, _far(service, rate=60_000, delay=0.02) as (network, viewer):
        await say(viewer, "watch", accept=["jpeg"], quality="auto", acks=True, width=480, fps=15)
        first = await messages_until(viewer, "watching")
        assert (first["width"], first["fps"], first["quality"]) == (480, 15, 80)
        said: list[dict[str, Any]] = []
        while len(said) < 2:
            _, width, watching = await _draw(viewer)
            assert width <= 480
            if watching is not None:
                said.append(watching)
                network.rate = None
        assert all(each["width"] <= 480 and each["fps"] <= 15 for each in said)


async def test_auto_moves_lossless_encodings_by_size_and_rate(tmp_path: Path) -> None:
    """There is no quality to speak of."""
    async with running(tmp_path, *PICTURE) as service, _far(service, rate=1_500_000, delay=0.01) as (_, viewer):
        await say(viewer, "watch", accept=["i420"], quality="auto", acks=True)
        assert (await messages_until(viewer, "watching"))["quality"] is None
        while (watching := (await _draw(viewer))[2]) is None:
            pass
        assert (watching["encoding"], watching["quality"]) == ("i420", None)
        assert watching["width"] < 640


async def test_a_viewer_far_away_gets_every_frame(tmp_path: Path) -> None:
    """More than two are on their way at 200 ms, unless two were asked for."""
    async with running(tmp_path) as service, _far(service, delay=0.1) as (_, viewer):
        await say(viewer, "watch", accept=["jpeg"], quality="auto", acks=True)
        assert await _row(viewer, 20) == 20

        await say(viewer, "watch", accept=["jpeg"], quality="auto", acks=True, window=2)
        await messages_until(viewer, "watching")
        for _ in range(8):  # those that were on their way
            await _draw(viewer)
        assert await _row(viewer, 20, of=20) < 5


async def _row(viewer: websockets.ClientConnection, wanted: int, of: int = 400) -> int:
    """How many frames without a gap came in a row at most, among so many, or until as many came as wanted."""
    last = longest = length = 0
    for _ in range(of):
        seq, _, _ = await _draw(viewer)
        length = length + 1 if seq == last + 1 else 1
        longest = max(longest, length)
        last = seq
        if longest == wanted:
            break
    return longest


# --- those that do not read


@asynccontextmanager
async def _stopped(service: Running, **watch: object) -> AsyncIterator[websockets.ClientConnection]:
    """A viewer that asks for frames and then reads nothing."""
    connecting = socket.socket()
    connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connecting.setblocking(False)
    host, port = _place(service)
    await asyncio.get_running_loop().sock_connect(connecting, (host, port))
    connection = await service.socket(sock=connecting, max_queue=1, ping_interval=None)
    await messages_until(connection, "welcome")
    await say(connection, "watch", **{"accept": ["rgba"], **watch})
    try:
        yield connection
    finally:
        connection.transport.abort()


def _place(service: Running) -> tuple[str, int]:
    """Its address and port."""
    host, port = service.url.partition("://")[2].rstrip("/").split(":")
    return host, int(port)


STOPPED: list[dict[str, object]] = [{"acks": False}, {"acks": True, "window": 64}, {"acks": True, "quality": "auto"}]


@pytest.mark.parametrize("tls", ["off", "self-signed"])
@pytest.mark.parametrize("watch", STOPPED, ids=["without acks", "with a large window", "auto"])
async def test_a_viewer_that_reads_nothing_holds_two_frames_and_is_let_go(
    tmp_path: Path, watch: dict[str, object], tls: str
) -> None:
    """One waits for the kernel, a newer one in the slot; after stall_timeout it is gone, and so is what it watched."""
    settings = (*PICTURE, "stream.stall_timeout=1", f"tls.mode={tls}")
    async with running(tmp_path, *settings) as service, service.socket() as other:
        context = service.context
        async with _stopped(service, **watch):
            most = 0
            async with asyncio.timeout(PATIENCE):
                while not context.stalls.disconnected:
                    stats = await messages_until(other, "stats")
                    most = max(most, *(each.get_write_buffer_size() for each in context.stalls), 0)
                while (await messages_until(other, "viewers", "stats"))["viewers"] not in (1, [_me(context)]):
                    pass
        assert most <= MESSAGE
        assert stats["viewers"] == 2
        assert context.streams.first.hub.channels == ()
        async with http(service) as session, session.get("metrics") as answer:
            assert "pi_stream_stalled_viewers_total 1" in await answer.text()


def _me(context: Any) -> dict[str, str]:
    return {"id": context.viewers.present[0].id, "name": ""}


@pytest.mark.parametrize("tls", ["off", "self-signed"])
async def test_an_mjpeg_reader_that_reads_nothing_holds_little_and_is_let_go(tmp_path: Path, tls: str) -> None:
    """Asyncio holds one frame, the kernel about another; then the connection ends."""
    settings = (*PICTURE, "stream.stall_timeout=1", f"tls.mode={tls}")
    async with running(tmp_path, *settings) as service, service.socket() as other:
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(_place(service))
        if service.trusted is not None:
            wrap = service.trusted.wrap_socket
            reader = await asyncio.to_thread(wrap, reader, server_hostname="localhost")
        reader.sendall(b"GET /stream.mjpg?quality=100 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        most = 0
        async with asyncio.timeout(PATIENCE):
            while not service.context.stalls.disconnected:
                await messages_until(other, "stats")
                most = max(most, *map(unacknowledged_bytes, service.context.stalls), 0)
            while service.stream.hub.channels:
                await messages_until(other, "stats")
        assert 0 < most < 500_000
        reader.close()


async def test_an_mjpeg_reader_on_a_slow_line_gets_whole_pictures_and_the_newest(tmp_path: Path) -> None:
    """What was written only in part is written to the end; what came meanwhile, but for the newest, is left out."""
    async with (
        running(tmp_path, *PICTURE, "stream.quality=100") as service,
        proxy(service.url, rate=300_000) as between,
        http(Running(between.url, service.context)) as session,
        session.get("stream.mjpg") as answer,
    ):
        seqs: list[int] = []
        async with asyncio.timeout(PATIENCE):
            assert await answer.content.readuntil(b"--frame\r\n") == b"--frame\r\n"
            while len(seqs) < 20:
                lines = (await answer.content.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
                part = dict(each.split(": ") for each in lines)
                jpeg = await answer.content.readexactly(int(part["Content-Length"]))
                assert (jpeg[:2], jpeg[-2:]) == (b"\xff\xd8", b"\xff\xd9")
                assert await answer.content.readexactly(11) == b"\r\n--frame\r\n"
                seqs.append(int(part["X-Seq"]))
        assert seqs == sorted(set(seqs))
        assert seqs[-1] - seqs[0] > len(seqs) - 1, "the line was not slow enough to lose any"


async def test_a_tab_that_reads_but_draws_nothing_is_kept(tmp_path: Path) -> None:
    """Nobody looks at it: it acknowledges nothing, for longer than stall_timeout, and goes on with its next ack."""
    async with running(tmp_path, *PICTURE, "stream.stall_timeout=1") as service, service.socket() as viewer:
        await say(viewer, "watch", accept=["rgba"], acks=True, quality="auto")
        seq = parse_packet(await next_frame(viewer))[0].seq
        for _ in range(3):
            await messages_until(viewer, "stats")
        await say(viewer, "ack", seq=seq + 1)
        assert parse_packet(await next_frame(viewer))[0].seq > seq + 1
        assert service.context.stalls.disconnected == 0


async def test_a_reader_that_is_only_slow_is_kept(tmp_path: Path) -> None:
    """One frame takes it longer than stall_timeout; it moves all the same."""
    async with (
        running(tmp_path, *PICTURE, "stream.stall_timeout=1") as service,
        _far(service, rate=500_000) as (_, viewer),
    ):
        await say(viewer, "watch", accept=["rgba"])
        await next_frame(viewer)
        assert service.context.stalls.disconnected == 0


async def test_beside_fifty_that_read_nothing_a_fast_viewer_goes_on(tmp_path: Path) -> None:
    """It gets its frames, and together they hold one frame each at most. How many, and how old: docs/network.md."""
    async with running(tmp_path, "stream.stall_timeout=60") as service, AsyncExitStack() as stack:
        fast = await stack.enter_async_context(service.socket())
        await say(fast, "watch", accept=["jpeg"], acks=True, window=2)
        for index in range(50):
            await stack.enter_async_context(_stopped(service, **STOPPED[index % 3]))
        for _ in range(60):
            await _draw(fast)
        assert sum(each.get_write_buffer_size() for each in service.context.stalls) < 50 * (320 * 180 * 4 + 1000)


async def test_all_together_hold_so_much_memory_and_no_more(tmp_path: Path) -> None:
    """Those with the most unread are cut; who reads is not."""
    settings = ("limits.memory=2", "stream.stall_timeout=60")  # a frame takes 0.9 MiB
    async with (
        running(tmp_path, *PICTURE, *settings) as service,
        service.socket() as fast,
        AsyncExitStack() as stack,
    ):
        await say(fast, "watch", accept=["jpeg"], acks=True)
        for _ in range(4):
            await stack.enter_async_context(_stopped(service, acks=False))
        while not service.context.refusals.counts["limits.memory"]:
            await _draw(fast)
            assert service.context.connections.unread <= 2 << 20
        for _ in range(10):
            await _draw(fast)
        assert len(service.context.viewers) > 1, "not all of the others had to go"


async def test_so_many_messages_wait_for_one_viewer_and_no_more(tmp_path: Path) -> None:
    """It is cut when more would; who reads is told all of them."""
    settings = ("limits.pending=65536", "limits.changes=1000", "stream.stall_timeout=60")
    async with (
        running(tmp_path, *PICTURE, *settings) as service,
        service.socket() as fast,
        _stopped(service, acks=False),
    ):
        while not service.context.connections.unread:
            await messages_until(fast, "stats")
        for number in range(60):  # of 2000 characters, which is more than 65536 in all
            await say(fast, "say", text=f"{number} ".ljust(2000, "x"))
            assert (await messages_until(fast, "said"))["text"].startswith(f"{number} ")
        while len(service.context.viewers) > 1:
            await messages_until(fast, "stats")
        assert service.context.refusals.counts["limits.pending"] == 1


async def test_a_service_stops_though_somebody_reads_nothing(tmp_path: Path) -> None:
    """Its goodbye would wait for ever."""
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:  # noqa: SIM117 - the viewer outlives the service
        async with running(tmp_path, *PICTURE) as service:
            await stack.enter_async_context(_stopped(service, acks=False))
            other = await stack.enter_async_context(service.socket())
            await messages_until(other, "stats")


async def test_only_a_backlog_that_does_not_move_is_a_stall() -> None:
    """Whoever takes a byte now and then, or has taken everything, stays."""
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.put_nowait(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(server.sockets[0].getsockname())
        writer = await accepted.get()
        stalls = StallDetector(timeout=5)
        stalls.watch(writer.transport)
        if True:
            stalls.sweep(0)
            stalls.sweep(60_000_000)
            assert stalls.disconnected == 0, "nothing waits"
            writer.write(bytes(8_000_000))
            await asyncio.sleep(0)
            stalls.sweep(61_000_000)
            stalls.sweep(65_000_000)
            assert reader.recv(65_536, socket.MSG_WAITALL)
            async with asyncio.timeout(PATIENCE):
                before = unacknowledged_bytes(writer.transport)
                while unacknowledged_bytes(writer.transport) == before:
                    reader.recv(65_536)
                    await asyncio.sleep(0.01)
            stalls.sweep(69_000_000)
            assert stalls.disconnected == 0, "it moves"
            stalls.sweep(70_000_000)
            stalls.sweep(80_000_000)
            assert stalls.disconnected == 1
            assert writer.transport.is_closing()
    server.close()
    await server.wait_closed()
