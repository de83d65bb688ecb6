"""The Debian package, on a Debian 13 under its own systemd: what is in it, and what apt does with it."""

import io
import json
import re
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from pi_stream import __version__
from tests.appliance.container import CommandFailed, Container
from tests.appliance.package import deb
from tests.appliance.roots import CHECKOUT, root

OLDER = "0.0.9"
CONFIG = "/etc/pi-stream/config.toml"
PATIENCE = 30.0  # seconds until a test says that something does not come
# Nothing on these machines is to survive a power cut, so dpkg need not wait for the disk.
INSTALL = (
    *("apt-get", "install", "--yes", "--no-install-recommends", "--allow-downgrades"),
    "--option=DPkg::Options::=--force-unsafe-io",
)
PORT = 8000


@pytest.fixture(scope="session")
def builder() -> Iterator[Container]:
    """A machine with Debian's tools for packages, and ours in /srv/."""
    with Container(root("builder")) as container:
        container.copy(deb(), f"/srv/{deb().name}")
        yield container


@pytest.fixture(scope="session")
def context() -> Iterator[Container]:
    """A machine that has no network at all, both packages in /srv/, and what they need in apt's cache."""
    with Container(root("offline")) as container:
        for version in (OLDER, __version__):
            container.copy(deb(version), f"/srv/{deb(version).name}")
        yield container


@pytest.fixture
def machine(context: Container) -> Container:
    """The same, with no trace of a pi-stream from the test before."""
    context.run("apt-get", "purge", "--yes", "pi-stream", check=False)
    context.run("systemctl", "reset-failed")
    return context


def install(machine: Container, version: str = __version__) -> str:
    """As `sudo apt install ./pi-stream_VERSION_all.deb`; what apt said."""
    return machine.run(*INSTALL, f"/srv/{deb(version).name}", timeout=300)


def get(machine: Container, path: str, port: int = PORT) -> bytes:
    """What the service answers, as soon as it does."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(machine.url(port) + path, timeout=PATIENCE) as answer:  # noqa: S310 - our own address
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > deadline:
                log = machine.run("journalctl", "--unit=pi-stream", "--no-pager")
                raise AssertionError(f"{path}: {error}\n{log}") from None
            time.sleep(0.05)


def status(machine: Container) -> dict[str, Any]:
    """/api/status"""
    value: dict[str, Any] = json.loads(get(machine, "api/status"))
    return value


def active(machine: Container, unit: str = "pi-stream") -> str:
    """active, inactive, failed ..."""
    return machine.run("systemctl", "is-active", unit, check=False).strip()


def traces(machine: Container) -> list[str]:
    """Every file of that name but those that the tests brought."""
    places = ("/etc", "/usr", "/var/lib", "/var/cache", "/run")
    found = machine.run("find", *places, "-xdev", "-name", "*pi?stream*", "-print").split()
    return [path for path in found if "/apt/archives/" not in path]


# --- what is in it


def test_debians_own_critic_finds_nothing(builder: Container) -> None:
    """lintian has neither an error nor a warning; each override gives its reason."""
    lintian = ("lintian", "--fail-on", "error,warning", f"/srv/{deb().name}")
    assert builder.run(*lintian, user="nobody", timeout=120) == ""
    lines = (CHECKOUT / "deploy/debian/pi-stream.lintian-overrides").read_text().splitlines()
    assert all(lines[i - 1].startswith("#") for i, line in enumerate(lines) if not line.startswith("#"))


def test_it_depends_on_what_the_program_does(builder: Container) -> None:
    """Every dependency of pyproject.toml is one of Debian's packages, with its lower bound."""
    field = builder.run("dpkg-deb", "--field", f"/srv/{deb().name}", "Depends")
    needs = {each.split()[0].split(":")[0]: each for each in field.strip().split(", ")}
    names = {"pillow": "pil"}
    for wanted in tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["dependencies"]:
        name, _, bounds = wanted.partition(">=")
        least = bounds.partition(",")[0]
        found = needs[f"python3-{names.get(name, name)}"]
        if name == "simplejpeg":  # Raspberry Pi OS has it, Debian has what it is made of
            assert found == "python3-simplejpeg | libturbojpeg0"
        else:
            assert re.search(rf"\(>= (1:)?{re.escape(least)}\)", found), found
    assert "(>= 1:" in needs["python3-numpy"]  # without its epoch the bound would hold for every version
    assert {"python3", "python3-systemd", "libfribidi0", "fonts-dejavu-core"} <= set(needs)


