"""System: which OS, which kernel, which board."""

import platform

from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("system")


def system(machine: Machine) -> list[Finding]:
    """OS, kernel, Python and board; and whether an update waits for a restart."""
    python = f"Python {platform.python_version()}"
    told = [distribution(machine) or "an OS without a name", f"Linux {_kernel(machine) or '(unknown)'}", python]
    findings = [_say.ok(", ".join(told)), _say.ok(board(machine) or "a board that does not say what it is")]
    if (pending := _pending(machine)) is not None:
        findings.append(pending)
    return findings


def board(machine: Machine) -> str | None:
    """The board's own name: of the device tree on a Pi, of DMI on a PC."""
    return machine.text("/proc/device-tree/model") or machine.text("/sys/class/dmi/id/product_name")


def is_pi(machine: Machine) -> bool:
    """Whether it is a Raspberry Pi of any kind."""
    return (machine.text("/proc/device-tree/model") or "").startswith("Raspberry Pi")


def distribution(machine: Machine) -> str | None:
    """Such as "Debian GNU/Linux 13 (trixie)"."""
    for line in (machine.text("/etc/os-release") or "").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return value.strip("\"'")
    return None


def _kernel(machine: Machine) -> str | None:
    return machine.text("/proc/sys/kernel/osrelease")


def _pending(machine: Machine) -> Finding | None:
    """An update removes the modules of the kernel that runs: a camera that is plugged in now finds no driver."""
    kernel, installed = _kernel(machine), [path.name for path in machine.paths("/lib/modules/*")]
    if not kernel or not installed or kernel in installed:
        return None
    return _say.warning(f"the kernel that runs is not the one installed ({', '.join(installed[-3:])})", "`sudo reboot`")
