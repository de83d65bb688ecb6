"""The handshake of a websocket, and its checks that aiohttp does not make: RFC 6455, clause 4."""

import asyncio

from aiohttp import HttpVersion11, web

from pi_stream.server.connection.connection_guard import ConnectionGuard

# Clauses 4.1 and 9.1. Other bytes raise errors in aiohttp, when it decodes them or refuses them.
_ASCII = (
    "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)  # fmt: skip  # header names


async def shake_hands(request: web.Request, socket: web.WebSocketResponse) -> asyncio.Transport | None:
    """Answer the handshake of `socket`, and return its transport; None if the client has disconnected.

    Raises HTTPBadRequest for an invalid handshake.
    """
    for name in _ASCII:
        if not all(value.isascii() for value in request.headers.getall(name, ())):
            raise web.HTTPBadRequest(text=f"expected {name} of a websocket's handshake in ASCII")
    if request.version < HttpVersion11:
        raise web.HTTPBadRequest(text="a websocket's handshake needs HTTP/1.1")
    # aiohttp alone would read a frame that begins behind the handshake, and no other reader of the connection would
    # know where the next frame begins. The guard sees all bytes before aiohttp does.
    guard = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(guard, ConnectionGuard) or not guard.came_alone:
        raise web.HTTPBadRequest(text="a websocket's first frame must wait for the answer to its handshake")
    await socket.prepare(request)
    transport = request.transport
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return None  # a TLS transport that is closing may have no protocol any more
    return transport