def test_it_holds_the_whole_page(builder: Container) -> None:
    """Every file of www, and nothing of Python's caches."""
    listing = builder.run("dpkg-deb", "--contents", f"/srv/{deb().name}")
    files = {line.split(maxsplit=5)[5].split(" -> ")[0] for line in listing.splitlines()}
    packages = "./usr/lib/python3/dist-packages/pi_stream"
    for path in (CHECKOUT / "www").rglob("*"):
        if path.is_file():
            assert f"{packages}/{path.relative_to(CHECKOUT)}" in files
    assert not [path for path in files if path.endswith(".pyc") or "/tests/" in path or "/local/" in path]
    assert builder.run("dpkg-deb", "--info", f"/srv/{deb().name}", "conffiles").split() == [CONFIG]


# --- what apt does with it


def test_installed_it_runs_and_the_picture_is_there(machine: Container) -> None:
    """No network, no question, no other command: a JPEG of the test picture, by Debian's own libjpeg-turbo."""
    started = time.monotonic()
    install(machine)
    with Image.open(io.BytesIO(get(machine, "snapshot.jpg"))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1280, 720))
        assert len(picture.convert("RGB").getcolors(2**24) or ()) > 1000
    print(f"apt install to the first picture: {time.monotonic() - started:.1f} s")
    told = status(machine)
    assert told["version"] == __version__
    assert told["jpeg"] == "the system's libturbojpeg"
    assert (told["source"]["kind"], told["source"]["online"]) == ("synthetic", True)
    assert get(machine, "") == (CHECKOUT / "www/index.html").read_bytes()
    assert active(machine) == "active"
    assert machine.run("systemctl", "is-enabled", "pi-stream").strip() == "enabled"
    assert machine.run("systemctl", "is-enabled", "pi-stream.socket", check=False).strip() == "disabled"
    assert active(machine, "pi-stream.socket") == "inactive"
    assert machine.run("systemctl", "--failed", "--no-legend") == ""
    assert machine.run("dpkg", "--verify", "pi-stream") == ""


def test_its_programs_and_library_work(machine: Container) -> None:
    """The command, the manual, and `import pi_stream` for scripts, with every encoding decoded."""
    install(machine)
    get(machine, "healthz")
    url = f"http://localhost:{PORT}"
    assert machine.run("pi-stream", "--version") == f"pi-stream {__version__}\n"
    assert machine.run("pi-stream", "check-config", CONFIG) == f"{CONFIG}: valid\n"
    for encoding in ("jpeg", "png", "i420", "rgba"):
        script = (
            "import asyncio, pi_stream\n"
            "async def main():\n"
            f"  async with pi_stream.connect({url!r}, accept=[{encoding!r}]) as camera:\n"
            "    async for packet in camera:\n"
            "      return print(packet.encoding, packet.image().shape)\n"
            "asyncio.run(main())\n"
        )
        assert machine.run("python3", "-c", script).split(maxsplit=1)[0] == encoding
    assert machine.run("pi-stream", "caption", url, "Grüße שלום 😀", "--id", "hello") == "hello\n"
    machine.run("udevadm", "verify", "--no-summary", "/usr/lib/udev/rules.d/60-pi-stream.rules")


def test_an_upgrade_keeps_settings_and_captions(machine: Container) -> None:
    """Settings that were changed here stay, without a question; the service is the new one at once."""
    install(machine, OLDER)
    get(machine, "healthz")
    machine.run("pi-stream", "caption", f"http://localhost:{PORT}", "kept", "--id", "kept")
    machine.write(CONFIG, "# mine\n[camera]\nwidth = 640\nheight = 480\n")
    machine.run("systemctl", "restart", "pi-stream")
    assert status(machine)["version"] == OLDER
    install(machine)
    told = status(machine)
    assert (told["version"], told["source"]["width"], told["captions"]) == (__version__, 640, 1)
    assert machine.read(CONFIG).startswith("# mine\n")


