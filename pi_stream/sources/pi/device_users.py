"""Which program uses a camera of libcamera that is busy, for the reason to name it.

A unit with ProtectProc=invisible does not see the names of other users' programs, but it sees their process ids.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pi_stream.lib.file_locks import LISTING, lock_holders

_MAX_NAMED = 3  # programs in one sentence


def holders(devices: Iterable[str]) -> str:
    """The processes that have locked one of these device nodes, such as `rpicam-vid (process 812)`.

    "" if there is none, or none that this process may see.
    """
    found = sorted(lock_holders(_listing(), _files(devices)))
    named = [f"{_name(pid)} (process {pid})" for pid in found[:_MAX_NAMED]]
    more = [f"{len(found) - _MAX_NAMED} more"] if len(found) > _MAX_NAMED else []
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
