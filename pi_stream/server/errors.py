"""Every refusal as an HTTP status with a JSON reason; the one place where the statuses are chosen."""

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from pi_stream.errors import (
    BadMessage,
    EncodingFailed,
    Forbidden,
    LimitReached,
    NotFound,
    Refused,
    Unsupported,
    used_up,
)
from pi_stream.server.context import CONTEXT
from pi_stream.server.security.access import LoginNeeded, address_of

log = logging.getLogger(__name__)

_STATUS: dict[type[Refused], int] = {
    BadMessage: 400,
    Forbidden: 403,
    NotFound: 404,
    Unsupported: 422,
}


_CODES = {413: "content-too-large", 416: "range-not-satisfiable", 422: "unprocessable-content"}


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An HTTP error as JSON: {"error": {"code", "message"}}."""
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)


def code_of(status: int) -> str:
    """A status as a code; its name in RFC 9110, which Python's and aiohttp's versions follow more or less."""
    return _CODES.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "-")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was refused; an error that is none of ours is a bug, and ends the service."""
    try:
        return await handler(request)
    except LimitReached as error:
        request.app[CONTEXT].refusals.count(error.limit, address_of(request), str(error))
        return refusal(429 if error.theirs else 503, error.code, str(error), {"Retry-After": str(error.wait)})
    except Refused as error:
        return refusal(_STATUS[type(error)], error.code, str(error))
    except EncodingFailed as error:
        return refusal(503, error.code, str(error), {"Retry-After": "5"})
    except LoginNeeded as error:
        answer = refusal(401, "login-needed", str(error))
        for scheme in ("Basic", "Bearer"):  # RFC 7617 and RFC 6750
            answer.headers.add("WWW-Authenticate", f'{scheme} realm="pi-stream", charset="UTF-8"')
        return answer
    except web.HTTPException as error:
        if error.status < 400:
            raise
        keep = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
        return refusal(error.status, code_of(error.status), error.text or error.reason, keep)
    except web.RequestPayloadError as error:
        return refusal(400, "bad-message", f"the body cannot be read: {error}")
    except ConnectionError:
        return web.Response(status=400)  # it went away; nobody is left to read this
    except Exception as error:
        if used_up(error):
            log.error("a request could not be answered: %s", error)
            return refusal(503, "used-up", f"the service is short of something now: {error}", {"Retry-After": "5"})
        request.app[CONTEXT].fail(error)
        raise
