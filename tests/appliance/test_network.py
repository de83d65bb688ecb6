"""Networks as homes have them: late, changing, gone and back; and the name under which the page is found.

A container is joined to this machine by a pair of virtual interfaces: whatever can happen to a cable or to Wi-Fi is
done to that pair.
"""

import asyncio
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import pytest
import websockets.sync.client
from playwright.async_api import Browser

from tests.appliance.container import CommandFailed, Container
from tests.appliance.package import deb
from tests.appliance.roots import root
from tests.browser.pages import open_page, wait_for_frames

_Value = TypeVar("_Value")

PORT = 8000
PATIENCE = 60.0  # seconds until a test says that something does not come
STALLED = 3.0  # seconds, of the settings below
_SETTINGS = f"[camera]\nwidth = 320\nheight = 180\nfps = 10\n\n[stream]\nstall_timeout = {STALLED}\n"
_INSTALL = (
    *("apt-get", "install", "--yes", "--no-install-recommends"),
    "--option=DPkg::Options::=--force-unsafe-io",  # nothing here is to survive a power cut
)


@pytest.fixture(scope="module")
def installed() -> Iterator[Container]:
    """A machine with our package, and its service running."""
    with Container(root("offline"), files={"/etc/hostname": "porch\n"}) as container:
        _install(container)
        # Without its link there is no route to it but the default one, at whose end a stranger may answer. While it has
        # its link, that one's metric is lower.
        nowhere = ("blackhole", str(ip_network(f"{container.address}/30", strict=False)), "metric", "9999")
        subprocess.run(["ip", "route", "add", *nowhere], check=True, timeout=20)  # noqa: S607 - PATH's
        try:
            yield container
        finally:
            subprocess.run(["ip", "route", "delete", *nowhere], check=True, timeout=20)  # noqa: S607 - PATH's


@pytest.fixture
def machine(installed: Container) -> Container:
    """The same, its service just started."""
    _link(installed, "up")
    _inside(installed, "address", "flush", "dev", "host0")
    _inside(installed, "address", "add", f"{installed.address}/30", "dev", "host0")
    _inside(installed, "link", "set", "host0", "up")
    installed.run("systemctl", "restart", "pi-stream")
    until(lambda: health(installed.address)["ok"])
    return installed


def _install(container: Container) -> None:
    container.copy(deb(), f"/srv/{deb().name}")
    container.run(*_INSTALL, f"/srv/{deb().name}", timeout=300)
    container.write("/etc/pi-stream/config.toml", _SETTINGS)


def until(look: Callable[[], _Value], patience: float = PATIENCE) -> _Value:
    """What `look` gives as soon as that is true; an error of the network's, or of a command's, is not yet."""
    deadline = time.monotonic() + patience
    while True:
        seen: object = None
        try:
            if value := look():
                return value
        except (OSError, CommandFailed) as error:
            seen = error
        assert time.monotonic() < deadline, f"it did not come: {seen}"
        time.sleep(0.1)


def health(address: str) -> dict[str, Any]:
    """/healthz, at an address."""
    url = f"http://{address}:{PORT}/healthz"
    with suppress(urllib.error.HTTPError), urllib.request.urlopen(url, timeout=5) as told:
        value: dict[str, Any] = json.load(told)
        return value
    return {"ok": False}


def viewers(machine: Container) -> int:
    """How many the service thinks it has, asked from inside, which no network reaches."""
    script = (
        "import json, urllib.request as r;"
        f"print(len(json.load(r.urlopen('http://127.0.0.1:{PORT}/api/status', timeout=5))['viewers']))"
    )
    return int(machine.run("python3", "-c", script))


def connections(machine: Container) -> int:
    """How many TCP connections the service holds, whoever is at the other end, if anybody."""
    lines = machine.run("cat", "/proc/net/tcp6", "/proc/net/tcp").splitlines()
    rows = [line.split() for line in lines if ":" in line]
    # Local address and state: 1 is ESTABLISHED, 8 is CLOSE_WAIT (proc(5), net/tcp_states.h); of others the kernel is in
    # charge. What `viewers` asks is such a connection, too, but over when this is called.
    return sum(row[1].endswith(f":{PORT:04X}") and row[3] in ("01", "08") for row in rows)


def log(machine: Container) -> str:
    """What the service said since it was last started."""
    invocation = machine.run("systemctl", "show", "--property=InvocationID", "--value", "pi-stream").strip()
    return machine.run("journalctl", f"_SYSTEMD_INVOCATION_ID={invocation}", "--no-pager", "--output=cat")


def _link(machine: Container, state: str) -> None:
    """Pull the cable, or plug it in: at this end, of which the machine sees no more than that nothing comes."""
    subprocess.run(["ip", "link", "set", machine.interface, state], check=True, timeout=20)  # noqa: S607 - PATH's


def _inside(machine: Container, *command: str) -> None:
    """`ip`, this machine's, in the other's network."""
    subprocess.run(["nsenter", "--target", str(machine.leader), "--net", "ip", *command], check=True, timeout=20)  # noqa: S607 - PATH's


def test_a_network_that_comes_late(machine: Container) -> None:
    """The service starts without any address; with the first one the page is there, and the log says where."""
    _inside(machine, "link", "set", "host0", "down")
    _inside(machine, "address", "flush", "dev", "host0")
    machine.run("systemctl", "restart", "pi-stream")
    until(lambda: viewers(machine) == 0 and "http://localhost:8000/" in log(machine))
    assert machine.address not in log(machine)
    _inside(machine, "address", "add", f"{machine.address}/30", "dev", "host0")
    _inside(machine, "link", "set", "host0", "up")
    until(lambda: health(machine.address)["ok"])
    until(lambda: f"http://{machine.address}:{PORT}/" in log(machine))
    assert machine.run("systemctl", "show", "--property=NRestarts", "--value", "pi-stream") == "0\n"


