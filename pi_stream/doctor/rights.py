"""Rights: whether this user may open the cameras and the heaps of camera memory."""

from pathlib import Path

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.device_users import with_camera_name
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_area = Area("rights")

# Devices that picamera2 and the v4l2 source open; they belong to a group, "video" on Debian.
_MAX_LISTED = 3  # device names in one finding
_DEVICES = ("/dev/media*", "/dev/video*", "/dev/v4l-subdev*", "/dev/dma_heap/*")


def check_rights(machine: Machine, context: DoctorContext) -> list[Finding]:
    """Check which camera devices this user cannot open."""
    if not (context.wants_pi_camera or context.wants_webcam):
        return [_area.ok("no camera device is needed")]
    devices = [path for pattern in _DEVICES for path in machine.paths(pattern)]
    if not devices:
        return [_area.ok("there are no camera devices")]
    closed = [path for path in devices if path.exists() and not machine.may_use(path)]
    if not closed:
        member = ", in group video" if "video" in machine.groups else ""
        return [_area.ok(f"{machine.user}{member}, may open all {len(devices)} camera devices")]
    group = _group(closed[0])
    names = ", ".join(with_camera_name(machine, context, machine.name(path)) for path in closed[:_MAX_LISTED])
    more = f" and {len(closed) - _MAX_LISTED} more" if len(closed) > _MAX_LISTED else ""
    return [_area.fault(f"{machine.user} may not open {names}{more}", _fix(machine, group, closed))]


def _fix(machine: Machine, group: str, closed: list[Path]) -> str:
    if group in machine.groups or group == "root":
        rules = "`sudo apt install raspberrypi-sys-mods`" if any("dma_heap" in str(path) for path in closed) else "udev"
        return f"They belong to the group {group} instead of video: {rules} should set that; then `sudo reboot`."
    if machine.user in _members(machine, group):
        return f"{machine.user} became a member of {group} after logging in: log out and in again, or `sudo reboot`."
    return f"`sudo usermod -aG {group} {machine.user}`, then log out and in again."


def _members(machine: Machine, group: str) -> list[str]:
    """The members of a group, from /etc/group: `video:x:44:ana,ben`."""
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
