"""Memory: how much there is, how much is left, and whether it is swapped to the card."""

from pi_stream.doctor.camera_memory import meminfo
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("memory")

_LITTLE = 64 * 1024  # kB; below, the kernel throws out what it needs again at once
_USED = 32 * 1024  # kB of swap on a card, from which on it is used all the time


def memory(machine: Machine) -> list[Finding]:
    """Total, available and swap."""
    known = meminfo(machine)
    total, available = known.get("MemTotal"), known.get("MemAvailable")
    if total is None or available is None:
        return [_say.unknown("/proc/meminfo does not say")]
    what = f"{total // 1024} MiB, {available // 1024} MiB of it available"
    if available < _LITTLE:
        fix = "End other programs: `ps -eo rss,comm --sort=-rss | head` lists the largest. A desktop takes most."
        return [_say.warning(what, fix), *_swap(machine)]
    return [_say.ok(what), *_swap(machine)]


def _swap(machine: Machine) -> list[Finding]:
    """Swap that wears a card. /proc/swaps has a heading, then: name, kind, size and used in kB, priority."""
    used, places = 0, []
    for line in (machine.text("/proc/swaps") or "").splitlines()[1:]:
        words = line.split()
        if len(words) >= 4 and _on_card(machine, words[0], words[1]):
            places.append(words[0])
            used += int(words[3])
    if not places:
        return []
    what = f"{used // 1024} MiB are swapped to the card ({', '.join(places)})"
    if used < _USED:
        return [_say.ok(what)]
    fix = "`sudo apt install zram-tools` swaps to memory instead."
    return [_say.warning(f"{what}, which is slow and wears it", fix)]


def _on_card(machine: Machine, name: str, kind: str) -> bool:
    """Whether a swap partition, or the disk under a swap file, is a card: mmcblk is the kernel's name for those."""
    if kind == "partition":
        return name.startswith("/dev/mmcblk")
    disks = [line.split()[:2] for line in (machine.text("/proc/mounts") or "").splitlines()]
    under = [(place, disk) for disk, place in disks if name == place or name.startswith(place.rstrip("/") + "/")]
    return max(under, key=lambda each: len(each[0]), default=("", ""))[1].startswith("/dev/mmcblk")
