"""What stands before the protocol of each connection, and sees bytes come and writes wait."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from aiohttp import StreamReader, web
from aiohttp.typedefs import Handler

from pi_stream.auth.throttle import client_network
from pi_stream.lib import clock
from pi_stream.server.connection.final_response import MOMENT, answer, send_and_close
from pi_stream.server.connection.socket_buffers import abort, backlog, newest_wins, peer

if TYPE_CHECKING:
    from pi_stream.server.connection.connections import Connections

HEADER_SIZE = 32_768  # bytes of a request's first line and header; aiohttp's own limit is for each of its lines
_END = b"\r\n\r\n"  # of a header: RFC 9112, clause 2.1


class ConnectionGuard(asyncio.Protocol):
    """Stands before the protocol of one connection, and tells `Connections` how it fares.

    It is `busy` while a request is answered; else it asks nothing, or not all of it yet, `since` then.
    """

    transport: asyncio.Transport

    def __init__(self, all_of_them: "Connections", behind: Callable[[], asyncio.Protocol]) -> None:
        self._all = all_of_them
        self._make_behind = behind
        self._behind: asyncio.Protocol | None = None
        self.address = self.household = ""
        self.busy = False
        self.speaks = False  # a websocket: what it says is no header and no body
        self.since = clock.now()
        self._answered = 0  # requests
        self._came = 0  # bytes of this request
        self._begun = False  # more than the empty lines came that may be before a request: RFC 9112, clause 2.2
        self._whole = False  # its header is
        self._after_header = 0  # bytes that came behind it
        self._last = b""  # of its header, as may belong to the end of it
        self._body: StreamReader | None = None  # of a request that was answered before all of it had come
        self._refused = False  # it was told why, and has a moment to read that
        # A body that is too long came, or requests that nobody answers yet: what came then is lost, and whatever comes
        # after it is nothing that could be understood. It ends with this answer.
        self.overrun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast(asyncio.Transport, transport)  # of TCP, as for every asyncio.Protocol
        self.address = peer(transport)
        self.household = client_network(self.address)
        if (error := self._all.admit(self)) is None:
            newest_wins(self.transport)  # so that whatever waits is told here
            self._behind = self._make_behind()
        else:
            self._behind, self.busy = self._all.farewell(self, error), True
        if self._behind is not None:
            self._behind.connection_made(transport)
        else:
            abort(self.transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        deaf = self._refused or self.overrun
        if self._behind is not None and not deaf and (self.speaks or self._may_come(data)):
            self._behind.data_received(data)

    @property
    def came_alone(self) -> bool:
        """Whether the request that is answered came as one header with nothing before or behind it, until now.

        False also if it cannot be told: what comes while an earlier request is answered is not looked at.
        """
        return self._whole and not self._after_header

    def _may_come(self, data: bytes) -> bool:
        """Whether it is not too much for one request."""
        most = self._all.limits().request_size + HEADER_SIZE
        if self.busy or self._lingers():
            self.overrun = self._came > most
            self._came += len(data)
            self._after_header += len(data)
            return not self.overrun
        if not self._came:
            self.since = clock.now()
        self._came += len(data)
        if self._whole:
            self.overrun = self._came > most
            self._after_header += len(data)
            return not self.overrun
        seen = self._last + data
        if not self._begun:
            seen = seen.lstrip(b"\r\n")
            self._begun = bool(seen)
        end = seen.find(_END)
        self._whole, self._last = end >= 0, seen[1 - len(_END) :]
        self._after_header = len(seen) - end - len(_END) if self._whole else 0
        if self._came - (len(seen) - end if self._whole else 0) <= HEADER_SIZE:
            return True
        text = f"the header of a request was longer than {HEADER_SIZE} bytes"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        return False

    def _lingers(self) -> bool:
        """Whether a body is still coming that nobody waits for; aiohttp reads on a while, and then hangs up."""
        if self._body is not None and self._body.is_eof():
            self._body, self._came, self.since = None, 0, clock.now()
        return self._body is not None

    @contextmanager
    def answering(self, body: StreamReader) -> Iterator[None]:
        """Its request is answered while the block runs."""
        self.busy, self._came = True, 0
        try:
            yield
        finally:
            self.busy, self._came, self._begun, self._whole, self._last = False, 0, False, False, b""
            self._body = None if body.is_eof() else body
            self._answered += 1
            self.since = clock.now()

    def look(self, now: int) -> None:
        """End it if it keeps others waiting."""
        if self.busy or self._behind is None or self._lingers():
            return
        if self._refused:
            if now - self.since >= MOMENT * 1e6:
                abort(self.transport)
            return
        limits = self._all.limits()
        asking = self._came > 0
        patience = limits.header_timeout if asking or not self._answered else limits.idle_timeout
        if now - self.since < patience * 1e6 or backlog(self.transport):
            return  # the answer may be written after the request was handled
        if asking:
            text = f"the header of a request did not arrive within {patience:g} s (limits.header_timeout)"
            self._all.refusals.count("limits.header_timeout", self.address, text)
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, text)
        else:
            self.transport.close()  # browsers open some ahead, and do not expect to be told

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._refused, self.since = True, clock.now()
        send_and_close(self.transport, answer(status, status.phrase.lower().replace(" ", "-"), message))

    def pause_writing(self) -> None:
        """See asyncio."""
        self._all.waits(self, self.transport.get_write_buffer_size())
        if self._behind is not None:
            self._behind.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._all.waits(self, 0)
        if self._behind is not None:
            self._behind.resume_writing()

    def eof_received(self) -> bool | None:
        """See asyncio."""
        return self._behind.eof_received() if self._behind is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._all.forget(self)
        if self._behind is not None:
            self._behind.connection_lost(exc)


@web.middleware
async def answering(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have the connection of a request know that it is answered."""
    connection = request.transport.get_protocol() if request.transport is not None else None
    if not isinstance(connection, ConnectionGuard):
        return await handler(request)
    with connection.answering(request.content):
        answered = await handler(request)
    if connection.overrun:
        answered.force_close()
    return answered


def mark_as_websocket(transport: asyncio.Transport) -> None:
    """It has become a websocket."""
    if isinstance(connection := transport.get_protocol(), ConnectionGuard):
        connection.speaks = True
