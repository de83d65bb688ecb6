"""Who has a camera of libcamera's that is busy: so that the reason can name the program.

The names of other users' programs are hidden from a unit with ProtectProc=invisible; their numbers are not.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pi_stream.lib.file_locks import LISTING, lock_holders

_SHOWN = 3  # named in one sentence, at most


def holders(devices: Iterable[str]) -> str:
    """The processes that have locked one of these device nodes, such as `rpicam-vid (process 812)`.

    "" where there is none, or none that this process may see.
    """
    found = sorted(lock_holders(_listing(), _files(devices)))
    named = [f"{_name(pid)} (process {pid})" for pid in found[:_SHOWN]]
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return " and ".join(named + more)


def _listing() -> str:
    with suppress(OSError):  # ProcSubset=pid hides it
        return Path(LISTING).read_text(encoding="ascii")
    return ""


def _files(devices: Iterable[str]) -> Iterator[os.stat_result]:
    for device in devices:
        with suppress(OSError):  # it was unplugged meanwhile
            yield Path(device).stat()


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    return "a program"
