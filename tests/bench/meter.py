"""What a process uses, as the kernel counts it, and what machine this is."""

import os
import platform
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PARTS = ("aiohttp", "numpy", "simplejpeg", "av", "isal")


def cpu_seconds(pid: int) -> float:
    """CPU time of all its threads since it began, in program and kernel, by the scheduler's account, in nanoseconds.

    /proc/PID/stat counts in ticks of 10 ms. The clock's number is what clock_getcpuclockid(3) makes of the process's.
    """
    return time.clock_gettime(~pid << 3 | 2)


def memory_mb(pid: int) -> float:
    """MiB of physical memory that it holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 2**20


def machine() -> dict[str, str]:
    """What the numbers are of: processor, cores, and the versions of all that takes part."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": platform.release(),
        "python": platform.python_version(),
        **{name: version(name) for name in _PARTS},
        "ustreamer": _ustreamer(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def _ustreamer() -> str:
    path = shutil.which("ustreamer")
    if path is None:
        return "not installed"
    return subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()
