"""Everybody who is connected: who they are, and what all of them are told."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pi_stream.lib import clock
from pi_stream.lib.machine_stats import MachineStats
from pi_stream.lib.sanitize import without_directions
from pi_stream.protocol import Present, Reply, Said, Stats, ViewersNews, serialize

_Close = Callable[[int, str], Coroutine[Any, Any, None]]  # ends a connection with a websocket close code and reason


class Member(Protocol):
    """A viewer, as the others know it."""

    id: str
    name: str

    @property
    def dropped(self) -> int:
        """Frames that it could have had, and had not."""
        ...

    @property
    def watching(self) -> str | None:
        """What it watches, in short."""
        ...

    def tell(self, text: str) -> None:
        """Leave a message for it."""
        ...

    def stats(self, now: int, vitals: MachineStats) -> Stats | None:
        """How it fares, or None when it is too far behind to be told."""
        ...

    def watch_again(self) -> None:
        """Watch what it asked for under the settings of now."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """End its connection."""
        ...


class Viewers:
    """The connected viewers, in the order in which they came."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._ids = itertools.count(1)
        self._guests: set[_Close] = set()
        self.left = 0  # of either, since the start
        self.by_address: Counter[str] = Counter()  # connected from each, those who only look included

    def __len__(self) -> int:
        return len(self._members)

    @property
    def count(self) -> int:
        """All who are connected, those too who only look."""
        return len(self._members) + len(self._guests)

    @contextmanager
    def guest(self, close: _Close) -> Iterator[None]:
        """Count somebody who only looks, and cannot be told anything, while the block runs; `close` ends it."""
        self._guests.add(close)
        try:
            yield
        finally:
            self._guests.discard(close)
            self.left += 1

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._members.values()))

    def new_id(self) -> str:
        """An id that no viewer of this process had before."""
        return f"v{next(self._ids)}"

    @property
    def present(self) -> tuple[Present, ...]:
        """Who is watching."""
        return tuple(Present(member.id, member.name) for member in self)

    def join(self, member: Member) -> None:
        """Somebody came; the others hear of it."""
        news = serialize(ViewersNews(viewers=(*self.present, Present(member.id, member.name))))
        for other in self:
            other.tell(news)
        self._members[member.id] = member

    def leave(self, member: Member) -> None:
        """Somebody went."""
        if self._members.pop(member.id, None) is not None:
            self.left += 1
            self.tell_all(ViewersNews(viewers=self.present))

    def rename(self, member: Member, name: str) -> None:
        """Somebody is called otherwise from now on."""
        member.name = without_directions(name)
        self.tell_all(ViewersNews(viewers=self.present))

    def say(self, member: Member, text: str) -> None:
        """Somebody says a line to all."""
        text = without_directions(text)
        self.tell_all(Said(sender=member.id, name=member.name, text=text, at=clock.utc()))

    def tell_all(self, message: Reply) -> None:
        """A message to everybody; it is serialized once."""
        text = serialize(message)
        for member in self:
            member.tell(text)

    def tell_stats(self, vitals: MachineStats) -> None:
        """To each, how it fares."""
        now = clock.now()
        for member in self:
            if (stats := member.stats(now, vitals)) is not None:
                member.tell(serialize(stats))

    def watch_again(self) -> None:
        """The settings changed: have everybody watch what they asked for under the new ones."""
        for member in self:
            member.watch_again()

    async def close_all(self, code: int, reason: str) -> None:
        """End every connection, all at once."""
        async with asyncio.TaskGroup() as tasks:
            for close in (*(member.close for member in self), *self._guests):
                tasks.create_task(close(code, reason))
