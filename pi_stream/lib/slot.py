"""A queue of one item, where a new item replaces the old one."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds at most one item; `dropped` counts the items that were replaced before they were taken.

    All methods are for one event loop, with one task that takes. `ready` is set while an item waits; pass an event of
    your own to wait for several things at once. Otherwise it is created when it is first used.
    """

    __slots__ = ("_item", "_ready", "dropped")

    def __init__(self, ready: asyncio.Event | None = None) -> None:
        self.dropped = 0
        self._ready = ready
        self._item: T | None = None

    @property
    def ready(self) -> asyncio.Event:
        """Set while an item waits, unless it was cleared."""
        if self._ready is None:
            self._ready = asyncio.Event()
            if self.full:
                self._ready.set()
        return self._ready

    def put(self, item: T) -> None:
        """Put an item, in place of the one that waits."""
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
        """Take the item that waits; None: there is none."""
        item, self._item = self._item, None
        return item

    async def take(self) -> T:
        """Wait for an item and take it."""
        while True:
            self.ready.clear()
            if (item := self.poll()) is not None:
                return item
            await self.ready.wait()
