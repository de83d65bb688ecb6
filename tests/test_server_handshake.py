"""The answer to a websocket's handshake, where it cannot be given any more."""

import asyncio
from contextlib import suppress

from aiohttp import ClientSession, WSServerHandshakeError, web

from pi_stream.server.websocket.handshake import shake_hands


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
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with ClientSession() as client:
            with suppress(WSServerHandshakeError):  # it may have gone before the answer
                await client.ws_connect(f"{site.name}/ws")
        assert await asyncio.wait_for(told, 10) is None
    finally:
        await runner.cleanup()
