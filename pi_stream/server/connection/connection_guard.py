"""The first protocol of each connection: it sees what arrives and what waits to be sent, and enforces limits."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from aiohttp import StreamReader, web
from aiohttp.typedefs import Handler

from pi_stream.auth.throttle import client_network
from pi_stream.lib import clock
from pi_stream.server.connection.final_response import FINAL_RESPONSE_TIMEOUT_S, error_response, send_and_close
from pi_stream.server.connection.socket_buffers import abort, pause_until_sent, peer, unacknowledged_bytes

if TYPE_CHECKING:
    from pi_stream.server.connection.connections import Connections

MAX_HEADER_BYTES = 32_768  # of a request's first line and header; aiohttp limits only each line
_HEADER_END = b"\r\n\r\n"  # RFC 9112, clause 2.1


class ConnectionGuard(asyncio.Protocol):
    """Passes everything between one connection and the protocol behind it, and reports to `Connections`.

    It is `busy` while a request is answered. Otherwise it is idle, or a request is incomplete, `since` that time
    (microseconds of the service's clock).
    """

    transport: asyncio.Transport

    def __init__(self, connections: "Connections", behind: Callable[[], asyncio.Protocol]) -> None:
        self._connections = connections
        self._make_behind = behind
        self._behind: asyncio.Protocol | None = None
        self.address = self.network = ""
        self.busy = False
        self.is_websocket = False  # what arrives is no header and no body
        self.since = clock.now()
        self._answered = 0  # number of requests
        self._received = 0  # bytes of this request
        self._begun = False  # empty lines may come before a request: RFC 9112, clause 2.2
        self._whole = False  # the header is complete
        self._after_header = 0  # bytes that arrived after it
        self._last = b""  # the last bytes of the header, which may be the beginning of its end
        self._body: StreamReader | None = None  # of a request that was answered before its end
        self._refused = False  # the reason was sent, and the client has a moment to read it
        # A body was too long, or too many requests waited: data was discarded, so what follows cannot be parsed. The
        # connection ends with this response.
        self.overrun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast(asyncio.Transport, transport)  # of TCP, as for every asyncio.Protocol
        self.address = peer(transport)
        self.network = client_network(self.address)
        if (error := self._connections.admit(self)) is None:
            pause_until_sent(self.transport)  # so that pause_writing is called for any byte that waits
            self._behind = self._make_behind()
        else:
            self._behind, self.busy = self._connections.final_response(self, error), True
        if self._behind is not None:
            self._behind.connection_made(transport)
        else:
            abort(self.transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        discards = self._refused or self.overrun
        if self._behind is not None and not discards and (self.is_websocket or self._accepts(data)):
            self._behind.data_received(data)

    @property
    def came_alone(self) -> bool:
        """Whether the request that is answered arrived as one header, with nothing before or after it until now.

        False also if that is not known: what arrives while an earlier request is answered is not parsed here.
        """
        return self._whole and not self._after_header

    def _accepts(self, data: bytes) -> bool:
        """Whether the request is within the limits with this data."""
        most = self._connections.limits().request_size + MAX_HEADER_BYTES
        if self.busy or self._reads_rest():
            self.overrun = self._received > most
            self._received += len(data)
            self._after_header += len(data)
            return not self.overrun
        if not self._received:
            self.since = clock.now()
        self._received += len(data)
        if self._whole:
            self.overrun = self._received > most
            self._after_header += len(data)
            return not self.overrun
        seen = self._last + data
        if not self._begun:
            seen = seen.lstrip(b"\r\n")
            self._begun = bool(seen)
        end = seen.find(_HEADER_END)
        self._whole, self._last = end >= 0, seen[1 - len(_HEADER_END) :]
        self._after_header = len(seen) - end - len(_HEADER_END) if self._whole else 0
        if self._received - (len(seen) - end if self._whole else 0) <= MAX_HEADER_BYTES:
            return True
        text = f"the header of a request was longer than {MAX_HEADER_BYTES} bytes"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        return False

    def _reads_rest(self) -> bool:
        """Whether the rest of the body of an answered request arrives; aiohttp reads it for a while, then closes."""
        if self._body is not None and self._body.is_eof():
            self._body, self._received, self.since = None, 0, clock.now()
        return self._body is not None

    @contextmanager
    def answering(self, body: StreamReader) -> Iterator[None]:
        """A request is answered while the block runs."""
        self.busy, self._received = True, 0
        try:
            yield
        finally:
            self.busy, self._received, self._begun, self._whole, self._last = False, 0, False, False, b""
            self._body = None if body.is_eof() else body
            self._answered += 1
            self.since = clock.now()

    def check(self, now: int) -> None:
        """Close the connection if it is idle for too long."""
        if self.busy or self._behind is None or self._reads_rest():
            return
        if self._refused:
            if now - self.since >= FINAL_RESPONSE_TIMEOUT_S * 1e6:
                abort(self.transport)
            return
        limits = self._connections.limits()
        incomplete = self._received > 0
        timeout_s = limits.header_timeout if incomplete or not self._answered else limits.idle_timeout
        if now - self.since < timeout_s * 1e6 or unacknowledged_bytes(self.transport):
            return  # the response may be written after the request was handled
        if incomplete:
            text = f"the header of a request did not arrive within {timeout_s:g} s (limits.header_timeout)"
            self._connections.refusals.count("limits.header_timeout", self.address, text)
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, text)
        else:
            self.transport.close()  # browsers open some in advance, and expect no response

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._refused, self.since = True, clock.now()
        send_and_close(self.transport, error_response(status, status.phrase.lower().replace(" ", "-"), message))

    def pause_writing(self) -> None:
        """See asyncio."""
        self._connections.set_unread(self, self.transport.get_write_buffer_size())
        if self._behind is not None:
            self._behind.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._connections.set_unread(self, 0)
        if self._behind is not None:
            self._behind.resume_writing()

    def eof_received(self) -> bool | None:
        """See asyncio."""
        return self._behind.eof_received() if self._behind is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._connections.forget(self)
        if self._behind is not None:
            self._behind.connection_lost(exc)


@web.middleware
async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The middleware that tells the guard of a connection when its request is answered."""
    connection = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(connection, ConnectionGuard):
        return await handler(request)
    with connection.answering(request.content):
        response = await handler(request)
    if connection.overrun:
        response.force_close()
    return response


def mark_as_websocket(transport: asyncio.Transport) -> None:
    """Tell the guard of a connection that it is a websocket now."""
    if isinstance(connection := transport.get_protocol(), ConnectionGuard):
        connection.is_websocket = True
