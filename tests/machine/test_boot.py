"""How long a start takes, and what the service waits for in it."""

import re

from tests.appliance.virtual_machine import VirtualMachine
from tests.machine.seen import until_healthy, value


def test_from_the_kernel_to_the_first_picture(machine: VirtualMachine) -> None:
    """What was measured is printed. No part of it is waiting: not for the network, the clock, or a name."""
    until_healthy(machine, lambda health: health["source"] == "synthetic" and health["reason"] != "starting")
    times = machine.run("systemd-analyze", timeout=300)
    log = machine.log()
    print(f"\n{times}\n{log}")
    print(machine.run("systemd-analyze", "critical-chain", "pi-stream.service"))
    kernel = re.search(r"finished in (?:(\d+)min )?([\d.]+)s \(kernel\)", times)
    online = re.search(r"\[ *([\d.]+)\].*is online", log)
    assert kernel is not None
    assert online is not None
    userspace = int(kernel[1] or 0) * 60 + float(kernel[2])
    print(f"first frame {float(online[1]) - userspace:.1f} s after the kernel started userspace")
    cpu = int(value(machine, "CPUUsageNSec")) / 1e9
    print(f"CPU of the service so far: {cpu:.1f} s")
    before = set(value(machine, "After").split())
    assert not before & {
        *("network.target", "network-online.target", "time-sync.target"),
        *("avahi-daemon.service", "nss-lookup.target"),
    }
    assert "network-online.target" not in value(machine, "Wants").split()
