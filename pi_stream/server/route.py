"""What a route is: one row with all that the server, its rights, its headers and its description need to know of it.

`server/routes.py` has the rows of the server; a feature adds its own.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeAlias

from aiohttp import web
from msgspec import Struct

from pi_stream.auth.rights import Right
from pi_stream.server.security.expect_header import expecting

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

CAMERA_PREFIX = "/cameras/{camera}"
_PARAMETER = re.compile(r"\{(?P<name>[a-z]+)\}")


@dataclass(frozen=True)
class Answer:
    """One answer in the description of the API. `schema` is the type of the JSON; None: the body is not described."""

    description: str
    media_type: str | None = "application/json"
    schema: type | None = None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """How a route is described in /api/openapi.json.

    `id` is its operationId: it must not change, because programs are generated from it. `query` and `body` are the
    types that they are parsed into. `answers` are by status; the answer to a bad request is added.
    """

    id: str
    summary: str
    answers: Mapping[int, Answer]
    query: type[Struct] | None = None
    body: type[Struct] | None = None


@dataclass(frozen=True)
class Route:
    """One route. `path` may have parameters in braces. A GET answers HEAD under the same right, unless `head` is False.

    `camera`: it belongs to a camera. Without a prefix it is the first camera's; it is also served under
    /cameras/{camera}, where `stream_of(request)` gives the camera.
    `linkable`: a link of POST /api/links may open it. `embeddable`: pages of other sites may show it, but not read it.
    `page`: it is opened by people, who are redirected to the login page instead of getting 401.
    `cache` is its Cache-Control, if the handler sets none.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "*"]
    path: str
    handler: Handler
    right: Right
    _: KW_ONLY
    camera: bool = False
    linkable: bool = False
    embeddable: bool = False
    page: bool = False
    head: bool = True
    cache: Literal["no-store", "no-cache"] = "no-store"
    operation: Operation | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths under which it is served."""
        return (self.path, CAMERA_PREFIX + self.path) if self.camera else (self.path,)

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods that it answers."""
        return ("HEAD", "GET") if self.method == "GET" and self.head else (self.method,)


class RouteTable:
    """All routes of an application. Raises ValueError if two rows have the same method and path."""

    def __init__(self, rows: Iterable[Route]) -> None:
        self.rows = tuple(rows)
        self._row_of: dict[web.AbstractRoute, Route] = {}
        self._links = [re.compile(_pattern(path)) for row in self.rows if row.linkable for path in row.paths]
        seen: set[tuple[str, str]] = set()
        for method, path in ((row.method, path) for row in self.rows for path in row.paths):
            if (method, path) in seen:
                raise ValueError(f"two routes are {method} {path}")
            seen.add((method, path))

    def add_to(self, app: web.Application) -> None:
        """Have the application serve all rows. Anything else that it serves has no row, and no right allows it."""
        app[ROUTES] = self
        for row in self.rows:
            for path in row.paths:
                for method in row.methods:
                    kwargs = {"allow_head": False} if method == "GET" else {}
                    (route,) = app.add_routes([expecting(web.RouteDef(method, path, row.handler, kwargs))])
                    self._row_of[route] = row

    def row_of(self, request: web.Request) -> Route | None:
        """The row of the route that a request matched; None if it matched none."""
        return self._row_of.get(request.match_info.route)

    def linked(self, path: str) -> dict[str, str] | None:
        """The parameters of a path, without percent-encoding, that a link may open; None if no link may."""
        matches = (pattern.fullmatch(path) for pattern in self._links)
        return next((match.groupdict() for match in matches if match is not None), None)

    @property
    def linkable_paths(self) -> tuple[str, ...]:
        """The paths that a link may open, as the rows have them."""
        return tuple(row.path for row in self.rows if row.linkable)


ROUTES = web.AppKey("routes", RouteTable)


def parameters(path: str) -> list[str]:
    """The names of the parameters in a row's path."""
    return _PARAMETER.findall(path)


def _pattern(path: str) -> str:
    parts = _PARAMETER.split(path)  # text and names alternate
    return "".join(f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
