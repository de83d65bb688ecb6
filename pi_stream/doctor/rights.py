"""Rights: whether this user may open cameras and the memory that they share."""

from pathlib import Path

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("rights")

# What picamera2 and the v4l2 source open; the kernel and udev give them to a group, "video" on Debian.
_DEVICES = ("/dev/media*", "/dev/video*", "/dev/v4l-subdev*", "/dev/dma_heap/*")


def rights(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """The devices that this user may not open, and how it may."""
    if not (patient.wants_pi_camera or patient.wants_webcam):
        return [_say.ok("no device is needed")]
    devices = [path for pattern in _DEVICES for path in machine.paths(pattern)]
    if not devices:
        return [_say.ok("there are no camera devices to open")]
    closed = [path for path in devices if path.exists() and not machine.may_use(path)]
    if not closed:
        member = ", in group video" if "video" in machine.groups else ""
        return [_say.ok(f"{machine.user}{member}, may open all {len(devices)} camera devices")]
    group, names = _group(closed[0]), ", ".join(machine.name(path) for path in closed[:3])
    more = f" and {len(closed) - 3} more" if len(closed) > 3 else ""
    return [_say.fault(f"{machine.user} may not open {names}{more}", _mend(machine, group, closed))]


def _mend(machine: Machine, group: str, closed: list[Path]) -> str:
    if group in machine.groups or group == "root":
        rules = "`sudo apt install raspberrypi-sys-mods`" if any("dma_heap" in str(path) for path in closed) else "udev"
        return f"They belong to {group}, and not to video: {rules} should see to that; then `sudo reboot`."
    if machine.user in _members(machine, group):
        return f"{machine.user} was made a member of {group} since: log out and in again, or `sudo reboot`."
    return f"`sudo usermod -aG {group} {machine.user}`, then log out and in again."


def _members(machine: Machine, group: str) -> list[str]:
    """Who /etc/group says is in a group: `video:x:44:ana,ben`."""
    for line in (machine.text("/etc/group") or "").splitlines():
        name, _, rest = line.partition(":")
        if name == group:
            return rest.rpartition(":")[2].split(",")
    return []


def _group(path: Path) -> str:
    try:
        return path.group()
    except KeyError:
        return str(path.stat().st_gid)
