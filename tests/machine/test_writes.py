"""A card lives as long as nothing is written to it.

PI_STREAM_QUIET_MINUTES says for how long writes are counted (default 2).
"""

import asyncio
import json
import os
import time
import urllib.request
from collections import Counter

import pytest

from tests.appliance.disk import Disk
from tests.appliance.roots import CHECKOUT
from tests.appliance.virtual_machine import VirtualMachine
from tests.machine.seen import bytes_written, sectors_written
from tests.machine.watching import said_at_fault, until_all, watching

MINUTES = float(os.environ.get("PI_STREAM_QUIET_MINUTES", "2"))
_STATE = "/var/lib/private/pi-stream"


def put(machine: VirtualMachine, name: str, text: str) -> None:
    """A caption."""
    body = json.dumps({"text": text}).encode()
    asked = urllib.request.Request(  # noqa: S310 - our own address
        f"{machine.url}api/captions/{name}", body, {"Content-Type": "application/json"}, method="PUT"
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310 - the same
        assert answer.status < 300


def counts(machine: VirtualMachine) -> tuple[int, Counter[str]]:
    """Sectors written to the disk, and bytes written by processes, by their names; on a thread beside the viewers'."""
    return sectors_written(machine), bytes_written(machine)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_ticking_clock_writes_nothing(machine: VirtualMachine) -> None:
    """While it streams, with a caption that changes every second, the service writes nothing to the disk."""
    put(machine, "clock", "{time:%H:%M:%S}")
    async with said_at_fault(machine), watching(machine, "jpeg", "png") as frames:
        await until_all(frames, ("jpeg", "png"))
        await asyncio.to_thread(machine.shell, "journalctl --sync && sync")
        await asyncio.sleep(15)  # whatever was begun by the start, and by the caption, is over
        sectors, written = await asyncio.to_thread(counts, machine)
        before = sum(frames.values())
        started = time.monotonic()
        while time.monotonic() < started + MINUTES * 60:
            await asyncio.sleep(10)
            await until_all(frames, ("jpeg", "png"), 1)
        later, more = await asyncio.to_thread(counts, machine)
        total = later - sectors
        more.subtract(written)
        shown = sum(frames.values()) - before
    print(f"\n{MINUTES:g} minutes, {shown} frames shown: {total} sectors ({total / 2:g} KiB) written; by whom:")
    for name, number in more.most_common(12):
        print(f"  {name}: {number} bytes")
    print(machine.run("journalctl", "--disk-usage"))
    print(machine.run("journalctl", "--boot", f"--since=-{MINUTES:g}min", "--no-pager", "--output=short-monotonic"))
    assert more["pi-stream"] == 0
    assert total < MINUTES * 1024, "half a MiB a minute is more than a machine that does nothing writes"


def test_the_journal_has_a_bound(machine: VirtualMachine) -> None:
    """With deploy/journald.conf, twice what fits is written into it, and it is not larger than that."""
    machine.write("/etc/systemd/journald.conf.d/pi-stream.conf", (CHECKOUT / "deploy/journald.conf").read_text())
    machine.run("systemctl", "restart", "systemd-journald", timeout=300)
    # 64 MiB, in long lines; of what the agent does, this among it, the journal takes warnings only (disk.py).
    noise = "head -c 48M /dev/urandom | base64 --wrap=40000 | systemd-cat --priority=warning"
    machine.shell(noise, timeout=600)
    machine.run("journalctl", "--sync", timeout=300)
    used = int(machine.shell("du --summarize --block-size=1 /var/log/journal").split()[0])
    print(f"\n64 MiB were logged, {used / 2**20:.1f} MiB are kept")
    assert 16 << 20 < used <= 33 << 20  # the folders themselves count, too


def test_a_root_that_cannot_be_written(disk: Disk) -> None:
    """With an overlay over the root and a small disk for captions, it works, and then writes nothing to the root."""
    options = f"overlayroot=tmpfs:recurse=0 systemd.mount-extra=LABEL=pi-stream:{_STATE}:ext4:noatime,nofail"
    with VirtualMachine(disk, options=options, state_label="pi-stream") as machine:
        for cut in range(2):
            print(f"\n{machine.shell(f'findmnt --noheadings --list / {_STATE}; findmnt --noheadings {_STATE}')}")
            assert machine.run("findmnt", "--noheadings", "--output=FSTYPE", "/").strip() == "overlay"
            mounted = sectors_written(machine)  # the initramfs mounted it, for a moment, as one that may be written
            print(f"{mounted} sectors were written to the root by its start")
            assert mounted < 1024
            assert machine.get("snapshot.jpg") != b""
            there = json.loads(machine.get("api/captions"))["captions"]
            assert [each["text"] for each in there] == (["kept"] if cut else [])
            put(machine, "kept", "kept")
            deadline = time.monotonic() + 60
            while machine.shell(f"grep -c kept {_STATE}/captions.json", check=False).strip() in ("", "0"):
                assert time.monotonic() < deadline, machine.log()
                time.sleep(0.5)
            assert sectors_written(machine) == mounted
            machine.cut_power()
            machine.boot()
