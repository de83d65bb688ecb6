"""The power is cut at any moment: the machine starts, the picture comes, and captions are what they were, or nearly.

PI_STREAM_POWER_CUTS says how often (default 3). Two of three cuts come while captions are being written as fast as they
go, every third while the machine starts, at moments that nobody chose.
"""

import json
import os
import random
import subprocess
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

from tests.appliance.disk import Disk
from tests.appliance.virtual_machine import VirtualMachine
from tests.machine.quick import QUICK
from tests.machine.seen import until_healthy

CUTS = int(os.environ.get("PI_STREAM_POWER_CUTS", "3"))
WRITING = 12.0  # seconds, at most, until the power goes
_IDS = 8  # captions that are written in turn: a state is whole when their numbers follow each other
_STARTING = 40.0  # seconds, at most, of a start that is interrupted


def put(machine: VirtualMachine, number: int) -> bool:
    """Have the caption with this number written; whether the service took it."""
    body = json.dumps({"text": f"{number} {'safe ' * 40}"}).encode()
    asked = urllib.request.Request(  # noqa: S310 - our own address
        f"{machine.url}api/captions/n{number % _IDS}", body, {"Content-Type": "application/json"}, method="PUT"
    )
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310 - the same
            return bool(answer.status < 300)
    except (OSError, HTTPException):
        return False


def numbers(machine: VirtualMachine) -> list[int]:
    """Those of the captions that are there."""
    there = json.loads(machine.get("api/captions"))
    return sorted(int(each["text"].split()[0]) for each in there["captions"])


def picture(machine: VirtualMachine) -> bytes:
    """A snapshot, as soon as the source is online."""
    until_healthy(machine, lambda health: health["ok"] and health["source"] == "synthetic")
    jpeg = machine.get("snapshot.jpg")
    assert jpeg[:2] == b"\xff\xd8", jpeg[:200]
    return jpeg


def check_file_system(machine: VirtualMachine, folder: Path) -> str:
    """What e2fsck, forced and changing nothing, says of the disk of a machine that was switched off."""
    raw = folder / "raw"
    convert = ("qemu-img", "convert", "-O", "raw", str(machine.disk), str(raw))
    subprocess.run(convert, check=True, timeout=300)
    try:
        done = subprocess.run(["e2fsck", "-fn", str(raw)], capture_output=True, text=True, timeout=300, check=False)  # noqa: S607 - PATH's
    finally:
        raw.unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def test_power_cuts(disk: Disk, tmp_path: Path) -> None:
    """It always starts and shows a picture; captions are a whole state, not older than what the last start had."""
    seed = random.randrange(2**32)  # noqa: S311 - not for secrets
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    print(f"\n{CUTS} power cuts, seed {seed}")
    print("cut | when                          | start to picture | put | found | behind | set aside")
    with VirtualMachine(disk, options=QUICK) as machine:
        last = -1
        for number in range(_IDS):
            assert put(machine, number)
            last = number
        kept = last
        time.sleep(5)  # the first ones are to be there
        cut = 0
        while cut < CUTS:
            cut += 1
            moment = chance.uniform(0, WRITING)
            started = time.monotonic()
            while time.monotonic() < started + moment:
                if put(machine, last + 1):
                    last += 1
            machine.cut_power()
            when = f"{moment:4.1f} s of writing"
            if cut % 3 == 2 and cut < CUTS:
                cut += 1
                early = chance.uniform(1, _STARTING)
                machine.boot(wait=False)
                time.sleep(early)
                machine.cut_power()
                when += f", {early:4.1f} s of start"
            seconds = machine.boot()
            picture(machine)
            found = numbers(machine)
            log = machine.log()
            aside = "damaged" in log or "set aside" in log
            print(
                f"{cut:3} | {when:29} | {seconds:14.1f} s | {last:3} | {max(found, default=-1):5} |"
                f" {last - max(found, default=-1):6} | {'yes' if aside else 'no'}",
                flush=True,
            )
            newest = max(found, default=-1)
            assert aside or found == list(range(newest - _IDS + 1, newest + 1)), f"not a whole state: {found}"
            # One more than `last`: the power may have gone between the writing of it and the answer.
            assert aside or kept <= newest <= last + 1, f"{kept} were there, {last} were put, {newest} is there"
            assert not aside, log
            kept = last = newest
        machine.power_off()
        print(check_file_system(machine, tmp_path))