def test_a_downgrade_goes_back(machine: Container) -> None:
    """To the version before, with the same settings and captions."""
    install(machine)
    get(machine, "healthz")
    machine.run("pi-stream", "caption", f"http://localhost:{PORT}", "kept", "--id", "kept")
    machine.write(CONFIG, "[camera]\nwidth = 640\nheight = 480\n")
    install(machine, OLDER)
    told = status(machine)
    assert (told["version"], told["source"]["width"], told["captions"]) == (OLDER, 640, 1)


def test_removed_it_is_gone_but_for_settings_and_captions(machine: Container) -> None:
    """The service is stopped, its files are gone, and installed again it is as it was."""
    install(machine)
    get(machine, "healthz")
    machine.run("pi-stream", "caption", f"http://localhost:{PORT}", "kept", "--id", "kept")
    machine.write(CONFIG, "[camera]\nwidth = 640\nheight = 480\n")
    machine.run("apt-get", "remove", "--yes", "pi-stream")
    assert active(machine) == "inactive"
    with pytest.raises(CommandFailed, match="No such file"):
        machine.run("pi-stream", "--version")
    left = traces(machine)
    assert "/etc/pi-stream" in left
    assert "/var/lib/private/pi-stream" in left
    assert not [path for path in left if path.startswith(("/usr/", "/run/"))]
    install(machine)
    told = status(machine)
    assert (told["source"]["width"], told["captions"]) == (640, 1)


def test_purged_nothing_is_left(machine: Container) -> None:
    """Neither settings nor captions, nor what somebody put beside them, nor a link of systemd's."""
    install(machine)
    get(machine, "healthz")
    machine.run("pi-stream", "caption", f"http://localhost:{PORT}", "gone", "--id", "gone")
    machine.write("/etc/pi-stream/config.toml.before", "[camera]\n")
    assert len(traces(machine)) > 10
    machine.run("apt-get", "purge", "--yes", "pi-stream")
    assert traces(machine) == []
    assert machine.run("systemctl", "list-unit-files", "--no-legend", "pi-stream*", check=False) == ""


def test_a_purge_empties_a_partition_for_captions(machine: Container) -> None:
    """A card that is only read has one; it cannot go while it is mounted, and that is no reason to fail."""
    state = "/var/lib/private/pi-stream"
    machine.run("dpkg-deb", "--control", f"/srv/{deb().name}", "/srv/control")
    machine.run("mkdir", "--parents", state)
    machine.run("mount", "-t", "tmpfs", "tmpfs", state)
    try:
        machine.write(f"{state}/.hidden/captions.json", "[]")
        machine.run("sh", "/srv/control/postrm", "purge")
        assert machine.run("find", state, "-mindepth", "1") == ""
    finally:
        machine.run("umount", state)
        machine.run("rmdir", state)


def test_whoever_switched_it_off_finds_it_off_after_an_upgrade(machine: Container) -> None:
    """An upgrade starts nothing that was disabled."""
    install(machine, OLDER)
    machine.run("systemctl", "disable", "--now", "pi-stream")
    install(machine)
    assert active(machine) == "inactive"
    assert machine.run("systemctl", "is-enabled", "pi-stream", check=False).strip() == "disabled"


def test_the_port_of_systemd_outlives_an_upgrade_but_no_removal(machine: Container) -> None:
    """As docs/appliance.md sets it up: the page is the new one's; removed, nobody who comes again finds a port."""
    install(machine, OLDER)
    machine.run("systemctl", "disable", "--now", "pi-stream")
    machine.run("systemctl", "enable", "--now", "pi-stream.socket")
    assert status(machine)["version"] == OLDER
    install(machine)
    assert (active(machine, "pi-stream.socket"), active(machine)) == ("active", "active")
    assert status(machine)["version"] == __version__
    machine.run("systemctl", "stop", "pi-stream")
    seen = json.loads(machine.run("pi-stream", "doctor", "--json", check=False))["findings"]
    told = {each["area"]: (each["level"], each["what"]) for each in seen}  # of two in an area, the second is the worse
    assert told["service"] == ("ok", "systemd starts it on the first connection: pi-stream.socket has the port")
    assert told["port"] == ("ok", f"{PORT} is held by systemd, which starts pi-stream on the first connection")
    comes = f"while :; do (exec 3<>/dev/tcp/localhost/{PORT}); sleep 0.05; done"
    machine.run("systemd-run", "--unit=viewer", "bash", "-c", comes)
    machine.run("apt-get", "remove", "--yes", "pi-stream")
    machine.run("systemctl", "stop", "viewer")
    assert (active(machine, "pi-stream.socket"), active(machine)) == ("inactive", "inactive")
    assert machine.run("systemctl", "--failed", "--no-legend") == ""


