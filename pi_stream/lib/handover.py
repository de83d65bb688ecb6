"""From any thread to the event loop: only the newest item waits, and one call at a time."""

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """Calls `take` on the event loop with the newest item, and with the number of items that it replaced unseen.

    However long the loop is blocked, only one item and one call wait for it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[T, int], None]) -> None:
        self._loop = loop
        self._take = take
        self._lock = threading.Lock()
        self._waiting: tuple[T, int] | None = None

    def put(self, item: T) -> None:
        """Hand over an item. Any thread may call it."""
        with self._lock:
            before, self._waiting = self._waiting, (item, 0 if self._waiting is None else self._waiting[1] + 1)
        if before is None:
            call_in_loop(self._loop, self._hand_over)

    def _hand_over(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._take(*waiting)


def call_in_loop(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: object) -> None:
    """Call `callback` on the event loop soon; do nothing if the loop is closed. Any thread may call it."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise
