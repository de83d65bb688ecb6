"""Who has a camera: found by the locks that libcamera leaves."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pi_stream.sources.pi.device_users import holders

_HOLD = """
import fcntl, sys
with open(sys.argv[1], "r+") as file, open("/proc/self/comm", "w") as name:
    name.write("rpicam-vid")
    name.flush()
    if sys.argv[2] == "lock":
        fcntl.lockf(file, fcntl.LOCK_EX)
    print("has it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def device() -> Iterator[Path]:
    """A file that stands for /dev/media0, on a file system of the same kind as /dev is."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "media0"
        path.touch()
        yield path


@contextmanager
def holding(device: Path, how: str) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(device), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "has it\n"
            yield process.pid
        finally:
            process.stdin.close()
            process.wait(20)


def test_who_has_locked_it_is_named(device: Path) -> None:
    """By the program's name and number, for as long as it has the lock."""
    with holding(device, "lock") as pid:
        assert holders(["/dev/null", str(device)]) == f"rpicam-vid (process {pid})"
    assert holders([str(device)]) == ""


def test_who_only_looks_is_not(device: Path) -> None:
    """A program that has a camera's device open, to see what it is, is in nobody's way."""
    with holding(device, "open"):
        assert holders([str(device)]) == ""


def test_what_is_not_there_is_held_by_nobody(device: Path) -> None:
    """A device that was unplugged meanwhile is passed over."""
    assert holders([str(device.with_name("media1"))]) == ""
    assert holders([]) == ""
