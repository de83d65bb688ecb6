"""Websockets and streams that end when the grant that allowed them ends."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from pi_stream.auth.rights import Grant

LOGGED_OUT = (1008, "the login has ended")  # close code and reason of a websocket


@dataclass(eq=False)
class _Session:
    grant: Grant
    end: Callable[[], Awaitable[None]]


class LiveSessions:
    """All that are open."""

    def __init__(self) -> None:
        self._all: set[_Session] = set()

    @contextmanager
    def hold(self, grant: Grant, end: Callable[[], Awaitable[None]]) -> Iterator[None]:
        """While the block runs, call `end` once if the grant becomes invalid."""
        session = _Session(grant, end)
        self._all.add(session)
        try:
            yield
        finally:
            self._all.discard(session)

    async def sweep(self, holds: Callable[[Grant], bool]) -> None:
        """End all whose grant is invalid, at the same time."""
        async with asyncio.TaskGroup() as tasks:
            for session in [each for each in self._all if not holds(each.grant)]:
                self._all.discard(session)
                tasks.create_task(_end(session), name="end of a login")


async def _end(session: _Session) -> None:
    with suppress(ConnectionError):  # the connection was lost
        await session.end()