def test_an_address_that_changes(machine: Container) -> None:
    """At the new address the page is there at once; nobody is kept at the old one, and the log says where it is."""
    there, here = "198.19.255.2", "198.19.255.1"
    subprocess.run(["ip", "address", "add", f"{here}/30", "dev", machine.interface], check=True, timeout=20)  # noqa: S607 - PATH's
    with websockets.sync.client.connect(f"ws://{machine.address}:{PORT}/ws", proxy=None, close_timeout=1) as connection:
        connection.recv(timeout=PATIENCE)
        assert viewers(machine) == 1
        _inside(machine, "address", "flush", "dev", "host0")
        _inside(machine, "address", "add", f"{there}/30", "dev", "host0")
        until(lambda: health(there)["ok"])
        until(lambda: f"http://{there}:{PORT}/" in log(machine))
        until(lambda: viewers(machine) == 0)
        _inside(machine, "address", "add", f"{machine.address}/30", "dev", "host0")
    assert health(machine.address)["ok"]


@pytest.mark.asyncio(loop_scope="session")
async def test_wifi_that_is_lost_and_comes_back(machine: Container, browser: Browser) -> None:
    """The page reconnects by itself; the service keeps nothing of the one it lost for longer than its time limit."""
    async with open_page(browser, machine.url(PORT)) as page:
        await wait_for_frames(page)
        assert await asyncio.to_thread(viewers, machine) == 1
        lost = time.monotonic()
        _link(machine, "down")
        await asyncio.to_thread(until, lambda: viewers(machine) == 0)
        print(f"let go {time.monotonic() - lost:.1f} s after the link was lost; stall_timeout is {STALLED:g} s")
        await asyncio.to_thread(until, lambda: connections(machine) == 0)
        print(f"its connections are forgotten {time.monotonic() - lost:.1f} s after")
        await page.wait_for_function("!document.body.innerText.includes('undefined')")
        before = await page.evaluate("Number(document.getElementById('picture').dataset.seq)")
        _link(machine, "up")
        back = time.monotonic()
        await wait_for_frames(page, f"Number(data.seq) > {before}")
        print(f"the picture moves {time.monotonic() - back:.1f} s after the link is back")
        assert await asyncio.to_thread(viewers, machine) == 1
    assert "Traceback" not in log(machine)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_short_loss_is_waited_for(machine: Container, browser: Browser) -> None:
    """A second without a link costs a second of the picture, and no connection."""
    async with open_page(browser, machine.url(PORT)) as page:
        await wait_for_frames(page)
        _link(machine, "down")
        await asyncio.sleep(1)
        before = await page.evaluate("Number(document.getElementById('picture').dataset.seq)")
        _link(machine, "up")
        await wait_for_frames(page, f"Number(data.seq) > {before} + 10")
    assert "let go" not in log(machine)


def test_many_that_are_lost_leave_nothing(machine: Container) -> None:
    """Viewers, those that asked for nothing, and those that never spoke are forgotten, with their descriptors."""
    descriptors = "ls /proc/$(systemctl show --property=MainPID --value pi-stream)/fd | wc -l"
    before = int(machine.run("sh", "-c", descriptors))
    with ExitStack() as end:
        end.callback(_link, machine, "up")
        connect = websockets.sync.client.connect
        everybody = [
            end.enter_context(connect(f"ws://{machine.address}:{PORT}/ws", proxy=None, close_timeout=0.1))
            for _ in range(40)
        ]
        for _ in range(5):
            end.enter_context(socket.create_connection((machine.address, PORT), PATIENCE))  # and then says nothing
        for each in everybody[:20]:
            each.send(json.dumps({"type": "watch", "accept": ["jpeg"]}))
        until(lambda: viewers(machine) == 40)
        _link(machine, "down")
        until(lambda: viewers(machine) == 0)
        until(lambda: connections(machine) == 0)
        until(lambda: int(machine.run("sh", "-c", descriptors)) <= before)
    assert "Traceback" not in log(machine)


def test_the_name_is_found_from_another_machine(installed: Container) -> None:
    """`http://HOSTNAME.local` answers a second machine on the same network, by avahi here and libnss-mdns there."""
    with Container(root("offline"), files={"/etc/hostname": "kitchen\n"}) as other:
        for each, wanted in ((installed, "avahi-daemon"), (other, "libnss-mdns avahi-daemon avahi-utils")):
            each.run(*_INSTALL, *wanted.split(), timeout=300)
        # A cable between the two: the end that was here moves over.
        subprocess.run(
            ["ip", "link", "set", installed.interface, "netns", str(other.leader), "name", "camera0"],  # noqa: S607 - PATH's
            check=True,
            timeout=20,
        )
        network, _, last = installed.address.rpartition(".")
        _inside(other, "address", "add", f"{network}.{int(last) - 1}/30", "dev", "camera0")
        _inside(other, "link", "set", "camera0", "up")
        name = "porch.local"
        resolve = ("avahi-resolve", "-4", "--name", name)
        until(lambda: installed.address in other.run(*resolve, check=False), patience=120)
        assert installed.address in other.run("getent", "ahostsv4", name)
        script = f"import urllib.request as r; print(r.urlopen('http://{name}:{PORT}/healthz', timeout=20).status)"
        assert other.run("python3", "-c", script) == "200\n"
    assert not Path("/sys/class/net/camera0").exists()
