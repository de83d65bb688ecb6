"""Every refusal as an HTTP status with a JSON reason; the one place where the statuses are chosen."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from pi_stream.errors import BadMessage, LimitReached, NotFound, Refused, Unsupported
from pi_stream.server.house import HOUSE

_STATUS: dict[type[Refused], int] = {BadMessage: 400, NotFound: 404, LimitReached: 409, Unsupported: 422}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An HTTP error as JSON: {"error": {"code", "message"}}."""
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was refused; an error that is none of ours is a bug, and ends the service."""
    try:
        return await handler(request)
    except Refused as error:
        return refusal(_STATUS[type(error)], error.code, str(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        keep = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        return refusal(error.status, error.reason.lower().replace(" ", "-"), error.text or error.reason, keep)
    except web.RequestPayloadError as error:
        return refusal(400, "bad-message", f"the body cannot be read: {error}")
    except ConnectionError:
        return web.Response(status=400)  # it went away; nobody is left to read this
    except Exception as error:
        request.app[HOUSE].fail(error)
        raise


@web.middleware
async def origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a foreign site's page sends from a visitor's browser: it would see the camera, or write on it."""
    origin = request.headers.get("Origin")
    guarded = request.method not in _SAFE or request.headers.get("Upgrade", "").lower() == "websocket"
    if guarded and origin is not None:
        own = origin.partition("://")[2] == request.host
        if not own and origin not in request.app[HOUSE].config.server.origins:
            return refusal(
                403, "foreign-origin", "a page of another site may not do this; [server] origins lists those that may"
            )
    return await handler(request)
