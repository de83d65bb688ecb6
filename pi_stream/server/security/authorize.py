"""Before each handler: who asks may do this, or is told to log in."""

from collections.abc import Mapping
from contextvars import ContextVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from pi_stream.auth.rights import Grant, Right
from pi_stream.errors import Forbidden
from pi_stream.server.rights import name_of
from pi_stream.server.security.access import Access, LoginNeeded

_granted: ContextVar[Grant] = ContextVar("granted")  # to the request of this task: aiohttp has one for each
_PAGES = frozenset({"/", "/index.html"})


def authorize(access: Access, rights: Mapping[str, Right]) -> Middleware:
    """The middleware. `rights` has a row for every route there is."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if access.open or request.match_info.http_exception is not None:
            return await handler(request)  # the exception: there is no such route, which anybody may know
        needed = rights[name_of(request.match_info.route)]
        if needed is Right.NOTHING:
            return await handler(request)
        grant = await access.grant(request)
        if grant.right < needed:
            if grant.by is not None:
                raise Forbidden(f"this takes the right to {needed.word}; yours is to {grant.right.word}")
            if request.path in _PAGES:
                return web.Response(status=303, headers={"Location": "login", "Cache-Control": "no-store"})
            raise LoginNeeded(f"this takes the right to {needed.word}: log in, or send a password or a token")
        _granted.set(grant)
        return await handler(request)

    return check


def current_grant(access: Access) -> Grant:
    """What the request was granted that is being handled."""
    return _granted.get(access.everybody)
