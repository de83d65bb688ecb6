"""Every connection that is open: so many at once, and none that keeps its place without asking for anything.

aiohttp has no limits for that: not for how many there are, in older versions not for how long a header takes, and in
no version for what waits in connections that nobody reads. So each connection has a protocol of ours before aiohttp's
(`turnstile`), which sees bytes come and writes wait, and lets both pass. (What a websocket says has rules of its own:
`hearing`.)
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

from pi_stream.config.settings import LimitSettings
from pi_stream.errors import LimitReached
from pi_stream.lib.machine_stats import machine_mb
from pi_stream.server.connection.connection_guard import ConnectionGuard
from pi_stream.server.connection.final_response import FinalResponse, answer
from pi_stream.server.connection.socket_buffers import Stalls, abort, backlog
from pi_stream.server.refusals import RefusalCounter

_FAREWELLS = 64  # at once; who comes then and finds no place is cut without a word


class Connections:
    """All that are open. `limits` are those of now."""

    def __init__(self, limits: Callable[[], LimitSettings], refusals: RefusalCounter, stalls: Stalls) -> None:
        self.limits = limits
        self.refusals = refusals
        self._stalls = stalls
        self._open: dict[ConnectionGuard, None] = {}
        self._by_household: Counter[str] = Counter()
        self._unread: dict[ConnectionGuard, int] = {}
        self.unread = 0  # bytes that wait for those who do not read as quickly as they are written to
        self._farewells: set[ConnectionGuard] = set()  # those that may not stay, and are told so

    def __len__(self) -> int:
        return len(self._open)

    def protocol(self, behind: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """The protocol of a new connection, which stands before another."""
        return ConnectionGuard(self, behind)

    def sweep(self, now: int) -> None:
        """Let go of those that ask nothing; to be called about once a second. `now` in microseconds."""
        for each in tuple(self._open):
            each.look(now)

    # --- what each connection tells

    def admit(self, new: ConnectionGuard) -> LimitReached | None:
        """Give it a place; else the reason why there is none."""
        limits = self.limits()
        if self._by_household[new.household] >= limits.connections_per_address and not self._make_room(new.household):
            return LimitReached(
                f"{limits.connections_per_address} connections are open from {new.household}, as many as "
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
        self._by_household[new.household] += 1
        self._stalls.watch(new.transport)
        return None

    def _make_room(self, of: str | None = None) -> bool:
        """Let go of the one that has asked nothing for longest, of that household if any; whether there was one."""
        waiting = (each for each in self._open if not each.busy and of in (None, each.household))
        for longest in sorted(waiting, key=lambda each: each.since):
            if backlog(longest.transport):
                continue  # it is being answered
            limit = f"limits.{'connections' if of is None else 'connections_per_address'}"
            what = f"its connection asked nothing, and made room for another ({limit})"
            self.refusals.count(limit, longest.address, what)
            self.forget(longest)
            abort(longest.transport)
            return True
        return False

    def forget(self, gone: ConnectionGuard) -> None:
        """It ends; nothing happens if that was known."""
        self._farewells.discard(gone)
        if gone not in self._open:
            return
        del self._open[gone]
        self.unread -= self._unread.pop(gone, 0)
        self._stalls.forget(gone.transport)
        self._by_household[gone.household] -= 1
        self._by_household += Counter()  # drops those of which there are none

    def waits(self, which: ConnectionGuard, unread: int) -> None:
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

    def farewell(self, which: ConnectionGuard, error: LimitReached) -> FinalResponse | None:
        """What tells somebody why there is no place, unless too many are being told already."""
        self.refusals.count(error.limit, which.address, str(error))
        if len(self._farewells) >= _FAREWELLS:
            return None
        self._farewells.add(which)
        status = HTTPStatus.TOO_MANY_REQUESTS if error.theirs else HTTPStatus.SERVICE_UNAVAILABLE
        return FinalResponse(answer(status, error.code, str(error), error.wait))

    def cut(self) -> None:
        """End all that are left."""
        for each in (*self._open, *self._farewells):
            abort(each.transport)
