"""Giving memory back: what channels leave behind would stay with the process, as gaps between what others hold."""

import ctypes
from collections.abc import Callable

_PAUSE = 10_000_000  # microseconds between two times: it takes milliseconds, in which other threads wait for memory


def trim() -> None:
    """Hand free memory back to the system: malloc_trim(3) of glibc. Where the C library has no such call, nothing."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


class Trimming:
    """When to do so: something large was given up since the last time, and that is a while ago."""

    def __init__(self, given_up: Callable[[], int]) -> None:
        """`given_up` counts what was given up since the start."""
        self._given_up = given_up
        self._seen = given_up()
        self._due = 0

    def due(self, now: int) -> bool:
        """Whether to trim now (microseconds); the answer yes is taken for done."""
        count = self._given_up()
        if count == self._seen or now < self._due:
            return False
        self._seen, self._due = count, now + _PAUSE
        return True
