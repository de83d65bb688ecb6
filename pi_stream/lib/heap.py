"""Free memory: the memory of frames is kept for the next frames, and other free memory is returned to the system.

Memory that channels, viewers and sources have freed would stay with the process. Some of it is in reference cycles (of
a task, its exception and the traceback, for example), such as a film's decoder with its threads. Python searches for
cycles less often the more objects there are, hardly ever in this service, and would search all objects, which takes
60 ms in which nothing else runs. So the objects of the running service are excluded once (`freeze`), and the search
runs after something was closed (`TrimSchedule`). The rest is free space between blocks in use.
"""

import ctypes
import gc
from collections.abc import Callable

# From glibc's malloc.h. Setting one of them stops glibc from adapting it to the sizes that it meets.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_MAX_MMAP_THRESHOLD_BYTES = 1 << 25  # glibc refuses more (DEFAULT_MMAP_THRESHOLD_MAX)

_TRIM_INTERVAL_US = 10_000_000  # a trim takes milliseconds, in which other threads wait for memory


def keep_free(size: int) -> None:
    """Make all threads share one heap that keeps up to `size` free bytes, by mallopt(3) of glibc.

    It does nothing with another C library. Call it before other threads are started.

    A frame has a megabyte or more, and there are thirty a second. By default glibc returns that memory to the system
    now and then, and allocates it again; then each of its hundreds of pages causes a page fault, and is zeroed first.
    And it gives each thread a heap of its own, each with megabytes of free space. One heap costs less: few, large
    blocks are allocated from it, so threads rarely wait for each other.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, size)
        mallopt(_MMAP_THRESHOLD, min(size, _MAX_MMAP_THRESHOLD_BYTES))
        mallopt(_ARENA_MAX, 1)


def freeze() -> None:
    """Exclude all objects that exist now from the search for cycles, because they stay."""
    gc.freeze()


def trim() -> None:
    """Free reference cycles, and return free memory to the system, by malloc_trim(3) of glibc if there is one.

    Blocks for milliseconds; call it on a thread.
    """
    gc.collect()
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


class TrimSchedule:
    """Says when to trim: something large was closed since the last time, which is at least ten seconds ago."""

    def __init__(self, count_closed: Callable[[], int]) -> None:
        """`count_closed` returns how many large things were closed since the start."""
        self._count_closed = count_closed
        self._seen = count_closed()
        self._next = 0

    def due(self, now: int) -> bool:
        """Whether to trim at `now` (microseconds). The caller must trim if it returns True."""
        count = self._count_closed()
        if count == self._seen or now < self._next:
            return False
        self._seen, self._next = count, now + _TRIM_INTERVAL_US
        return True
