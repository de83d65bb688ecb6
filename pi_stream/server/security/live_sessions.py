"""Who stays, on the strength of a grant: websockets and streams, which end when it does."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pi_stream.auth.rights import Grant

LOGGED_OUT = (1008, "the login has ended")  # what a websocket is closed with


@dataclass(eq=False)
class _Visit:
    grant: Grant
    end: Callable[[], Awaitable[None]]


class LiveSessions:
    """All that are under way."""

    def __init__(self) -> None:
        self._all: set[_Visit] = set()

    @contextmanager
    def visit(self, grant: Grant, end: Callable[[], Awaitable[None]]) -> Iterator[None]:
        """While the block runs, `end` is called, once, should the grant not hold any more."""
        visit = _Visit(grant, end)
        self._all.add(visit)
        try:
            yield
        finally:
            self._all.discard(visit)

    async def sweep(self, holds: Callable[[Grant], bool]) -> None:
        """End all those whose grant does not hold, all at once."""
        async with asyncio.TaskGroup() as tasks:
            for visit in [each for each in self._all if not holds(each.grant)]:
                self._all.discard(visit)
                tasks.create_task(_end(visit), name="end of a login")


async def _end(visit: _Visit) -> None:
    with suppress(ConnectionError):  # it went away by itself
        await visit.end()
