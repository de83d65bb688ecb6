"""The answer to a websocket's handshake, where it cannot be given any more, or may not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web

from pi_stream.server.websocket.handshake import shake_hands


@asynccontextmanager
async def _listening(runner: web.BaseRunner) -> AsyncIterator[str]:
    """Have it serve a port; what is given is the address of its websocket."""
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/ws"
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

    told: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def serve(request: web.Request) -> web.StreamResponse:
        socket = Leaving()
        told.set_result(await shake_hands(request, socket))
        return socket

    app = web.Application()
    app.add_routes([web.get("/ws", serve)])
    async with _listening(web.AppRunner(app)) as url:
        async with ClientSession() as client:
            with suppress(WSServerHandshakeError):  # it may have gone before the answer
                await client.ws_connect(url)
        assert await asyncio.wait_for(told, 10) is None


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ({}, "got no such attribute"),
        ({"_message_tail": None}, "got no such attribute"),
        ({"_message_tail": bytearray()}, "got an attribute of type bytearray"),
        ({"_message_tail": ""}, "got an attribute of type str"),
    ],
)
async def test_an_aiohttp_with_another_inside_gets_no_websocket(
    inside: dict[str, object], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What it may keep elsewhere would be half of a frame: the handshake is refused, and the log says what to do."""

    class Request(web.Request):
        @property
        def protocol(self) -> Any:
            return SimpleNamespace(**inside)

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)
        socket = web.WebSocketResponse()
        await shake_hands(request, socket)
        return socket

    request = partial(Request, loop=asyncio.get_running_loop())
    caplog.set_level(logging.ERROR, "pi_stream")
    runner = web.ServerRunner(web.Server(serve, request_factory=request))
    async with _listening(runner) as url, ClientSession() as client:
        with pytest.raises(WSServerHandshakeError) as refused:
            await client.ws_connect(url)
        assert refused.value.status == 500
        async with client.get(url) as answer:
            text = await answer.text()
    assert words in text
    assert f"aiohttp {aiohttp.__version__} " in text
    assert [record.getMessage() for record in caplog.records] == 2 * [f"a websocket was refused: {text}"]
