"""Before each handler: whether the client has the right that the route needs."""

from contextvars import ContextVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from pi_stream.auth.rights import Grant, Right
from pi_stream.errors import Forbidden
from pi_stream.server.route import RouteTable
from pi_stream.server.security.access import Access, LoginNeeded
from pi_stream.server.security.request_address import path_to_root

_granted: ContextVar[Grant] = ContextVar("granted")  # to the request of this task: aiohttp has one for each


def authorize(access: Access, table: RouteTable) -> Middleware:
    """The middleware. A route that has no row in the table is not served: that is a bug, and raises LookupError."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.match_info.http_exception is not None:
            return await handler(request)  # there is no such route, which anyone may know
        row = table.row_of(request)
        if row is None:
            raise LookupError(f"the route of {request.path} has no row")
        if access.open or row.right is Right.NOTHING:
            return await handler(request)
        grant = await access.grant(request, linkable=row.linkable)
        if grant.right < row.right:
            if grant.by is not None:
                raise Forbidden(f"this needs the right to {row.right.word}; yours is to {grant.right.word}")
            if row.page:
                location = f"{path_to_root(request)}login"
                return web.Response(status=303, headers={"Location": location})
            raise LoginNeeded(f"this needs the right to {row.right.word}: log in, or send a password or a token")
        _granted.set(grant)
        return await handler(request)

    return check


def current_grant(access: Access) -> Grant:
    """What the request of this task was granted."""
    return _granted.get(access.everybody)
