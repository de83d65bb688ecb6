"""What every answer tells a browser: what may run in the page, who may show it, and no more than is needed.

The words are those of CSP Level 3, Permissions Policy, Referrer Policy and the Fetch standard.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache

from aiohttp import web, web_response

# Where aiohttp has its name and version for every answer, those included that no hook of an application sees.
web_response.SERVER_SOFTWARE = "pi-stream"  # type: ignore[attr-defined]  # no other place sees what is no HTTP

# These are meant to be shown on other pages: <img src="http://raspberrypi.local:8000/stream.mjpg">. Such a page shows
# them and cannot read them, since no answer of ours has an Access-Control-Allow-Origin.
_SHOWN_ANYWHERE = frozenset({"/stream.mjpg", "/snapshot.jpg", "/snapshot.png"})

_FEATURES = (
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "payment",
    "usb",
)  # a viewer's own: never asked for


@lru_cache(maxsize=8)
def policy(origins: tuple[str, ...] = ()) -> dict[str, str]:
    """The headers of every answer. The sites of `origins` may show the page in a frame of theirs."""
    content = {
        "default-src": "'self'",  # nothing from elsewhere, and no script or style but from a file of ours
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(("'self'", *origins)),
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in content.items()),
        "X-Content-Type-Options": "nosniff",
        # Nothing to other sites; but to ourselves, for a form that says no-referrer sends the Origin "null".
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def add_headers(
    origins: Callable[[], Iterable[str]],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The hook that puts them on every answer before it begins."""

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(policy(tuple(origins())))
        if request.path in _SHOWN_ANYWHERE:
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers.setdefault("Cache-Control", "no-cache")  # a new version of the page is seen at once

    return add
