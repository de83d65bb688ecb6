"""In use: which programs have camera devices open, and which of them has locked one.

What a lock means, `pi_stream.lib.file_locks` says; /proc/*/fd shows what is open only to the same user and to root.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.lib.file_locks import LISTING, lock_holders

_say = Area("in use")

_OWN_UNIT = "pi-stream"
# Of what systemd allows in a name, what a shell takes as it is: people copy the commands in which it stands.
_UNIT = re.compile(r"[A-Za-z0-9:_.@-]+\.service")
# Devices of the Pi that are no cameras: a browser that plays a film has these open.
_OTHERS = ("bcm2835-codec", "rpivid", "rpi-hevc-dec", "hevc")


def holders(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """Who holds camera devices, by name and number of the process; never with what it was started with."""
    busy = {pid for pid in locks(machine) if pid != machine.pid}
    held: dict[int, list[str]] = {}
    for pid, target in opened(machine):
        if target.startswith(("/dev/video", "/dev/media")) and pid != machine.pid and _is_camera(machine, target):
            held.setdefault(pid, []).append(target)
    findings = []
    for pid in sorted(busy | held.keys()):
        program, devices = called(machine, pid), ", ".join(sorted(set(held.get(pid, [])))) or "a camera"
        if is_ours(machine, pid):
            findings.append(_say.ok(f"pi-stream itself ({pid}) has {devices} open"))
        elif pid in busy:
            fix = f"End it, {_stop(machine, pid)}; pi-stream takes the camera by itself within seconds."
            say = _say.fault if patient.wants_pi_camera and not patient.holds_camera() else _say.warning
            findings.append(say(f"{program} ({pid}) is taking pictures with {devices}", fix))
        elif all(_is_webcam(machine, device) for device in held[pid]):
            fix = f"If pi-stream says that it is busy, end that, {_stop(machine, pid)}."
            findings.append(_say.warning(f"{program} ({pid}) has {devices} open", fix))
        else:
            findings.append(_say.ok(f"{program} ({pid}) has {devices} open, and takes no pictures"))
    if not findings:
        findings = [_say.ok("pi-stream itself has the camera" if patient.holds_camera() else "no program has a camera")]
    return findings if busy or patient.holds_camera() else [*findings, *_hidden(machine)]


def processes(machine: Machine) -> list[int]:
    """The numbers of all processes that this user may see."""
    folder = machine.path("/proc")
    return sorted(int(each.name) for each in folder.iterdir() if each.name.isdigit()) if folder.is_dir() else []


def opened(machine: Machine) -> Iterator[tuple[int, str]]:
    """(process, what it has open) of all processes that this user may look into."""
    for pid in processes(machine):
        try:
            for link in machine.path(f"/proc/{pid}/fd").iterdir():
                yield pid, str(link.readlink())
        except OSError:
            continue  # it has ended meanwhile, or belongs to somebody else: `_hidden` counts those


def locks(machine: Machine) -> set[int]:
    """Processes that have locked a media device: a camera of libcamera's that is taken."""
    files = []
    for path in machine.paths("/dev/media*"):
        with suppress(OSError):  # it was unplugged meanwhile
            files.append(path.stat())
    return lock_holders(machine.text(LISTING) or "", files)


def called(machine: Machine, pid: int) -> str:
    """A program's short name, and the systemd unit that it is of, if any."""
    name, unit = (machine.text(f"/proc/{pid}/comm") or "a program").replace("`", "'"), unit_of(machine, pid)
    return f"{name} of {unit}" if unit and unit.removesuffix(".service") != name else name


def unit_of(machine: Machine, pid: int) -> str | None:
    """The system's service that a process is of, from its cgroup: `0::/system.slice/motion.service`.

    Below user@1000.service are a user's own, which the system's systemctl does not know, and which that user may call
    whatever they like.
    """
    for line in (machine.text(f"/proc/{pid}/cgroup") or "").splitlines():
        name = line.rpartition("/")[2]
        if _UNIT.fullmatch(name) and "/user@" not in line:
            return name
    return None


def is_ours(machine: Machine, pid: int) -> bool:
    """Whether a process is a pi-stream: by its name, its unit, or as `python -m pi_stream`."""
    if machine.text(f"/proc/{pid}/comm") == "pi-stream" or unit_of(machine, pid) == f"{_OWN_UNIT}.service":
        return True
    return "\0-m\0pi_stream\0" in (machine.text(f"/proc/{pid}/cmdline") or "")


def _stop(machine: Machine, pid: int) -> str:
    unit = unit_of(machine, pid)
    return f"`sudo systemctl stop {unit}`" if unit else f"`sudo kill {pid}`"


def _driver(machine: Machine, device: str) -> str:
    """The name that a driver gave to a /dev/video* device; "" for a media device."""
    return machine.text(f"/sys/class/video4linux/{device.rpartition('/')[2]}/name") or ""


def _is_camera(machine: Machine, device: str) -> bool:
    return not _driver(machine, device).startswith(_OTHERS)


def _is_webcam(machine: Machine, device: str) -> bool:
    folder = machine.path(f"/sys/class/video4linux/{device.rpartition('/')[2]}/device/driver")
    return folder.is_symlink() and folder.readlink().name == "uvcvideo"


def _hidden(machine: Machine) -> list[Finding]:
    closed = sum(not _open_to_us(machine.path(f"/proc/{pid}/fd")) for pid in processes(machine))
    if not closed and machine.path("/proc/1").exists():  # it does not where a service is kept from seeing others
        return []
    programs = "1 program" if closed == 1 else f"{closed} programs"
    what = f"{programs} of other users could not be looked into" if closed else "other programs are hidden"
    return [_say.unknown(what, "`sudo pi-stream doctor` may look at everything.")]


def _open_to_us(folder: Path) -> bool:
    try:
        next(folder.iterdir(), None)
    except PermissionError:
        return False
    except OSError:
        return True  # it has ended meanwhile
    return True
