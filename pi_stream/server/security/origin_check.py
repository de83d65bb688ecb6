"""Host and Origin of every request, checked first: is it for this machine, and which site's page sent it?

Host names the machine (RFC 9110, clause 7.2; `host_names` has the reasons). Browsers add Origin (RFC 6454) and
Sec-Fetch-Site (W3C Fetch Metadata), which say which page sent the request; other clients send neither.
"""

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from pi_stream.server.context import AppContext
from pi_stream.server.errors import refusal
from pi_stream.server.security.host_names import names_of
from pi_stream.server.security.request_address import host_of, over_tls

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_SHOWN_CHARS = 100  # of a wrong name in the response


def origin_check(context: AppContext) -> Middleware:
    """The middleware. The pages of [server] origins may do what the service's own page may."""
    names = names_of(context.config.server)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", ())
        if len(hosts) != 1:
            return refusal(400, "bad-message", f"Host: expected one, got {len(hosts)}")
        # They differ if the request line has a whole URL, which then takes precedence: RFC 9112, clause 3.2.2.
        for host in (hosts[0], host_of(request)):
            if not names.include(host):
                return _misdirected(host)
        if (request.method not in _SAFE or opens_websocket(request)) and _foreign(
            request, context.config.server.origins
        ):
            return refusal(
                403,
                "foreign-origin",
                "a page of another site may not do this; [server] origins lists the sites that may",
            )
        return await handler(request)

    return check


def _misdirected(host: str) -> web.Response:
    shown = host if len(host) <= _MAX_SHOWN_CHARS else host[:_MAX_SHOWN_CHARS] + "..."
    return refusal(
        421,
        "wrong-host",
        f'this machine is not called "{shown}"; to be found under that name, it must be listed in [server] hosts',
    )


def opens_websocket(request: web.Request) -> bool:
    """Whether a request is the handshake of a websocket."""
    return "websocket" in request.headers.get("Upgrade", "").lower()


def _foreign(request: web.Request, allowed: Collection[str]) -> bool:
    """Whether the page of another site sent the request, and that site is not `allowed`."""
    origin = request.headers.get("Origin")
    if origin is not None and origin in allowed:
        return False
    if request.headers.get("Sec-Fetch-Site", "").lower() == "cross-site":
        return True
    # "null": the page hides its site. The service's own page has the address of the request; with https if a proxy
    # speaks TLS and this service does not. If this service speaks TLS, a page that was loaded by http may have been
    # changed on the way.
    schemes = ("https",) if over_tls(request) else ("http", "https")
    return origin is not None and origin.lower() not in {f"{scheme}://{host_of(request).lower()}" for scheme in schemes}
