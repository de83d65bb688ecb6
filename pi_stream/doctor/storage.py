"""Storage: the folder where captions are kept. Without it, pi-stream runs, and forgets them."""

import os
from pathlib import Path

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("storage")

_LEAST, _LITTLE = 8 << 20, 128 << 20  # bytes: captions need less than one MiB; a full card stops all the rest, too


def storage(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """Whether the state folder may be written, and how much room is left around it."""
    folder = machine.path(str(patient.state))
    name = _short(patient.state)
    there = _nearest(folder)
    room = os.statvfs(there)
    free = room.f_bavail * room.f_frsize
    what = f"captions are kept in {name}, {_size(free)} free"
    if room.f_flag & os.ST_RDONLY:
        fix = "`sudo mount -o remount,rw` that disk; if it was made read-only by an error, the card is failing."
        return [_say.fault(f"{name} is on a disk that is read-only", fix)]
    if free < _LITTLE:
        fix = "`sudo apt clean` and `sudo journalctl --vacuum-size=50M` make room."
        return [(_say.fault if free < _LEAST else _say.warning)(what, fix)]
    made = os.path.lexists(folder)
    if os.access(folder if made else there, os.W_OK | os.X_OK):
        return [_say.ok(what)]
    if patient.serving:
        return [_say.fault(f"this service may not write into {name}", f"`sudo chown -R {machine.user} {name}`")]
    if made:
        return [_say.ok(f"{what}, by another user")]
    fix = "Start pi-stream as a user with a home, or set XDG_STATE_HOME to a folder for it."
    return [_say.warning(f"{name} is not there, and {machine.user} may not make it: captions would be lost", fix)]


def _nearest(folder: Path) -> Path:
    """The folder, or where it is not there yet or closed to us, the nearest above it that is."""
    for each in (folder, *folder.parents):
        try:
            if each.exists():
                return each
        except PermissionError:
            continue  # in 3.11 and 3.12; later Pythons say that it does not exist
    return Path("/")


def _short(folder: Path) -> str:
    """A home is nobody's business on the page: ~ stands for it.

    A user that was made for one service has / for a home, which is none, or has none at all.
    """
    try:
        home = Path.home()
    except RuntimeError:  # neither $HOME nor an entry in /etc/passwd
        return str(folder)
    is_a_home = home != Path(home.anchor)
    return str("~" / folder.relative_to(home)) if is_a_home and folder.is_relative_to(home) else str(folder)


def _size(number: int) -> str:
    return f"{number / (1 << 30):.1f} GiB" if number >= 1 << 30 else f"{number >> 20} MiB"
