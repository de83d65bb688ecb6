"""Every refusal as an HTTP status with the reason in JSON: the only place that chooses statuses for errors."""

import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

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
from pi_stream.server.http.json_response import json_response
from pi_stream.server.security.access import LoginNeeded, address_of

log = logging.getLogger(__name__)

_STATUS: dict[type[Refused], int] = {
    BadMessage: 400,
    Forbidden: 403,
    NotFound: 404,
    Unsupported: 422,
}

_CODES = {413: "content-too-large", 416: "range-not-satisfiable", 422: "unprocessable-content"}


class ErrorDetail(Struct, frozen=True):
    """`code` is for programs, `message` is a sentence for people."""

    code: str
    message: str


class Error(Struct, frozen=True):
    """The body of an HTTP error."""

    error: ErrorDetail


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An HTTP error as JSON."""
    answer = json_response(Error(ErrorDetail(code, message)), status)
    answer.headers.update(headers or {})
    return answer


def code_of(status: int) -> str:
    """The code of a status: its name in RFC 9110. Python's and aiohttp's names differ between versions."""
    return _CODES.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "-")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what was refused. Any other error is a bug, and ends the service."""
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
        return web.Response(status=400)  # the client has disconnected and cannot read this
    except Exception as error:
        if used_up(error):
            log.error("a request could not be answered: %s", error)
            return refusal(503, "used-up", f"the service lacks a resource now: {error}", {"Retry-After": "5"})
        request.app[CONTEXT].fail(error)
        raise
