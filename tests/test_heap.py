"""Memory that is given back."""

import ctypes
import subprocess
import sys

import pytest

from pi_stream.lib import heap
from pi_stream.lib.heap import TrimSchedule

pytestmark = pytest.mark.alone  # what the kernel says of a process's memory lags behind on a busy machine

# A process of its own: what else lives in this one's heap is not known. The blocks between the large ones, which stay,
# keep the C library from giving the gaps back by itself. They are not so small that they fit into gaps that were there.
_GAPS = """
import ctypes, os
from pi_stream.lib import heap

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
large, small = [], []
for _ in range(2000):
    large.append(libc.malloc(50_000))
    ctypes.memset(large[-1], 1, 50_000)
    small.append(libc.malloc(5_000))
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


# Frames of 720p as a source makes them: each is let go when the next but one is there.
_FRAMES = """
import ctypes, resource, sys, threading
from pi_stream.lib import heap

if sys.argv[1] == "kept":
    heap.keep_free(6 * 1_382_400)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]

def make(count):
    held = []
    for _ in range(count):
        held.append(libc.malloc(1_382_400))
        ctypes.memset(held[-1], 1, 1_382_400)
        if len(held) == 3:
            libc.free(held.pop(0))
    for each in held:
        libc.free(each)

def run():
    make(10)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(10):
        make(10)
    print(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)

thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


_THREADS = """
import ctypes, sys, threading
from pi_stream.lib import heap

if sys.argv[1] == "shared":
    heap.keep_free(1_000_000)
libc = ctypes.CDLL(None)
together = threading.Barrier(4)

def run():
    together.wait()
    libc.malloc(1000)

threads = [threading.Thread(target=run) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc.malloc_stats()
"""


def test_threads_share_one_heap() -> None:
    """Gaps are those of one, and not of as many as there are threads."""
    heaps = {}
    for how in ("shared", "not"):
        command = [sys.executable, "-c", _THREADS, how]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
        heaps[how] = said.count("Arena ")
    assert heaps["shared"] == 1 < heaps["not"]


def test_memory_for_frames_is_not_wiped_anew_for_each() -> None:
    """Of what is free for a moment, nothing goes back to the system, whose every page would be a fault again."""
    faults = {}
    for how in ("kept", "not"):
        command = [sys.executable, "-c", _FRAMES, how]
        faults[how] = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert faults["kept"] < 100 < faults["not"]


_CYCLES = """
import gc, weakref
from pi_stream.lib import heap

class Knot:
    def __init__(self):
        self.self = self

gc.disable()
early = Knot()
seen = [weakref.ref(early)]
del early
heap.freeze()
seen.append(weakref.ref(Knot()))
heap.trim()
print(*(each() is None for each in seen))
"""


def test_what_hangs_in_a_cycle_is_freed_but_for_what_was_set_aside() -> None:
    """What was there when the service had started is not looked at again."""
    ran = subprocess.run([sys.executable, "-c", _CYCLES], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == ["False", "True"]


def test_it_is_done_after_something_was_given_up_and_not_too_often() -> None:
    """Nothing given up: never. Given up again and again: every ten seconds."""
    given_up = 3
    trimming = TrimSchedule(lambda: given_up)
    assert not trimming.due(1_000_000)
    given_up = 4
    assert trimming.due(2_000_000)
    given_up = 5
    assert not trimming.due(11_000_000)
    assert trimming.due(12_000_000)
    assert not trimming.due(30_000_000)


def test_another_c_library_than_glibc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """musl has neither mallopt nor malloc_trim."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    heap.keep_free(1_000_000)
    heap.trim()
