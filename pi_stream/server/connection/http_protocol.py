"""Reads requests as aiohttp does, but for what is no HTTP: that is answered in our words, and told in one line.

The line holds nothing that was sent, so that those of a kind are alike, and `unit/repeats.py` lets one a minute pass.
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
_SHOWN = 100  # characters of aiohttp's words
_UNHEARD = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


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
        """An address that cannot be, such as http://[::1/, which aiohttp 3.11, Debian 13's, lets pass its parser."""
        if self.transport is not None:
            self._tell(error)
            self.transport.write(_UNHEARD)
            self.transport.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """See aiohttp. What is no HTTP comes here before any middleware, and everything else with another status."""
        if isinstance(exc, ConnectionError):
            raise exc  # it went away, which aiohttp ends quietly
        if isinstance(exc, UnicodeEncodeError) and not request.headers.get("Expect", "").isascii():
            status, message = _BAD_REQUEST, "Expect"  # aiohttp tells it back, which cannot be written
        if status != _BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        self._tell(exc)
        said = (message or "").partition("\n")[0].rstrip(":")[:_SHOWN]
        answer = refusal(_BAD_REQUEST, "bad-request", f"expected HTTP, got something that is none: {said}")
        answer.headers.update(policy())
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """See aiohttp."""
        error = kw.get("exc_info")
        if isinstance(error, HttpProcessingError):
            self._tell(error)
        else:
            super().log_exception(*args, **kw)

    def _tell(self, error: BaseException | None) -> None:
        who = peer(self.transport) if self.transport is not None else ""
        log.info("%s sent what is no HTTP (%s); it was refused", who or "somebody", type(error).__name__)
