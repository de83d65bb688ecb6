"""What becomes of free memory: what frames need again at once is kept, the rest is found and given back.

What channels, viewers and sources leave behind would stay with the process. Some of it hangs in cycles (of a task, its
exception and the traceback, say), a film's decoder with its threads among it. Python looks for cycles the more rarely
the more objects there are, in a service hardly ever, and it would look at all of them: 60 ms here, in which nothing
else runs. What the service is made of is therefore set aside once, and cycles are looked for where something was given
up. The rest are gaps between what others hold.
"""

import ctypes
import gc
from collections.abc import Callable

# The numbers of glibc's malloc.h. To set one ends that it follows the sizes that it meets.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST = 1 << 25  # bytes that glibc takes for the second

_PAUSE = 10_000_000  # microseconds between two times: it takes milliseconds, in which other threads wait for memory


def keep(size: int) -> None:
    """Have all threads share one heap, which keeps so many free bytes: mallopt(3) of glibc. Where there is no such
    call, nothing. To be called before there are threads.

    A frame is a megabyte or more, and thirty times a second there is a new one. Left to itself glibc gives that memory
    back and asks for it again now and then, and then each of its hundreds of pages is a fault, and is wiped first. And
    it gives each thread a heap of its own, with gaps of its own, of megabytes; few and large blocks are taken from it,
    so that waiting for each other costs less than that.
    """
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None:
        choose(_TRIM_THRESHOLD, size)
        choose(_MMAP_THRESHOLD, min(size, _LARGEST))
        choose(_ARENA_MAX, 1)


def settle() -> None:
    """Set all that is there now aside, as what stays: no search for cycles looks at it again."""
    gc.freeze()


def trim() -> None:
    """Free what hangs in cycles, and hand free memory back to the system.

    The latter by malloc_trim(3) of glibc; where the C library has no such call, not.
    """
    gc.collect()
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
