"""The Expect header of a request: RFC 9110, clause 10.1.1."""

from aiohttp import HttpVersion11, web


def expecting(route: web.RouteDef) -> web.RouteDef:
    """The same route, with our own handling of Expect: aiohttp would refuse one before any middleware runs."""
    return web.RouteDef(route.method, route.path, route.handler, {**route.kwargs, "expect_handler": _continue})


def is_valid(request: web.Request) -> bool:
    """Whether the request expects 100-continue, the only expectation there is."""
    return request.headers.get("Expect", "").lower() == "100-continue"


async def _continue(request: web.Request) -> None:
    if is_valid(request) and request.version == HttpVersion11 and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
