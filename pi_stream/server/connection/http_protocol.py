"""aiohttp's protocol, with our own response and one log line for malformed requests.

The line has nothing that the client sent, so that lines of a kind are equal, and `log_rate_limit` passes one a minute.
"""

import logging
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from pi_stream.server.connection.socket_buffers import peer
from pi_stream.server.errors import refusal
from pi_stream.server.security.response_headers import policy

log = logging.getLogger(__name__)

_BAD_REQUEST = 400
_MAX_REASON_CHARS = 100  # of aiohttp's message
_BAD_REQUEST_RESPONSE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HttpReader(web.RequestHandler):
    """See asyncio.Protocol."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        try:
            super().data_received(data)
        except ValueError as error:
            self._hang_up(error)

    async def start(self) -> None:
        """See aiohttp."""
        try:
            await super().start()
        except ValueError as error:
            self._hang_up(error)

    def _hang_up(self, error: ValueError) -> None:
        """An invalid address, such as http://[::1/, which the parser of aiohttp 3.11, Debian 13's, accepts."""
        if self.transport is not None:
            self._log(error)
            self.transport.write(_BAD_REQUEST_RESPONSE)
            self.transport.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """See aiohttp. Malformed requests come here before any middleware, and all else with another status."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client has disconnected, which aiohttp handles
        if isinstance(exc, UnicodeEncodeError) and not request.headers.get("Expect", "").isascii():
            status, message = _BAD_REQUEST, "Expect"  # aiohttp would put it into the response, which cannot be encoded
        if status != _BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        self._log(exc)
        reason = (message or "").partition("\n")[0].rstrip(":")[:_MAX_REASON_CHARS]
        answer = refusal(_BAD_REQUEST, "bad-request", f"expected HTTP, got something else: {reason}")
        answer.headers.update(policy())
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """See aiohttp."""
        error = kw.get("exc_info")
        if isinstance(error, HttpProcessingError):
            self._log(error)
        else:
            super().log_exception(*args, **kw)

    def _log(self, error: BaseException | None) -> None:
        address = peer(self.transport) if self.transport is not None else ""
        log.info("%s sent a malformed request (%s); it was refused", address or "a client", type(error).__name__)
