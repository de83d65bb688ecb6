"""Who has a camera that is busy: so that the reason can name the program, and nobody has to look for it.

libcamera locks a camera's /dev/media* (lockf) while it is taken, and /proc/locks shows all locks to everybody. A webcam
is not locked; whoever has it open is found in /proc/*/fd, which shows a user only its own processes, and root all.
Under a unit with ProtectProc=invisible the names of others are hidden; their numbers remain.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_SHOWN = 3  # named in one sentence, at most


def holders(devices: Iterable[str], proc: Path = Path("/proc")) -> str:
    """The processes that have locked one of these device nodes, or else have it open, in words.

    Such as `rpicam-vid (process 812)`; "" where there is none, or none that this user may see.
    """
    nodes = [path for path in devices if Path(path).exists()]
    found = _locking(nodes, proc) or _opening(nodes, proc)
    named = [f"{_name(pid, proc)} (process {pid})" for pid in sorted(found)[:_SHOWN]]
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return " and ".join(named + more)


def _locking(nodes: list[str], proc: Path) -> set[int]:
    """A line of /proc/locks: `4: POSIX  ADVISORY  WRITE 812 00:06:443 0 EOF`.

    After the process come the file system's two numbers, in hexadecimal, and the file's. The process is 0 or less where
    it lives in another container.
    """
    wanted = set()
    for path in nodes:
        status = Path(path).stat()
        wanted.add(f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}")
    with suppress(OSError):  # ProcSubset=pid hides it
        lines = [line.split() for line in (proc / "locks").read_text(encoding="ascii").splitlines()]
        return {int(line[4]) for line in lines if len(line) > 5 and line[5] in wanted and int(line[4]) > 0}
    return set()


def _opening(nodes: list[str], proc: Path) -> set[int]:
    """Not this process itself: libcamera opens every camera, to see what it is."""
    found = set()
    for folder in proc.iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):  # it is another user's, or has ended
                if any(str(link.readlink()) in nodes for link in (folder / "fd").iterdir()):
                    found.add(int(folder.name))
    return found


def _name(pid: int, proc: Path) -> str:
    with suppress(OSError):
        return (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return "a program"
