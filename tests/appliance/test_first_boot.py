"""The first start of a card, as the Pi does it, under real systemd: everything is installed without a network."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.image.answers import check
from deploy.image.debs import Deb
from deploy.image.first_boot import FOLDER, root_parts
from deploy.image.parts import File, Folder, Link
from tests.appliance.container import Container
from tests.appliance.package import deb
from tests.appliance.roots import root
from tests.test_image_answers import HASH, KEY

PATIENCE = 300.0  # seconds until a test says that something does not come
UNIT = "pi-stream-first-boot.service"
ASKED_FOR, THERE = "python3-segno", "fonts-dejavu-core"
OLD = f"Package: {THERE}\nVersion: 0\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: an old one\n"
ANSWERS = {
    "hostname": "doorcam",
    "user": {"name": "anna", "password_hash": HASH, "ssh_keys": [KEY], "ssh": False},
    "pi-stream": {"camera": {"width": 320, "height": 180}},
}


@pytest.fixture
def machine() -> Iterator[Container]:
    """A machine without a network that has what `deploy/image/build` puts onto a card, before its first start."""
    there = root("offline")
    with Container(there) as container:
        debs = [Deb(deb(), "pi-stream", deb().name.split("_")[1], 0)]
        for file in sorted((there / "var/cache/apt/archives").glob("*.deb")):
            name, version, _ = file.name.split("_")
            debs.append(Deb(file, name, version.replace("%3a", ":"), 0, name == ASKED_FOR))
        container.write("/srv/old/DEBIAN/control", OLD)
        container.run("dpkg-deb", "--build", "/srv/old", "/srv/old.deb")
        container.run("dpkg", "--install", "/srv/old.deb")
        container.run("useradd", "--create-home", "pi")  # somebody is there already
        for part in root_parts(check(ANSWERS), debs, hosts=b"127.0.0.1\tlocalhost\n", fstab=b"", cloud_init=False):
            match part:
                case File(path, bytes() as content, mode):
                    container.write(path, content, mode)
                case File(path, Path() as source, _):
                    container.copy(source, path)
                case Folder(path, mode):
                    container.run("install", "-d", "-m", f"{mode:o}", path)
                case Link(path, target):
                    container.run("mkdir", "-p", str(Path(path).parent))
                    container.run("ln", "-sfn", target, path)
        container.run("sh", "-c", "rm /var/cache/apt/archives/*.deb")
        yield container


def answer(machine: Container, *codes: int) -> bytes:
    """What port 80 answers, once it does so with one of these codes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(machine.url(80) + "snapshot.jpg", timeout=10) as response:  # noqa: S310 - our own
                if response.status in codes:
                    return bytes(response.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code in codes:
                    return error.read()
        except OSError:  # nobody listens yet
            pass
        time.sleep(0.05)
    raise AssertionError(f"port 80 answered with none of {codes}:\n{machine.run('journalctl', '--no-pager')}")


def what_next(machine: Container) -> list[str]:
    """The ids of what is still to do, asked for at http://doorcam.local, as a browser would."""
    asked = urllib.request.Request(machine.url(80) + "api/next", headers={"Host": "doorcam.local"})  # noqa: S310 - our own
    with urllib.request.urlopen(asked, timeout=10) as response:  # noqa: S310 - the same
        return [step["id"] for step in json.load(response)["steps"]]


def until(machine: Container, true: Callable[[], bool]) -> None:
    """Wait for something; if it does not come, say what the machine's journal has."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, machine.run("journalctl", "--no-pager")
        time.sleep(0.05)


def test_it_installs_itself_even_if_the_power_goes(machine: Container) -> None:
    """Its address tells what is done; the power goes in the middle; then all is there, and the traces are gone.

    The page has what is left to do: a camera and a password, but no name, which the card has.
    """
    machine.run("systemctl", "start", "--no-block", UNIT)
    assert b"Installing pi-stream" in answer(machine, 503)
    statuses = ("dpkg-query", "--show", "--showformat", "${db:Status-Status} ")
    until(machine, lambda: "unpacked" in machine.run(*statuses))
    os.kill(machine.leader, signal.SIGKILL)
    machine.power_off()
    machine.boot()
    assert answer(machine, 200)[:3] == b"\xff\xd8\xff"
    assert what_next(machine) == ["camera", "password"]
    assert machine.run("id", "-nG", "anna").split()[0] == "anna"
    assert "sudo" in machine.run("id", "-nG", "anna").split()
    assert machine.read("/home/anna/.ssh/authorized_keys") == KEY + "\n"
    assert machine.run("stat", "-c", "%U %a", "/home/anna/.ssh/authorized_keys") == "anna 600\n"
    assert machine.run("getent", "shadow", "anna").split(":")[1] == HASH
    assert "width = 320" in machine.read("/etc/pi-stream/config.toml")
    until(machine, lambda: machine.run("systemctl", "is-active", UNIT, check=False).strip() == "inactive")
    assert machine.run("sh", "-c", f"ls {FOLDER} /etc/systemd/system/{UNIT} 2>&1 || true").count("No such file") == 2
    # They go when pi-stream goes, but for what was there before, and what the owner of the card asked for.
    manual = machine.run("apt-mark", "showmanual", "pi-stream", "python3-av", ASKED_FOR, THERE).split()
    assert sorted(manual) == sorted(["pi-stream", ASKED_FOR, THERE])
    assert machine.run("dpkg-query", "--show", "--showformat", "${Version}", THERE) != "0"
    assert machine.run("dpkg", "--audit") == ""
