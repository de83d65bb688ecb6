"""The machines that other tests run in."""

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.appliance.container import BOOT, INSIDE, CommandFailed, Container
from tests.appliance.roots import CHECKOUT


def test_it_boots_and_serves(debian: Container) -> None:
    """systemd is process 1, nothing has failed, and a port that is served inside is reached from here."""
    assert debian.run("cat", "/proc/1/comm") == "systemd\n"
    assert debian.run("systemctl", "--failed", "--no-legend") == ""
    debian.write("/srv/page", "hello")
    debian.run("systemd-run", "--unit=page", "python3", "-m", "http.server", "--directory=/srv", "8000")
    deadline = time.monotonic() + 20
    while debian.call("python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000))").returncode:
        assert time.monotonic() < deadline, debian.run("journalctl", "--unit=page")
    with urllib.request.urlopen(debian.url(8000) + "page", timeout=20) as answer:  # noqa: S310 - our own address
        assert answer.read() == b"hello"


def test_what_runs_in_it(debian: Container) -> None:
    """Commands have users, an end, a code and a time limit; the checkout is there and cannot be written."""
    assert debian.run("id", "-un", user="nobody") == "nobody\n"
    assert debian.run("false", check=False) == ""
    with pytest.raises(CommandFailed, match=r"ended with 3:\nout\nerr\n"):
        debian.run("sh", "-c", "echo out; echo err >&2; exit 3")
    with pytest.raises(TimeoutError, match=r"sleep 60 took longer than 0\.2 s"):
        debian.run("sleep", "60", timeout=0.2, user="nobody")
    deadline = time.monotonic() + 20
    while debian.run("pgrep", "sleep", check=False):
        assert time.monotonic() < deadline, "what took too long still runs"
    assert debian.read(f"{INSIDE}/pyproject.toml") == (CHECKOUT / "pyproject.toml").read_text()
    with pytest.raises(CommandFailed, match="Read-only file system"):
        debian.run("touch", f"{INSIDE}/touched")


def test_it_is_switched_off_and_on_again(debian_root: Path) -> None:
    """What it wrote is there after its next start, and nowhere once it is gone."""
    with Container(debian_root, files={"/etc/before": "yes"}) as container:
        assert container.read("/etc/before") == "yes"
        container.write("/etc/kept", "yes")
        container.power_off()
        assert container.boot() < BOOT
        assert container.read("/etc/kept") == "yes"
        folder, interface = container._folder, container._interface
    assert not folder.exists()
    assert not Path(f"/sys/class/net/{interface}").exists()
    assert not (debian_root / "etc/kept").exists()


def test_apt_reaches_its_mirror_where_it_is_let(debian: Container) -> None:
    """Packages can be installed in it, with this machine's network; left to itself it has none."""
    debian.run("apt-get", "update", "-qq", outside_network=True, timeout=300)
    debian.run("apt-get", "install", "-qq", "--no-install-recommends", "hello", outside_network=True, timeout=300)
    assert debian.run("hello") == "Hello, world!\n"
    assert debian.run("ls", "/sys/class/net").split() == ["host0", "lo"]


def test_it_ends_with_the_process_that_began_it(debian_root: Path) -> None:
    """A test run that is killed leaves no container behind."""
    script = (
        "import signal; from pathlib import Path; from tests.appliance.container import Container\n"
        f"with Container(Path({str(debian_root)!r})) as container:\n"
        " print(container.leader, container._folder, flush=True); signal.pause()"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT)
    try:
        assert child.stdout is not None
        leader, folder = child.stdout.readline().split()
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{leader}").exists():
        assert time.monotonic() < deadline, f"process {leader} is left"
        time.sleep(0.02)
    assert str(folder) not in Path("/proc/mounts").read_text()
    subprocess.run(["rm", "-r", "--one-file-system", folder], check=True, timeout=20)  # noqa: S607 - PATH's
