"""Who has a camera of libcamera's that is busy: so that the reason can name the program.

libcamera opens the /dev/media* of every camera to see what it is, and locks it (lockf) only to take pictures: a lock,
not an open file, is what makes a camera busy. /proc/locks shows everybody's to everybody. The names of other users'
programs are hidden from a unit with ProtectProc=invisible; their numbers are not.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_SHOWN = 3  # named in one sentence, at most


def holders(devices: Iterable[str]) -> str:
    """The processes that have locked one of these device nodes, such as `rpicam-vid (process 812)`.

    "" where there is none, or none that this process may see.
    """
    wanted = set(filter(None, map(_number, devices)))
    found = sorted({pid for pid, number in _locks() if number in wanted})
    named = [f"{_name(pid)} (process {pid})" for pid in found[:_SHOWN]]
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return " and ".join(named + more)


def _locks() -> list[tuple[int, str]]:
    """(process, file) of every lock that processes in sight have.

    A line of /proc/locks: `4: POSIX  ADVISORY  WRITE 812 00:06:443 0 EOF`. The process is 0 or less where it lives in
    another container, and a lock that is waited for has a line with an arrow.
    """
    with suppress(OSError):  # ProcSubset=pid hides it
        lines = [line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines()]
        return [(int(line[4]), line[5]) for line in lines if line[1] == "POSIX" and int(line[4]) > 0]
    return []


def _number(device: str) -> str | None:
    """A file as /proc/locks calls it: the two numbers of its file system, in hexadecimal, and its own."""
    with suppress(OSError):  # it was unplugged meanwhile
        status = Path(device).stat()
        return f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return None


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return "a program"
