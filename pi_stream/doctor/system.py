"""System: OS, kernel and board."""

import platform

from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_area = Area("system")


def check_system(machine: Machine) -> list[Finding]:
    """Report OS, kernel, Python and board; warn if a kernel update needs a reboot."""
    python = f"Python {platform.python_version()}"
    parts = [distribution(machine) or "unknown OS", f"Linux {_kernel(machine) or '(unknown)'}", python]
    findings = [_area.ok(", ".join(parts)), _area.ok(board(machine) or "unknown board")]
    if (pending := _check_kernel(machine)) is not None:
        findings.append(pending)
    return findings


def board(machine: Machine) -> str | None:
    """The board's name: from the device tree on a Pi, from DMI on a PC."""
    return machine.text("/proc/device-tree/model") or machine.text("/sys/class/dmi/id/product_name")


def is_pi(machine: Machine) -> bool:
    """Whether the machine is a Raspberry Pi of any model."""
    return (machine.text("/proc/device-tree/model") or "").startswith("Raspberry Pi")


def distribution(machine: Machine) -> str | None:
    """The name of the OS, such as "Debian GNU/Linux 13 (trixie)"."""
    for line in (machine.text("/etc/os-release") or "").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip("\"'")
    return None


def _kernel(machine: Machine) -> str | None:
    return machine.text("/proc/sys/kernel/osrelease")


def _check_kernel(machine: Machine) -> Finding | None:
    """An update removes the modules of the running kernel: a camera that is plugged in now finds no driver."""
    kernel, installed = _kernel(machine), [path.name for path in machine.paths("/lib/modules/*")]
    if not kernel or not installed or kernel in installed:
        return None
    return _area.warning(
        f"the running kernel is not installed any more; installed: {', '.join(installed[-3:])}", "`sudo reboot`"
    )
