"""How long a start takes, and what the service waits for in it."""

import re
from collections.abc import Iterator

import pytest

from tests.appliance.disk import Disk
from tests.appliance.virtual_machine import VirtualMachine
from tests.machine.seen import until_healthy, value


@pytest.fixture
def counting(disk: Disk) -> Iterator[VirtualMachine]:
    """A machine that has just started, and whose time does not depend on what this one does besides."""
    with VirtualMachine(disk, counts_instructions=True) as machine:
        yield machine


def test_from_the_kernel_to_the_first_picture(counting: VirtualMachine) -> None:
    """What was measured is printed. No part of it is waiting: not for the network, the clock, or a name."""
    machine = counting
    until_healthy(machine, lambda health: health["source"] == "synthetic" and health["reason"] != "starting")
    machine.run("/bin/sh", "-c", "systemctl is-system-running --wait", check=False, timeout=300)
    userspace = int(value(machine, "UserspaceTimestampMonotonic", "")) / 1e6
    log = machine.log()
    print(f"\n{machine.run('systemd-analyze')}{log}")
    online = re.search(r"\[ *([\d.]+)\].*is online", log)
    assert online is not None
    for what, moment in (
        ("basic.target is reached", int(value(machine, "ActiveEnterTimestampMonotonic", "basic.target")) / 1e6),
        ("pi-stream is started", int(value(machine, "InactiveExitTimestampMonotonic")) / 1e6),
        ("network.target is reached", int(value(machine, "ActiveEnterTimestampMonotonic", "network.target")) / 1e6),
        ("pi-stream's first frame", float(online[1])),
    ):
        print(f"{moment - userspace:5.1f} s after the kernel started userspace: {what}")
    print(f"CPU of the service so far: {int(value(machine, 'CPUUsageNSec')) / 1e9:.1f} s")
    before = set(value(machine, "After").split())
    assert not before & {
        *("network.target", "network-online.target", "time-sync.target"),
        *("avahi-daemon.service", "nss-lookup.target"),
    }
    assert "network-online.target" not in value(machine, "Wants").split()
