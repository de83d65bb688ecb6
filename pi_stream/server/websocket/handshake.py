"""The answer to a websocket's handshake, and what must be so before it is given: RFC 6455, clause 4."""

import asyncio

from aiohttp import HttpVersion11, web

# Clauses 4.1 and 9.1. aiohttp stumbles over other bytes, in its decoding or in the words of its refusal.
_ASCII = (
    "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)  # fmt: skip  # they are words


async def shake_hands(request: web.Request, socket: web.WebSocketResponse) -> asyncio.Transport | None:
    """Open `socket`, and return what its frames come over; None: it went away meanwhile.

    Raises HTTPBadRequest for what is no handshake.
    """
    for name in _ASCII:
        if not all(value.isascii() for value in request.headers.getall(name, ())):
            raise web.HTTPBadRequest(text=f"expected {name} of a websocket's handshake in ASCII")
    if request.version < HttpVersion11:
        raise web.HTTPBadRequest(text="a websocket's handshake takes HTTP/1.1")
    # Where aiohttp keeps what came behind a handshake. A frame's beginning in it would be read by aiohttp alone, and
    # whoever reads past it would not know where the next one begins.
    if getattr(request.protocol, "_message_tail", b""):
        raise web.HTTPBadRequest(text="a websocket's first frame must wait for the answer to its handshake")
    await socket.prepare(request)
    transport = request.transport
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return None  # one over TLS that is closing may have lost its protocol already
    return transport
