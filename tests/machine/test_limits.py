"""What the unit allows the service, held by a real kernel: memory and tasks."""

import time

import pytest

from tests.appliance.virtual_machine import VirtualMachine
from tests.machine.seen import until_healthy, value
from tests.machine.watching import said_at_fault, until_all, watching

ALL = ("jpeg", "png", "rgba", "i420")
_GROUP = "/sys/fs/cgroup/system.slice/pi-stream.service"
_EATER = "kept = [bytearray(2**20) for _ in range(4096)]"  # a bytearray is zeroed, and so is really there
_FORKER = """
import os, signal
children = []
try:
    for _ in range(4096):
        pid = os.fork()
        if not pid:
            signal.pause()
        children.append(pid)
except OSError as error:
    print(len(children), error.strerror)
finally:
    for each in children:
        os.kill(each, signal.SIGKILL)
"""


def in_its_group(machine: VirtualMachine, script: str) -> str:
    """What a Python script printed that ran in the service's group of processes."""
    machine.write("/run/script.py", script)
    return machine.shell(f"echo $$ >{_GROUP}/cgroup.procs; exec python3 /run/script.py", check=False, timeout=300)


def events(machine: VirtualMachine, name: str) -> dict[str, int]:
    """A file of the group's counters, such as memory.events."""
    lines = machine.run("cat", f"{_GROUP}/{name}").splitlines()
    return {key: int(number) for key, number in (line.split() for line in lines)}


@pytest.fixture(scope="module", autouse=True)
def limits_there(machine: VirtualMachine) -> None:
    """The limits that deploy/pi-stream.service is to have; said, where it has none."""
    if value(machine, "MemoryMax") == "infinity":
        print("\nthe unit has no MemoryMax: a drop-in of the test's gives it one")
        lines = "[Service]\nMemoryMax=400M\nMemorySwapMax=0\nTasksMax=128\nOOMPolicy=stop\nRestart=always\n"
        machine.write("/etc/systemd/system/pi-stream.service.d/limits.conf", lines)
        machine.run("systemctl", "daemon-reload", timeout=300)


@pytest.mark.asyncio(loop_scope="session")
async def test_viewers_of_all_encodings_fit_in(machine: VirtualMachine) -> None:
    """Two of each, at 720p, for ten seconds and more: far below the limits, and nobody is let go."""
    limits = {field: int(value(machine, field)) for field in ("MemoryMax", "TasksMax")}
    settings = "[camera]\nwidth = 1280\nheight = 720\nfps = 10\n"
    machine.write("/etc/pi-stream/config.toml", settings)
    machine.run("systemctl", "restart", "pi-stream", timeout=300)
    machine.get("healthz")
    async with said_at_fault(machine), watching(machine, *ALL, *ALL) as frames:
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            await until_all(frames, ALL)
    peak, tasks = (int(machine.run("cat", f"{_GROUP}/{name}")) for name in ("memory.peak", "pids.peak"))
    print(f"\n{dict(frames)}; tasks {tasks} of {limits['TasksMax']}")
    print(f"memory {peak >> 20} of {limits['MemoryMax'] >> 20} MiB")
    assert peak < 0.8 * limits["MemoryMax"]
    assert tasks < 0.5 * limits["TasksMax"]
    assert events(machine, "memory.events")["max"] == 0


def test_too_many_tasks_are_refused(machine: VirtualMachine) -> None:
    """One that forks for ever gets no farther than the limit; the service goes on, and so does the rest."""
    limit = int(value(machine, "TasksMax"))
    pid = value(machine, "MainPID")
    told = in_its_group(machine, _FORKER)
    print(f"\n{told.strip()}; the limit is {limit}")
    number, _, reason = told.partition(" ")
    assert int(number) < limit
    assert reason == "Resource temporarily unavailable\n"
    assert value(machine, "MainPID") == pid
    until_healthy(machine, lambda health: health["source"] == "synthetic")


def test_one_that_eats_memory_is_ended_and_the_service_starts_again(machine: VirtualMachine) -> None:
    """The kernel ends it at the limit, with the machine's own memory untouched, and systemd starts the service."""
    avahi, restarts = value(machine, "MainPID", "avahi-daemon"), int(value(machine, "NRestarts"))
    before = time.monotonic()
    in_its_group(machine, _EATER)
    while int(value(machine, "NRestarts")) == restarts or value(machine, "ActiveState") != "active":
        assert time.monotonic() < before + 300, machine.log()
        time.sleep(1)
    machine.get("healthz", deadline=time.monotonic() + 300)
    until_healthy(machine, lambda health: health["source"] == "synthetic")
    print(f"\nthe page answers again {time.monotonic() - before:.0f} s after the eater was started")
    kernel = machine.shell("journalctl --dmesg --no-pager --output=cat | grep -i 'memory cgroup out of memory'")
    print(kernel)
    assert "out of memory" in kernel.lower()
    assert value(machine, "MainPID", "avahi-daemon") == avahi
    assert machine.run("systemctl", "--failed", "--no-legend") == ""
