"""Headers of every response: what may run in the page, who may show it, and how long it may be kept.

They are defined in CSP Level 3, Permissions Policy, Referrer Policy and the Fetch standard.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache

from aiohttp import web, web_response

from pi_stream.server.route import RouteTable

# aiohttp puts its name and version on every response, including those that no hook of an application sees.
web_response.SERVER_SOFTWARE = "pi-stream"  # type: ignore[attr-defined]  # no other place sees malformed requests

_FEATURES = (
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "payment",
    "usb",
)  # features of the viewer's browser that the page never uses


@lru_cache(maxsize=8)
def policy(origins: tuple[str, ...] = ()) -> dict[str, str]:
    """The headers of every response. The sites of `origins` may show the page in a frame."""
    content = {
        "default-src": "'self'",  # nothing from other sites; scripts and styles only from files
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(("'self'", *origins)),
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in content.items()),
        "X-Content-Type-Options": "nosniff",
        # Nothing to other sites. Not "no-referrer": forms would then send the Origin "null" to this service.
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def add_headers(
    origins: Callable[[], Iterable[str]], table: RouteTable
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The hook that sets the headers of every response before it begins.

    An embeddable route may be shown on other pages, such as <img src="http://raspberrypi.local:8000/stream.mjpg">. Such
    a page cannot read the picture, because no response has an Access-Control-Allow-Origin.
    """

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(policy(tuple(origins())))
        row = table.row_of(request)
        if row is not None and row.embeddable:
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers.setdefault("Cache-Control", "no-store" if row is None else row.cache)

    return add
