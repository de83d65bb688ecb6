"""A mailbox for one, where only the newest waits."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds at most one item; a newer one replaces it, and `dropped` counts what was replaced before anyone took it.

    One event loop puts, one task takes. `ready` is set while an item waits; give an event of your own to be woken by
    several things at once. There is none until somebody asks for it: who is told in another way needs none.
    """

    __slots__ = ("_item", "_ready", "dropped")

    def __init__(self, ready: asyncio.Event | None = None) -> None:
        self.dropped = 0
        self._ready = ready
        self._item: T | None = None

    @property
    def ready(self) -> asyncio.Event:
        """Set while an item waits, unless somebody cleared it."""
        if self._ready is None:
            self._ready = asyncio.Event()
            if self.full:
                self._ready.set()
        return self._ready

    def put(self, item: T) -> None:
        """Leave the newest item."""
        if self._item is not None:
            self.dropped += 1
        self._item = item
        if self._ready is not None:
            self._ready.set()

    @property
    def full(self) -> bool:
        """Whether an item waits."""
        return self._item is not None

    def poll(self) -> T | None:
        """Take what waits, if anything does."""
        item, self._item = self._item, None
        return item

    async def take(self) -> T:
        """Wait for an item and take it."""
        while True:
            self.ready.clear()
            if (item := self.poll()) is not None:
                return item
            await self.ready.wait()
