"""Messages that wait to be sent, in the order of their events. No I/O."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

from pi_stream.features.webhook.message import Message


class Outbox:
    """A bounded queue, in which a newer message replaces an older one of the same key. Belongs to the event loop.

    The key is what a message is the state of: a receiver that was away is told the last state, not each one between.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, Message] = OrderedDict()
        self._first: tuple[Hashable, Message] | None = None  # that `first` returned
        self._came = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + (self._first is not None)

    def put(self, key: Hashable, message: Message, limit: int) -> int:
        """Add a message; returns how many of the oldest were dropped so that no more than `limit` wait.

        The oldest ones, because a receiver that comes back needs to know how things are now.
        """
        if self._first is not None and self._first[0] == key:
            self._first = None
        self._waiting.pop(key, None)
        self._waiting[key] = message
        self._came.set()
        dropped = 0
        while len(self._waiting) > limit:
            self._waiting.popitem(last=False)
            dropped += 1
        return dropped

    async def first(self) -> Message:
        """The oldest message; the same one again until it is removed or replaced. Waits until there is one."""
        while self._first is None:
            if self._waiting:
                self._first = self._waiting.popitem(last=False)
            else:
                self._came.clear()
                await self._came.wait()
        return self._first[1]

    def remove(self, message: Message) -> None:
        """Forget this message, which `first` returned."""
        if self._first is not None and self._first[1] is message:
            self._first = None

    def clear(self) -> None:
        """Forget all."""
        self._waiting.clear()
        self._first = None
