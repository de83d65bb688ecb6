"""The answer to a websocket's handshake, where it cannot be given any more, or may not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web

from pi_stream.config.settings import LimitSettings
from pi_stream.server.connection.connections import Connections
from pi_stream.server.connection.socket_buffers import StallDetector
from pi_stream.server.refusals import RefusalCounter
from pi_stream.server.websocket.handshake import shake_hands
from tests.raw import HANDSHAKE, connect, framed
from tests.running import PATIENCE, Running, running


@asynccontextmanager
async def _serving(
    socket: web.WebSocketResponse, *, guarded: bool
) -> AsyncIterator[tuple[str, asyncio.Future[object]]]:
    """The address at which one handshake is answered for `socket`, and what `shake_hands` says of it."""
    told: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def serve(request: web.Request) -> web.StreamResponse:
        told.set_result(await shake_hands(request, socket))
        return socket

    app = web.Application()
    app.add_routes([web.get("/ws", serve)])
    runner = web.AppRunner(app)
    await runner.setup()
    behind = runner.server
    assert behind is not None
    connections = Connections(LimitSettings, RefusalCounter(), StallDetector(10))
    listener = await asyncio.get_running_loop().create_server(
        lambda: connections.protocol(behind) if guarded else behind(), "127.0.0.1", 0
    )
    try:
        async with listener:
            yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/ws", told
    finally:
        await runner.cleanup()


async def test_who_is_leaving_is_served_no_more() -> None:
    """Of a connection that is closing nothing can be read: over TLS it may have lost its protocol already."""

    class Leaving(web.WebSocketResponse):
        async def prepare(self, request: web.BaseRequest) -> web.StreamResponse | None:  # type: ignore[override]
            writer = await super().prepare(request)
            assert request.transport is not None
            request.transport.close()
            return writer  # type: ignore[return-value]  # an abstract writer, of a type that is not to be named

    async with _serving(Leaving(), guarded=True) as (url, told):
        async with ClientSession() as client:
            with suppress(WSServerHandshakeError):  # it may have gone before the answer
                await client.ws_connect(url)
        assert await asyncio.wait_for(told, 10) is None


async def test_without_a_guard_before_aiohttp_there_is_no_websocket() -> None:
    """Only the guard knows what came behind the handshake: what is not known is not taken for nothing."""
    async with _serving(web.WebSocketResponse(), guarded=False) as (url, _), ClientSession() as client:
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(url)
    assert refused.value.status == 400


async def _statuses(service: Running, *segments: bytes) -> list[bytes]:
    """The status of each answer. Each segment is one write, when the requests of the one before were answered."""
    reader, writer = await connect(service)
    found: list[bytes] = []
    try:
        async with asyncio.timeout(PATIENCE):
            for segment in segments:
                writer.write(segment)
                for _ in range(segment.count(b"\r\n\r\n")):
                    head = await reader.readuntil(b"\r\n\r\n")
                    found.append(head.split(b" ", 2)[1])
                    for line in head.lower().splitlines():
                        if line.startswith(b"content-length:"):
                            await reader.readexactly(int(line.partition(b":")[2]))
    finally:
        writer.close()
    return found


async def test_a_handshake_comes_alone(tmp_path: Path) -> None:
    """It may follow another request's answer, but not come with that request, nor with a frame behind it."""
    get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    handshake = HANDSHAKE.format(path="/ws", version="HTTP/1.1").encode()
    async with running(tmp_path) as service:
        assert await _statuses(service, handshake) == [b"101"]
        assert await _statuses(service, b"\r\n" + handshake) == [b"101"]
        assert await _statuses(service, handshake[:-30], handshake[-30:]) == [b"101"]
        assert await _statuses(service, get, get, handshake) == [b"200", b"200", b"101"]
        assert await _statuses(service, get + handshake) == [b"200", b"400"]
        for frame in (framed(b"{}"), framed(b"{}")[:1]):
            with suppress(asyncio.IncompleteReadError):  # aiohttp 3.11 takes what follows for HTTP, and hangs up
                assert await _statuses(service, get, handshake + frame) == [b"200", b"400"]
