"""CPU, memory, temperature and throttling of the machine and this process; None for a value that is not known."""

import os
import resource
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")  # thousandths of a degree Celsius; the SoC on a Pi
# Raspberry Pi's firmware driver: bits 0 to 3 are the present state (under-voltage, capped, throttled, too hot).
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")


@dataclass(frozen=True, slots=True)
class MachineStats:
    """One reading. CPU in percent of one core, memory in MiB, temperature in degrees Celsius."""

    cpu_percent: float
    memory_mb: float | None
    temperature_c: float | None
    throttled: bool | None


class MachineMonitor:
    """Takes readings. The CPU share is the mean since the last reading; `latest` is that reading."""

    def __init__(self) -> None:
        self._last = (time.monotonic(), time.process_time())
        self.latest = self.read()

    def read(self) -> MachineStats:
        """Take a reading now; it reads a few small files."""
        last, self._last = self._last, (time.monotonic(), time.process_time())
        wall = self._last[0] - last[0]
        cpu = 100 * (self._last[1] - last[1]) / wall if wall > 0 else 0.0
        self.latest = MachineStats(round(cpu, 1), _rounded(memory_mb()), _rounded(temperature_c()), throttled())
        return self.latest


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def memory_mb() -> float | None:
    """MiB of physical memory that this process uses."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None  # not Linux
    return pages * resource.getpagesize() / 2**20


@cache
def machine_mb() -> int:
    """MiB of physical memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def temperature_c() -> float | None:
    """Temperature of the processor in degrees Celsius."""
    try:
        return int(_THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None  # no such sensor, or its file holds no number


def throttled() -> bool | None:
    """Whether the firmware throttles the processor now, or reports under-voltage."""
    try:
        return bool(int(_THROTTLED.read_text(), 16) & 0xF)
    except (OSError, ValueError):
        return None  # not a Raspberry Pi


def cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
