"""Memory that is given back."""

import subprocess
import sys

from pi_stream.heap import Trimming

# A process of its own: what else lives in this one's heap is not known. The small blocks between the large ones, which
# stay, keep the C library from giving the gaps back by itself.
_GAPS = """
import ctypes, os
from pi_stream import heap

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
large, small = [], []
for _ in range(2000):
    large.append(libc.malloc(50_000))
    ctypes.memset(large[-1], 1, 50_000)
    small.append(libc.malloc(100))
for each in large:
    libc.free(each)
before = resident()
heap.trim()
print(before - resident())
"""


def test_free_memory_goes_back_to_the_system() -> None:
    """A hundred megabytes of gaps are the system's again."""
    ran = subprocess.run([sys.executable, "-c", _GAPS], capture_output=True, text=True, check=True, timeout=60)
    assert float(ran.stdout) > 60


def test_it_is_done_after_something_was_given_up_and_not_too_often() -> None:
    """Nothing given up: never. Given up again and again: every ten seconds."""
    given_up = 3
    trimming = Trimming(lambda: given_up)
    assert not trimming.due(1_000_000)
    given_up = 4
    assert trimming.due(2_000_000)
    given_up = 5
    assert not trimming.due(11_000_000)
    assert trimming.due(12_000_000)
    assert not trimming.due(30_000_000)
