"""The answer to a websocket's handshake, and what must be so before it is given: RFC 6455, clause 4."""

import asyncio
import logging

import aiohttp
from aiohttp import HttpVersion11, web

log = logging.getLogger(__name__)

# Clauses 4.1 and 9.1. aiohttp stumbles over other bytes, in its decoding or in the words of its refusal.
_ASCII = (
    "Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)  # fmt: skip  # they are words


async def shake_hands(request: web.Request, socket: web.WebSocketResponse) -> asyncio.Transport | None:
    """Open `socket`, and return what its frames come over; None: it went away meanwhile.

    Raises HTTPBadRequest for what is no handshake, and HTTPInternalServerError if this aiohttp does not say what came
    behind it.
    """
    for name in _ASCII:
        if not all(value.isascii() for value in request.headers.getall(name, ())):
            raise web.HTTPBadRequest(text=f"expected {name} of a websocket's handshake in ASCII")
    if request.version < HttpVersion11:
        raise web.HTTPBadRequest(text="a websocket's handshake takes HTTP/1.1")
    if _came_behind(request):
        raise web.HTTPBadRequest(text="a websocket's first frame must wait for the answer to its handshake")
    await socket.prepare(request)
    transport = request.transport
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return None  # one over TLS that is closing may have lost its protocol already
    return transport


def _came_behind(request: web.Request) -> bytes:
    """The bytes that came behind a handshake before its answer.

    aiohttp alone would read a frame that begins in them, and no other reader of the connection would know where the
    next frame begins. No public attribute has these bytes. An aiohttp that does not keep them in this one must not be
    taken for a connection on which nothing came: raises HTTPInternalServerError.
    """
    tail = getattr(request.protocol, "_message_tail", None)
    if not isinstance(tail, bytes):
        found = "no such attribute" if tail is None else f"an attribute of type {type(tail).__name__}"
        text = (
            f"aiohttp {aiohttp.__version__} does not keep what comes behind a handshake where pi-stream looks for it: "
            f"expected RequestHandler._message_tail as bytes, got {found}; install an older aiohttp "
            "(tests/constraints.txt names the newest that pi-stream was tested with)"
        )
        log.error("a websocket was refused: %s", text)
        raise web.HTTPInternalServerError(text=text)
    return tail
