"""Requests that aiohttp's parser accepts and later code cannot handle: they are refused first."""

import logging

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler

from pi_stream.errors import BadMessage
from pi_stream.server.errors import refusal
from pi_stream.server.security.expect_header import is_valid

# It warns of each handshake that offers none of our subprotocols, with all that were offered. A client may offer none.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)

_VERSIONS = (HttpVersion10, HttpVersion11)  # the parser accepts 0.9 and 2.0, too


@web.middleware
async def wellformed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware."""
    if request.version not in _VERSIONS:
        major, minor = request.version
        return refusal(505, "http-version", f"expected HTTP/1.1 or HTTP/1.0, got HTTP/{major}.{minor}")
    if "Expect" in request.headers and not is_valid(request):
        return refusal(417, "expectation-failed", "expected no Expect other than 100-continue")
    if "Content-Encoding" in request.headers:
        return refusal(415, "content-encoding", "expected a body without Content-Encoding")
    try:
        request.if_modified_since, request.if_unmodified_since, request.if_range  # noqa: B018 - reading parses them
    except OverflowError:
        raise BadMessage("If-Modified-Since, If-Unmodified-Since or If-Range: the date is out of range") from None
    return await handler(request)
