"""What aiohttp's parser takes for HTTP, and stumbles over later: refused before anything else looks at it."""

import logging

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler

from pi_stream.errors import BadMessage
from pi_stream.server.errors import refusal

# It warns of each handshake that offers none of our subprotocols, with all that was offered. Nobody must offer any.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)

_VERSIONS = (HttpVersion10, HttpVersion11)  # the parser lets 0.9 and 2.0 pass, too


@web.middleware
async def wellformed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware."""
    if request.version not in _VERSIONS:
        major, minor = request.version
        return refusal(505, "http-version", f"expected HTTP/1.1 or HTTP/1.0, got HTTP/{major}.{minor}")
    if "Content-Encoding" in request.headers:
        return refusal(415, "content-encoding", "expected a body as it is, without a Content-Encoding")
    try:
        request.if_modified_since, request.if_unmodified_since, request.if_range  # noqa: B018 - reading parses them
    except OverflowError:
        raise BadMessage("If-Modified-Since, If-Unmodified-Since or If-Range: there is no such date") from None
    return await handler(request)
