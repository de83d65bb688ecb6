"""Memory: how much is available, and whether the machine swaps to the card."""

from pi_stream.doctor.camera_memory import meminfo_kb
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_area = Area("memory")

_LOW_MEMORY_KB = 64 * 1024  # below, the kernel evicts pages that it needs again at once
_BUSY_SWAP_KB = 32 * 1024  # swap on a card that is above this is used all the time


def check_memory(machine: Machine) -> list[Finding]:
    """Check the available memory and the swap."""
    memory = meminfo_kb(machine)
    total, available = memory.get("MemTotal"), memory.get("MemAvailable")
    if total is None or available is None:
        return [_area.unknown("/proc/meminfo does not report the memory")]
    what = f"{total // 1024} MiB, {available // 1024} MiB available"
    if available < _LOW_MEMORY_KB:
        fix = "Stop other programs: `ps -eo rss,comm --sort=-rss | head` lists the largest. A desktop uses the most."
        return [_area.warning(what, fix), *_check_swap(machine)]
    return [_area.ok(what), *_check_swap(machine)]


def _check_swap(machine: Machine) -> list[Finding]:
    """Check swap on a card. /proc/swaps has a heading, then: name, kind, size and used in kB, priority."""
    used_kb, places = 0, []
    for line in (machine.text("/proc/swaps") or "").splitlines()[1:]:
        words = line.split()
        if len(words) >= 4 and _on_card(machine, words[0], words[1]):
            places.append(words[0])
            used_kb += int(words[3])
    if not places:
        return []
    what = f"{used_kb // 1024} MiB are swapped to the card ({', '.join(places)})"
    if used_kb < _BUSY_SWAP_KB:
        return [_area.ok(what)]
    fix = "`sudo apt install zram-tools` swaps to compressed memory instead."
    return [_area.warning(f"{what}, which is slow and wears out the card", fix)]


def _on_card(machine: Machine, name: str, kind: str) -> bool:
    """Whether a swap partition, or the disk of a swap file, is a card, which the kernel names mmcblk."""
    if kind == "partition":
        return name.startswith("/dev/mmcblk")
    disks = [line.split()[:2] for line in (machine.text("/proc/mounts") or "").splitlines()]
    mounts = [(place, disk) for disk, place in disks if name == place or name.startswith(place.rstrip("/") + "/")]
    return max(mounts, key=lambda each: len(each[0]), default=("", ""))[1].startswith("/dev/mmcblk")