def test_an_upgrade_with_wrong_settings_is_no_broken_package(machine: Container) -> None:
    """apt is content, and the log has the line that says what is wrong; once mended the service starts."""
    install(machine, OLDER)
    machine.write(CONFIG, "[camera]\nfps = 'fast'\n")
    install(machine)
    assert machine.run("dpkg", "--audit") == ""
    assert active(machine) != "active"
    line = f'{CONFIG}: [camera] fps: expected a number from 0.1 to 240, got "fast"'
    assert line in machine.run("journalctl", "--unit=pi-stream", "--no-pager", "--boot")
    machine.write(CONFIG, "[camera]\nfps = 20\n")  # systemd tries again, and again
    assert status(machine)["source"]["fps"] == 20


# --- the network is told


def browsed(machine: Container) -> list[list[str]]:
    """The web pages that avahi knows of: interface, name, kind, host, address, port and more."""
    found = machine.run("avahi-browse", "--resolve", "--parsable", "--terminate", "_http._tcp").splitlines()
    return [line.split(";") for line in found if line.startswith("=")]


def test_the_page_is_announced_where_it_is(machine: Container) -> None:
    """With avahi, browsers of services find it at the port of the settings, and no longer once it is stopped."""
    install(machine)
    machine.run(*INSTALL, "avahi-daemon", "avahi-utils", timeout=120)
    try:
        for port in (PORT, 8123):
            machine.write(CONFIG, f"[server]\nport = {port}\n")
            machine.run("systemctl", "restart", "pi-stream")
            get(machine, "healthz", port)
            deadline = time.monotonic() + PATIENCE
            while not (found := [each for each in browsed(machine) if each[8] == str(port)]):
                assert time.monotonic() < deadline, (browsed(machine), machine.run("journalctl", "--no-pager", "-n40"))
                time.sleep(0.2)
            assert found[0][3].startswith("pi-stream")
            assert machine.address in {each[7] for each in found}
            assert {each[8] for each in browsed(machine)} == {str(port)}
        machine.run("systemctl", "stop", "pi-stream")
        deadline = time.monotonic() + PATIENCE
        while browsed(machine):
            assert time.monotonic() < deadline, browsed(machine)
            time.sleep(0.2)
        machine.run("systemctl", "disable", "pi-stream")
        install(machine, OLDER)
        assert active(machine, "pi-stream-announce") == "inactive"  # there is no page that it could tell of
    finally:
        machine.run("apt-get", "purge", "--yes", "avahi-daemon", "avahi-utils")


def test_without_avahi_nothing_fails(machine: Container) -> None:
    """The announcement is left out; the service does not mind."""
    install(machine)
    get(machine, "healthz")
    assert active(machine, "pi-stream-announce") == "inactive"
    assert machine.run("systemctl", "--failed", "--no-legend") == ""


def test_it_starts_with_the_machine(machine: Container) -> None:
    """Nobody does anything, and there is a picture; how long that took is printed."""
    install(machine)
    machine.power_off()
    machine.boot()
    assert get(machine, "snapshot.jpg")[:2] == b"\xff\xd8"
    told = machine.run("journalctl", "--boot", "--unit=pi-stream", "--output=json", "--no-pager").splitlines()
    online = next(entry for entry in map(json.loads, told) if "is online" in entry["MESSAGE"])
    began = int(machine.run("systemctl", "show", "--property=UserspaceTimestampMonotonic", "--value"))
    print(f"\nfirst frame {(int(online['__MONOTONIC_TIMESTAMP']) - began) / 1e6:.1f} s after process 1")
