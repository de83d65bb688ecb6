"""All open connections: how many there may be, how long one may be idle, and how many bytes may wait in them.

aiohttp limits neither the number of connections nor the bytes that wait for clients that do not read, and older
versions not the time for a header. So each connection has a `ConnectionGuard` before aiohttp's protocol. (Websocket
messages have limits of their own: `message_reader`.)
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus

from pi_stream.config.settings import LimitSettings
from pi_stream.errors import LimitReached
from pi_stream.lib.machine_stats import machine_mb
from pi_stream.server.connection.connection_guard import ConnectionGuard
from pi_stream.server.connection.final_response import FinalResponse, error_response
from pi_stream.server.connection.socket_buffers import StallDetector, abort, unacknowledged_bytes
from pi_stream.server.refusals import RefusalCounter

_MAX_FINAL_RESPONSES = 64  # being sent at the same time; beyond that, refused connections are closed without one


class Connections:
    """The open connections. `limits` returns the limits in force."""

    def __init__(self, limits: Callable[[], LimitSettings], refusals: RefusalCounter, stalls: StallDetector) -> None:
        self.limits = limits
        self.refusals = refusals
        self._stalls = stalls
        self._open: dict[ConnectionGuard, None] = {}
        self._by_network: Counter[str] = Counter()
        self._unread: dict[ConnectionGuard, int] = {}
        self.unread = 0  # bytes that wait for clients that read slower than they are sent to
        self._final_responses: set[ConnectionGuard] = set()  # refused connections that are sent the reason

    def __len__(self) -> int:
        return len(self._open)

    def protocol(self, behind: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """The protocol of a new connection: a guard before the one that `behind` makes."""
        return ConnectionGuard(self, behind)

    def sweep(self, now: int) -> None:
        """Close idle connections; to be called about once a second. `now` in microseconds."""
        for each in tuple(self._open):
            each.check(now)

    # --- called by the guards

    def admit(self, new: ConnectionGuard) -> LimitReached | None:
        """Count a new connection; returns the reason if a limit is reached."""
        limits = self.limits()
        if self._by_network[new.network] >= limits.connections_per_address and not self._make_room(new.network):
            return LimitReached(
                f"{limits.connections_per_address} connections are open from {new.network}, as many as "
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
        self._by_network[new.network] += 1
        self._stalls.watch(new.transport)
        return None

    def _make_room(self, of: str | None = None) -> bool:
        """Close the connection that has been idle for longest, of a network if given. Returns whether there was one."""
        waiting = (each for each in self._open if not each.busy and of in (None, each.network))
        for longest in sorted(waiting, key=lambda each: each.since):
            if unacknowledged_bytes(longest.transport):
                continue  # a response is being sent
            limit = f"limits.{'connections' if of is None else 'connections_per_address'}"
            what = f"its connection was idle, and was closed to make room for another ({limit})"
            self.refusals.count(limit, longest.address, what)
            self.forget(longest)
            abort(longest.transport)
            return True
        return False

    def forget(self, gone: ConnectionGuard) -> None:
        """Count a connection that has ended. May be called again."""
        self._final_responses.discard(gone)
        if gone not in self._open:
            return
        del self._open[gone]
        self.unread -= self._unread.pop(gone, 0)
        self._stalls.forget(gone.transport)
        self._by_network[gone.network] -= 1
        self._by_network += Counter()  # removes zero counts

    def set_unread(self, which: ConnectionGuard, unread: int) -> None:
        """Note how many bytes wait in a connection; over the limit of all together, the largest are disconnected."""
        if which not in self._open:
            return
        self.unread += unread - self._unread.pop(which, 0)
        if unread:
            self._unread[which] = unread
        most = (self.limits().memory or machine_mb() // 4) << 20
        while self.unread > most:
            largest = max(self._unread, key=self._unread.__getitem__)
            what = f"disconnected with {self._unread[largest]} bytes unread, of more than {most} in all (limits.memory)"
            self.refusals.count("limits.memory", largest.address, what)
            self.forget(largest)
            abort(largest.transport)

    def final_response(self, which: ConnectionGuard, error: LimitReached) -> FinalResponse | None:
        """The protocol that sends the reason for a refusal; None if too many are being sent already."""
        self.refusals.count(error.limit, which.address, str(error))
        if len(self._final_responses) >= _MAX_FINAL_RESPONSES:
            return None
        self._final_responses.add(which)
        status = HTTPStatus.TOO_MANY_REQUESTS if error.theirs else HTTPStatus.SERVICE_UNAVAILABLE
        return FinalResponse(error_response(status, error.code, str(error), error.wait))

    def abort_all(self) -> None:
        """Disconnect all that are left."""
        for each in (*self._open, *self._final_responses):
            abort(each.transport)
