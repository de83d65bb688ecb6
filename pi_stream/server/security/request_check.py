"""What aiohttp's parser takes for HTTP, and stumbles over later: refused before anything else looks at it."""

import logging

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler

from pi_stream.errors import BadMessage
from pi_stream.server.errors import refusal

# It warns of each handshake that offers none of our subprotocols, with all that was offered. Nobody must offer any.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)

_VERSIONS = (HttpVersion10, HttpVersion11)  # the parser lets 0.9 and 2.0 pass, too


def expecting(route: web.RouteDef) -> web.RouteDef:
    """The same route. What somebody expects of it is refused with everything else: aiohttp would do so before."""
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": _go_on})


async def _go_on(request: web.Request) -> None:
    if _expects_what_it_may(request) and request.version == HttpVersion11 and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _expects_what_it_may(request: web.Request) -> bool:
    """RFC 9110, clause 10.1.1."""
    return request.headers.get("Expect", "").lower() == "100-continue"


@web.middleware
async def wellformed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware."""
    if request.version not in _VERSIONS:
        major, minor = request.version
        return refusal(505, "http-version", f"expected HTTP/1.1 or HTTP/1.0, got HTTP/{major}.{minor}")
    if "Expect" in request.headers and not _expects_what_it_may(request):
        return refusal(417, "expectation-failed", "expected no Expect but 100-continue")
    if "Content-Encoding" in request.headers:
        return refusal(415, "content-encoding", "expected a body as it is, without a Content-Encoding")
    try:
        request.if_modified_since, request.if_unmodified_since, request.if_range  # noqa: B018 - reading parses them
    except OverflowError:
        raise BadMessage("If-Modified-Since, If-Unmodified-Since or If-Range: there is no such date") from None
    return await handler(request)
