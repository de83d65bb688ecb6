"""Storage: the folder of the captions. Without it pi-stream runs, but loses them when it stops."""

import os
from pathlib import Path

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_area = Area("storage")

_FAULT_BYTES, _WARNING_BYTES = 8 << 20, 128 << 20  # captions need less than 1 MiB, but a full card stops the system


def check_storage(machine: Machine, context: DoctorContext) -> list[Finding]:
    """Check whether the state folder can be written, and how much space is free on its disk."""
    folder = machine.path(str(context.state))
    name = _with_tilde(context.state)
    existing = _nearest_existing(folder)
    disk = os.statvfs(existing)
    free = disk.f_bavail * disk.f_frsize
    what = f"captions are kept in {name}, {_size(free)} free"
    if disk.f_flag & os.ST_RDONLY:
        fix = "`sudo mount -o remount,rw` that disk; if it became read-only because of an error, the card is failing."
        return [_area.fault(f"{name} is on a disk that is read-only", fix)]
    if free < _WARNING_BYTES:
        fix = "`sudo apt clean` and `sudo journalctl --vacuum-size=50M` free space."
        return [(_area.fault if free < _FAULT_BYTES else _area.warning)(what, fix)]
    exists = os.path.lexists(folder)
    if os.access(folder if exists else existing, os.W_OK | os.X_OK):
        return [_area.ok(what)]
    if context.serving:
        return [_area.fault(f"this service cannot write to {name}", f"`sudo chown -R {machine.user} {name}`")]
    if exists:
        return [_area.ok(f"{what}, by another user")]
    fix = "Run pi-stream as a user with a home folder, or set XDG_STATE_HOME to a folder that it can write to."
    return [_area.warning(f"{name} does not exist, and {machine.user} cannot create it: captions would be lost", fix)]


def _nearest_existing(folder: Path) -> Path:
    """The folder, or the nearest folder above it that exists and can be read."""
    for each in (folder, *folder.parents):
        try:
            if each.exists():
                return each
        except PermissionError:
            continue  # in Python 3.11 and 3.12; later versions return False
    return Path("/")


def _with_tilde(folder: Path) -> str:
    """The path with ~ for the home folder, whose name the page must not show.

    A service's own user has / for a home folder, or none at all; then the path stays as it is.
    """
    try:
        home = Path.home()
    except RuntimeError:  # neither $HOME nor an entry in /etc/passwd
        return str(folder)
    is_a_home = home != Path(home.anchor)
    return str("~" / folder.relative_to(home)) if is_a_home and folder.is_relative_to(home) else str(folder)


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"
