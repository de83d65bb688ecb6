"""In use: which programs have camera devices open, and which of them has locked one.

`pi_stream.lib.file_locks` explains what a lock means. A user sees in /proc/*/fd what that user's own programs have
open; root sees all.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.lib.file_locks import LISTING, lock_holders

_area = Area("in use")

_OWN_UNIT = "pi-stream"
# Of the characters that systemd allows in a unit's name, those without meaning to a shell: people copy the commands.
_UNIT = re.compile(r"[A-Za-z0-9:_.@-]+\.service")
# Video devices of the Pi that are no cameras; a browser that plays a video has these open.
_NO_CAMERAS = ("bcm2835-codec", "rpivid", "rpi-hevc-dec", "hevc")


def check_device_users(machine: Machine, context: DoctorContext) -> list[Finding]:
    """List the processes that use camera devices, by name and process id, never with their command lines."""
    locking = {pid for pid in locking_processes(machine) if pid != machine.pid}
    opened: dict[int, set[str]] = {}
    for pid, target in open_files(machine):
        if target.startswith(("/dev/video", "/dev/media")) and pid != machine.pid and _is_camera(machine, target):
            opened.setdefault(pid, set()).add(target)
    findings = []
    for pid in sorted(locking | opened.keys()):
        names = [with_camera_name(machine, context, device) for device in sorted(opened.get(pid, ()))]
        program, devices = program_name(machine, pid), ", ".join(names) or "a camera"
        if is_pi_stream(machine, pid):
            findings.append(_area.ok(f"pi-stream itself ({pid}) has {devices} open"))
        elif pid in locking:
            fix = f"Stop it: {_stop_command(machine, pid)}. pi-stream then opens the camera within seconds."
            finding = _area.fault if context.wants_pi_camera and not context.holds_camera() else _area.warning
            findings.append(finding(f"{program} ({pid}) is taking pictures with {devices}", fix))
        elif all(_is_webcam(machine, device) for device in opened[pid]):
            fix = f"If pi-stream reports that the webcam is busy, stop this program: {_stop_command(machine, pid)}."
            findings.append(_area.warning(f"{program} ({pid}) has {devices} open", fix))
        else:
            findings.append(_area.ok(f"{program} ({pid}) has {devices} open, but takes no pictures"))
    if not findings:
        what = "pi-stream itself uses the camera" if context.holds_camera() else "no program uses a camera"
        findings = [_area.ok(what)]
    return findings if locking or context.holds_camera() else [*findings, *_hidden(machine)]


def processes(machine: Machine) -> list[int]:
    """The ids of all processes that this user can see."""
    folder = machine.path("/proc")
    return sorted(int(each.name) for each in folder.iterdir() if each.name.isdigit()) if folder.is_dir() else []


def open_files(machine: Machine) -> Iterator[tuple[int, str]]:
    """Yield (process id, open file) of all processes that this user may inspect."""
    for pid in processes(machine):
        try:
            for link in machine.path(f"/proc/{pid}/fd").iterdir():
                yield pid, str(link.readlink())
        except OSError:
            continue  # it has ended meanwhile, or belongs to another user; `_hidden` counts the latter


def locking_processes(machine: Machine) -> set[int]:
    """The ids of processes that have locked a media device: each takes pictures with a camera of libcamera."""
    files = []
    for path in machine.paths("/dev/media*"):
        with suppress(OSError):  # it was unplugged meanwhile
            files.append(path.stat())
    return lock_holders(machine.text(LISTING) or "", files)


def program_name(machine: Machine, pid: int) -> str:
    """A program's short name, with its systemd unit, if it has one."""
    name, unit = (machine.text(f"/proc/{pid}/comm") or "a program").replace("`", "'"), unit_of(machine, pid)
    return f"{name} of {unit}" if unit and unit.removesuffix(".service") != name else name


def unit_of(machine: Machine, pid: int) -> str | None:
    """The system service of a process, from its cgroup: `0::/system.slice/motion.service`.

    Units below user@1000.service belong to a user's own systemd: the system's systemctl does not know them, and their
    names are the user's choice.
    """
    for line in (machine.text(f"/proc/{pid}/cgroup") or "").splitlines():
        name = line.rpartition("/")[2]
        if _UNIT.fullmatch(name) and "/user@" not in line:
            return name
    return None


def is_pi_stream(machine: Machine, pid: int) -> bool:
    """Whether a process is a pi-stream: by its name, by its unit, or as `python -m pi_stream`."""
    if machine.text(f"/proc/{pid}/comm") == "pi-stream" or unit_of(machine, pid) == f"{_OWN_UNIT}.service":
        return True
    return "\0-m\0pi_stream\0" in (machine.text(f"/proc/{pid}/cmdline") or "")


def with_camera_name(machine: Machine, context: DoctorContext, device: str) -> str:
    """The device, with the name of the camera that has it as camera.path, if there are several cameras."""
    real = os.path.realpath(machine.path(device))
    for camera in context.cameras if len(context.cameras) > 1 else ():
        if camera.path and camera.wants_webcam and os.path.realpath(machine.path(camera.path)) == real:
            return f"{device} ({camera.name})"
    return device


def _stop_command(machine: Machine, pid: int) -> str:
    unit = unit_of(machine, pid)
    return f"`sudo systemctl stop {unit}`" if unit else f"`sudo kill {pid}`"


def _driver(machine: Machine, device: str) -> str:
    """The name that a driver gave to a /dev/video* device; "" for a media device."""
    return machine.text(f"/sys/class/video4linux/{device.rpartition('/')[2]}/name") or ""


def _is_camera(machine: Machine, device: str) -> bool:
    return not _driver(machine, device).startswith(_NO_CAMERAS)


def _is_webcam(machine: Machine, device: str) -> bool:
    folder = machine.path(f"/sys/class/video4linux/{device.rpartition('/')[2]}/device/driver")
    return folder.is_symlink() and folder.readlink().name == "uvcvideo"


def _hidden(machine: Machine) -> list[Finding]:
    closed = sum(not _can_inspect(machine.path(f"/proc/{pid}/fd")) for pid in processes(machine))
    if not closed and machine.path("/proc/1").exists():  # a service's sandbox may hide other users' processes
        return []
    programs = "1 program" if closed == 1 else f"{closed} programs"
    what = f"{programs} of other users cannot be inspected" if closed else "programs of other users are hidden"
    return [_area.unknown(what, "`sudo pi-stream doctor` can inspect everything.")]


def _can_inspect(folder: Path) -> bool:
    try:
        next(folder.iterdir(), None)
    except PermissionError:
        return False
    except OSError:
        return True  # it has ended meanwhile
    return True
