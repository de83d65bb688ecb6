"""What tests of machines look at: health, settings, and how much each process has written."""

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.appliance.virtual_machine import PATIENCE, VirtualMachine

CONFIG = "/etc/pi-stream/config.toml"

# Every process but kernel threads: "name bytes" that it had written to disks (write_bytes of proc_pid_io(5)).
_WRITTEN = (
    "for each in /proc/[0-9]*; do"
    ' [ -n "$(readlink $each/exe)" ] && echo "$(cat $each/comm) $(sed -n s/^write_bytes:.//p $each/io)"; done'
)


def health(machine: VirtualMachine) -> dict[str, Any]:
    """/healthz"""
    value: dict[str, Any] = json.loads(machine.get("healthz"))
    return value


def until_healthy(
    machine: VirtualMachine, condition: Callable[[dict[str, Any]], object], patience: float = PATIENCE
) -> dict[str, Any]:
    """Its health as soon as that fulfils a condition."""
    deadline = time.monotonic() + patience
    while not condition(seen := health(machine)):
        assert time.monotonic() < deadline, f"last seen: {seen}\n{machine.log()}"
        time.sleep(0.2)
    return seen


def restart(machine: VirtualMachine, settings: str) -> None:
    """Give the service other settings."""
    machine.write(CONFIG, settings)
    machine.run("systemctl", "restart", "pi-stream", timeout=300)
    machine.get("healthz", deadline=time.monotonic() + 300)


def sectors_written(machine: VirtualMachine) -> int:
    """To the first disk since the start, in sectors of 512 bytes: Documentation/block/stat.rst of the kernel."""
    return int(machine.run("cat", "/sys/block/vda/stat").split()[6])


def bytes_written(machine: VirtualMachine) -> Counter[str]:
    """By the names of the processes."""
    written: Counter[str] = Counter()
    for line in machine.shell(_WRITTEN, check=False).splitlines():
        name, _, number = line.rpartition(" ")
        written[name] += int(number or 0)
    return written


def value(machine: VirtualMachine, field: str, unit: str = "pi-stream") -> str:
    """A property of a unit; of systemd itself, where that is ""."""
    return machine.run("systemctl", "show", f"--property={field}", "--value", *([unit] if unit else [])).strip()
