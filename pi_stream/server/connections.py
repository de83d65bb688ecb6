"""Every connection that is open: so many at once, and none that keeps its place without asking for anything.

aiohttp has no limits for that: not for how many there are, in older versions not for how long a header takes, and in
no version for what waits in connections that nobody reads. So each connection has a protocol of ours before aiohttp's,
which sees bytes come and writes wait, and lets both pass. (What a websocket says has rules of its own: `hearing`.)
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from pi_stream import clock
from pi_stream.auth.throttle import household
from pi_stream.config import Limits
from pi_stream.errors import LimitReached
from pi_stream.server.farewell import MOMENT, Farewell, answer, part_with
from pi_stream.server.refusals import Refusals
from pi_stream.server.sockets import Stalls, abort, backlog, newest_wins, peer
from pi_stream.vitals import machine_mb

_HEADER_SIZE = 32_768  # bytes of a request's first line and header; aiohttp's own limit is for each of its lines
_END = b"\r\n\r\n"  # of a header: RFC 9112, clause 2.1
_FAREWELLS = 64  # at once; who comes then and finds no place is cut without a word


class Connections:
    """All that are open. `limits` are those of now."""

    def __init__(self, limits: Callable[[], Limits], refusals: Refusals, stalls: Stalls) -> None:
        self.limits = limits
        self.refusals = refusals
        self._stalls = stalls
        self._open: dict[Turnstile, None] = {}
        self._by_house: Counter[str] = Counter()
        self._unread: dict[Turnstile, int] = {}
        self.unread = 0  # bytes that wait for those who do not read as quickly as they are written to
        self._farewells: set[Turnstile] = set()  # those that may not stay, and are told so

    def __len__(self) -> int:
        return len(self._open)

    def protocol(self, behind: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """The protocol of a new connection, which stands before another."""
        return Turnstile(self, behind)

    def sweep(self, now: int) -> None:
        """Let go of those that ask nothing; to be called about once a second. `now` in microseconds."""
        for each in tuple(self._open):
            each.look(now)

    # --- what each connection tells

    def admit(self, new: "Turnstile") -> LimitReached | None:
        """Give it a place; else the reason why there is none."""
        limits = self.limits()
        if self._by_house[new.house] >= limits.connections_per_address and not self._make_room(new.house):
            return LimitReached(
                f"{limits.connections_per_address} connections are open from {new.house}, as many as "
                "limits.connections_per_address allows",
                limit="limits.connections_per_address",
                theirs=True,
            )
        if len(self._open) >= limits.connections and not self._make_room():
            return LimitReached(
                f"{limits.connections} connections are open, as many as limits.connections allows",
                limit="limits.connections",
            )
        self._open[new] = None
        self._by_house[new.house] += 1
        self._stalls.watch(new.transport)
        return None

    def _make_room(self, house: str | None = None) -> bool:
        """Let go of the one that has asked nothing for longest, of that house if any; whether there was one."""
        waiting = (each for each in self._open if not each.busy and house in (None, each.house))
        for longest in sorted(waiting, key=lambda each: each.since):
            if backlog(longest.transport):
                continue  # it is being answered
            limit = f"limits.{'connections' if house is None else 'connections_per_address'}"
            what = f"its connection asked nothing, and made room for another ({limit})"
            self.refusals.count(limit, longest.address, what)
            self.forget(longest)
            abort(longest.transport)
            return True
        return False

    def forget(self, gone: "Turnstile") -> None:
        """It ends; nothing happens if that was known."""
        self._farewells.discard(gone)
        if gone not in self._open:
            return
        del self._open[gone]
        self.unread -= self._unread.pop(gone, 0)
        self._stalls.forget(gone.transport)
        self._by_house[gone.house] -= 1
        self._by_house += Counter()  # drops those of which there are none

    def waits(self, which: "Turnstile", unread: int) -> None:
        """So many bytes wait in it; those in which most wait are cut when all together are too many."""
        if which not in self._open:
            return
        self.unread += unread - self._unread.pop(which, 0)
        if unread:
            self._unread[which] = unread
        most = (self.limits().memory or machine_mb() // 4) << 20
        while self.unread > most:
            largest = max(self._unread, key=self._unread.__getitem__)
            what = f"cut with {self._unread[largest]} bytes unread, of more than {most} in all (limits.memory)"
            self.refusals.count("limits.memory", largest.address, what)
            self.forget(largest)
            abort(largest.transport)

    def farewell(self, which: "Turnstile", error: LimitReached) -> Farewell | None:
        """What tells somebody why there is no place, unless too many are being told already."""
        self.refusals.count(error.limit, which.address, str(error))
        if len(self._farewells) >= _FAREWELLS:
            return None
        self._farewells.add(which)
        status = HTTPStatus.TOO_MANY_REQUESTS if error.theirs else HTTPStatus.SERVICE_UNAVAILABLE
        return Farewell(answer(status, error.code, str(error), error.wait))

    def cut(self) -> None:
        """End all that are left."""
        for each in (*self._open, *self._farewells):
            abort(each.transport)


class Turnstile(asyncio.Protocol):
    """Stands before the protocol of one of them.

    It is `busy` while a request is answered; else it asks nothing, or not all of it yet, `since` then.
    """

    transport: asyncio.Transport

    def __init__(self, all_of_them: Connections, behind: Callable[[], asyncio.Protocol]) -> None:
        self._all = all_of_them
        self._make_behind = behind
        self._behind: asyncio.Protocol | None = None
        self.address = self.house = ""
        self.busy = False
        self.speaks = False  # a websocket: what it says is no header and no body
        self.since = clock.now()
        self._answered = 0  # requests
        self._came = 0  # bytes of this request
        self._whole = False  # its header is
        self._last = b""  # of its header, as may belong to the end of it
        self._refused = False  # it was told why, and has a moment to read that
        # A body that is too long came, or requests that nobody answers yet: what came then is lost, and whatever comes
        # after it is nothing that could be understood. It ends with this answer.
        self.overrun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast(asyncio.Transport, transport)  # of TCP, as for every asyncio.Protocol
        self.address = peer(transport)
        self.house = household(self.address)
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

    def _may_come(self, data: bytes) -> bool:
        """Whether it is not too much for one request."""
        if self.busy:
            if self._came > self._all.limits().request_size + _HEADER_SIZE:
                self.overrun = True
                return False
            self._came += len(data)
            return True
        if not self._came:
            self.since = clock.now()
        self._came += len(data)
        seen = self._last + data
        self._whole = self._whole or _END in seen
        self._last = seen[1 - len(_END) :]
        if self._whole or self._came <= _HEADER_SIZE:
            return True
        text = f"the header of a request was longer than {_HEADER_SIZE} bytes"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)
        return False

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Its request is answered while the block runs."""
        self.busy, self._came = True, 0
        try:
            yield
        finally:
            self.busy, self._came, self._whole, self._last = False, 0, False, b""
            self._answered += 1
            self.since = clock.now()

    def look(self, now: int) -> None:
        """End it if it keeps others waiting."""
        if self.busy or self._behind is None:
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
        part_with(self.transport, answer(status, status.phrase.lower().replace(" ", "-"), message))

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
    if not isinstance(connection, Turnstile):
        return await handler(request)
    with connection.answering():
        answered = await handler(request)
    if connection.overrun:
        answered.force_close()
    return answered


def let_speak(transport: asyncio.Transport) -> None:
    """It has become a websocket."""
    if isinstance(connection := transport.get_protocol(), Turnstile):
        connection.speaks = True
