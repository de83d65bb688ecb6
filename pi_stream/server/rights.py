"""What takes which right: every route and every message, in one table. What is not in it is not served.

Whatever others notice takes CONTROL: their picture, and what they read. The rest of what a viewer does takes VIEW.
"""

from collections.abc import Iterable, Mapping

from aiohttp import web

from pi_stream import protocol
from pi_stream.auth.rights import Right

NOTHING, VIEW, CONTROL = Right

# A route that answers GET answers HEAD under the same right.
ROUTES: Mapping[str, Right] = {
    "GET /": VIEW,
    "GET /index.html": VIEW,
    "GET /ws": VIEW,
    "GET /ws/text": VIEW,
    "GET /stream.mjpg": VIEW,
    "GET /snapshot.jpg": VIEW,
    "GET /snapshot.png": VIEW,
    "GET /healthz": NOTHING,  # for whatever watches over the service: whether there are pictures, and why not
    "GET /metrics": VIEW,
    "GET /login": NOTHING,
    "GET /certificate": NOTHING,  # as the handshake shows it to everybody
    "GET /certificate.pem": NOTHING,
    "POST /login": NOTHING,
    "POST /logout": NOTHING,
    "GET /api/access": NOTHING,
    "POST /api/links": CONTROL,
    "GET /api/openapi.json": VIEW,
    "GET /api/cameras": VIEW,
    "GET /api/status": VIEW,
    "GET /api/doctor": VIEW,
    "GET /api/next": VIEW,
    "GET /api/captions": VIEW,
    "POST /api/captions": CONTROL,
    "GET /api/captions/{id}": VIEW,
    "PUT /api/captions/{id}": CONTROL,
    "DELETE /api/captions/{id}": CONTROL,
}
PAGE_FILE = NOTHING  # any other file of www: scripts and styles, the same everywhere

MESSAGES: Mapping[type[protocol.Request], Right] = {
    protocol.Watch: VIEW,
    protocol.Ack: VIEW,  # taken past this table, in `acks`: whoever has a websocket may look
    protocol.Unwatch: VIEW,
    protocol.Ping: VIEW,
    protocol.CaptionPut: CONTROL,
    protocol.CaptionDelete: CONTROL,
    protocol.Say: CONTROL,
    protocol.Name: CONTROL,
    protocol.Controls: CONTROL,
}

_LINKED = frozenset({"/stream.mjpg", "/snapshot.jpg", "/snapshot.png"})


def linked(path: str) -> bool:
    """Whether a link may let anybody GET it."""
    return path in _LINKED


def rights_of(routes: Iterable[web.AbstractRoute], files: Iterable[str]) -> dict[str, Right]:
    """The right that each route takes, by method and path. Raises LookupError for one that the table has not."""
    table = {**{f"GET /{name}": PAGE_FILE for name in files}, **ROUTES}
    found: dict[str, Right] = {}
    for route in routes:
        if (name := name_of(route)) not in table:
            raise LookupError(f"the route {name} has no row in server/rights.py")
        found[name] = table[name]
    return found


def name_of(route: web.AbstractRoute) -> str:
    """Its row's name."""
    path = route.resource.canonical if route.resource is not None else ""
    return f"{'GET' if route.method == 'HEAD' else route.method} {path}"
