"""From a thread to the event loop: only the newest waits, as in a slot, and one call at a time."""

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """Calls `take` on the event loop with the newest item that was `put`, and with how many it replaced unseen.

    However long the loop is held up, one item and one call wait for it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[T, int], None]) -> None:
        self._loop = loop
        self._take = take
        self._lock = threading.Lock()
        self._waiting: tuple[T, int] | None = None

    def put(self, item: T) -> None:
        """Hand over an item, from any thread."""
        with self._lock:
            before, self._waiting = self._waiting, (item, 0 if self._waiting is None else self._waiting[1] + 1)
        if before is None:
            tell(self._loop, self._hand_over)

    def _hand_over(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._take(*waiting)


def tell(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *with_what: object) -> None:
    """Have the event loop do something, from any thread, unless it is gone: then nobody is left to be told."""
    try:
        loop.call_soon_threadsafe(what, *with_what)
    except RuntimeError:
        if not loop.is_closed():
            raise
