"""Who is meant, and on whose behalf: every request is asked for both before anything else looks at it.

The Host says who is meant (RFC 9110, clause 7.2; `names` has the reasons). Origin (RFC 6454) and Sec-Fetch-Site (W3C
Fetch Metadata) are what a browser adds to say whose page sends it; scripts say neither, and need not.
"""

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from pi_stream.server.context import AppContext
from pi_stream.server.errors import refusal
from pi_stream.server.security.host_names import names_of
from pi_stream.server.security.request_address import host_of, over_tls

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SHOWN = 100  # characters of a wrong name that are told back


def origin_check(context: AppContext) -> Middleware:
    """The middleware. The pages of [server] origins may do what our own may."""
    names = names_of(context.config.server)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", ())
        if len(hosts) != 1:
            return refusal(400, "bad-message", f"Host: expected it once, got it {len(hosts)} times")
        # They differ where the request line holds a whole URL, which then counts: RFC 9112, clause 3.2.2.
        for host in (hosts[0], host_of(request)):
            if not names.include(host):
                return _misdirected(host)
        if (request.method not in _SAFE or opens_websocket(request)) and _foreign(
            request, context.config.server.origins
        ):
            return refusal(
                403, "foreign-origin", "a page of another site may not do this; [server] origins lists those that may"
            )
        return await handler(request)

    return check


def _misdirected(host: str) -> web.Response:
    shown = host if len(host) <= _SHOWN else host[:_SHOWN] + "..."
    return refusal(
        421,
        "wrong-host",
        f'this machine is not called "{shown}"; to be found under that name, it must be listed in [server] hosts',
    )


def opens_websocket(request: web.Request) -> bool:
    """Whether it is the handshake of one."""
    return "websocket" in request.headers.get("Upgrade", "").lower()


def _foreign(request: web.Request, allowed: Collection[str]) -> bool:
    """Whether a page of a site that is neither ours nor `allowed` is behind it."""
    origin = request.headers.get("Origin")
    if origin is not None and origin in allowed:
        return False
    if request.headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
        return True
    # "null" is a page that hides where it is from. A page of ours has the address that it asked for; by TLS to a proxy,
    # which may ask us without. Where we speak it ourselves, a page that came without is anybody's who is on the way.
    schemes = ("https",) if over_tls(request) else ("http", "https")
    return origin is not None and origin.lower() not in {f"{scheme}://{host_of(request).lower()}" for scheme in schemes}
