"""A throw-away machine: systemd as process 1 of a container, on a copy of one of `roots`.

The copy is an overlay: what is written goes to a folder that is removed afterwards. The container has a network of its
own, joined to this machine by a pair of virtual interfaces, so that a test or a browser here reaches its ports at
`url(port)`, and nothing in it reaches anything else. Whatever happens to the test's process, the kernel ends the
container with it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.appliance.roots import CHECKOUT

PATIENCE = 60.0  # seconds for a command, unless it is given its own
BOOT = 60.0  # seconds from start to multi-user.target; a second is usual
INSIDE = "/checkout"
"""Where this checkout lies in every container, read-only."""

_numbers = count(1)


class CommandFailed(AssertionError):
    """A command in a container ended with a code other than 0; the text is all that it printed."""


class Container:
    """A context manager: entered it has booted, left it is gone. Start it from the thread that outlives it."""

    def __init__(self, root: Path, *, files: Mapping[str, str] | None = None) -> None:
        """`files`, by their absolute paths, are there before it boots."""
        self._root = root
        self._files = dict(files or {})
        self._folder = Path()
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._interface = ""
        self.leader = 0
        """The pid, on this machine, of the container's process 1."""
        self.address = ""
        """Its address, an IPv4 one, as this machine sees it."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="pi-stream-container-"))
        try:
            for each in ("changed", "work", "root"):
                (self._folder / each).mkdir()
            (self._folder / "changed").chmod(0o755)  # it becomes the container's /
            for path, text in self._files.items():
                target = self._folder / "changed" / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            self.boot()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.power_off()
        shutil.rmtree(self._folder)

    def boot(self) -> float:
        """Switch it on: what was written before is still there. Returns the seconds until multi-user.target."""
        assert self._nspawn is None, "it runs"
        name = f"pis{os.getpid()}n{next(_numbers)}"  # an interface's name has at most 15 characters
        self._interface = name
        mount = 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/changed,workdir=$2/work" "$2/root"; shift 2'
        started = time.monotonic()
        with (self._folder / "console").open("ab") as console:
            self._nspawn = subprocess.Popen(
                [
                    # The mount is seen by nspawn alone and ends with it. nspawn ends with us, and as it is the first in
                    # a space of processes of its own, the kernel then ends all that it began.
                    *("setpriv", "--pdeathsig", "KILL"),
                    *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
                    *("sh", "-euc", f'{mount}; exec "$@"', "sh", str(self._root), str(self._folder)),
                    *("systemd-nspawn", "--boot", "--quiet", "--keep-unit", "--register=no", f"--machine={name}"),
                    f"--directory={self._folder / 'root'}",
                    *("--private-network", f"--network-veth-extra={name}:host0", "--resolv-conf=off"),
                    f"--bind-ro={CHECKOUT}:{INSIDE}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        self._wait_for_boot(started + BOOT)
        self._join_network()
        return time.monotonic() - started

    def power_off(self) -> None:
        """Switch it off in an orderly way, or, should that take too long, without one. Off already: nothing happens."""
        nspawn, self._nspawn = self._nspawn, None
        if nspawn is None:
            return
        if self.leader:
            with suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGRTMIN + 4)  # to systemd, this is: power off
        else:
            nspawn.kill()
        self.leader = 0
        try:
            nspawn.wait(30)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait(30)

    def call(
        self,
        *command: str,
        timeout: float = PATIENCE,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        outside_network: bool = False,
        input: bytes = b"",  # noqa: A002 - subprocess's word for it
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end, whatever that is, as root or another of its users.

        With `outside_network` it has this machine's network, by which apt, for one, reaches its mirror; everything
        else, down to the systemd it talks to, is the container's. Raises TimeoutError.
        """
        assert self.leader, "it does not run"
        spaces = ["--mount", "--uts", "--ipc", "--pid", "--cgroup", *([] if outside_network else ["--net"])]
        mortal = ("setpriv", "--pdeathsig", "KILL")  # it ends with nsenter, even where that is killed
        here = ["--", *mortal, "env", "--chdir=/"]
        # Not by runuser or su: with them comes a session of logind, and it takes ten seconds to go.
        group = self.run("id", "-g", user).strip() if user else ""
        become = [*mortal, f"--reuid={user}", f"--regid={group}", "--init-groups"] if user else []
        own = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        try:
            return subprocess.run(
                ["nsenter", "--target", str(self.leader), *spaces, "--root", *here, *become, *command],  # noqa: S607 - PATH's
                input=input,
                capture_output=True,
                timeout=timeout,
                env={**own, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(environment or {})},
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            told = f"{(error.stdout or b'').decode()}{(error.stderr or b'').decode()}"
            raise TimeoutError(f"{' '.join(command)} took longer than {timeout:g} s:\n{told}") from None

    def run(
        self,
        *command: str,
        check: bool = True,
        timeout: float = PATIENCE,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        outside_network: bool = False,
    ) -> str:
        """As `call`, for what the command printed to its standard output.

        Raises CommandFailed, with that and with its errors, when its code is not 0, unless `check` is False.
        """
        done = self.call(*command, timeout=timeout, user=user, environment=environment, outside_network=outside_network)
        told = done.stdout.decode(errors="replace")
        if check and done.returncode:
            errors = done.stderr.decode(errors="replace")
            raise CommandFailed(f"{' '.join(command)} ended with {done.returncode}:\n{told}{errors}")
        return told

    def write(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """A file, with the folders that it needs."""
        data = content.encode() if isinstance(content, str) else content
        done = self.call("install", "-D", "-m", f"{mode:o}", "/dev/stdin", path, input=data)
        assert done.returncode == 0, done.stderr.decode()

    def copy(self, source: Path, path: str) -> None:
        """A file of this machine's."""
        self.write(path, source.read_bytes(), source.stat().st_mode & 0o777)

    def read(self, path: str) -> str:
        """A text file of the container's."""
        return self.run("cat", path)

    def url(self, port: int) -> str:
        """Where a service that listens on this port is found, with a slash at its end."""
        return f"http://{self.address}:{port}/"

    @property
    def interface(self) -> str:
        """This machine's end of what joins the two."""
        return self._interface

    def console(self) -> str:
        """What it printed while it started and stopped."""
        return (self._folder / "console").read_text(errors="replace")

    def _wait_for_boot(self, deadline: float) -> None:
        assert self._nspawn is not None
        while True:
            if self._nspawn.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the container did not start:\n{self.console()}")
            for nspawn in _children(self._nspawn.pid):
                # Once it is process 1 of its own space, a level below nspawn's, it can be entered.
                inside = (child for child in _children(nspawn) if _pids(child)[len(_pids(nspawn)) :] == [1])
                self.leader = next(inside, 0)
            if self.leader and self._reached():
                return
            time.sleep(0.02)

    def _reached(self) -> bool:
        done = self.call("systemctl", "is-active", "multi-user.target")
        return done.stdout.strip() == b"active"

    def _join_network(self) -> None:
        """Two addresses of 198.18.0.0/15, which is set apart for tests of networks (RFC 2544) and is nobody's.

        The number of the interface makes them, for the kernel gives it to no other.
        """
        number = int(Path(f"/sys/class/net/{self._interface}/ifindex").read_text())
        first = f"198.{18 + number // 16384 % 2}.{number // 64 % 256}."
        low = number % 64 * 4
        self.address = f"{first}{low + 2}"
        inside = ("nsenter", "--target", str(self.leader), "--net")
        # An IPv6 address would come by itself two seconds later, and a browser that loads a page just then drops all
        # that it was loading, from wherever: ERR_NETWORK_CHANGED.
        with suppress(FileNotFoundError):  # a kernel without IPv6
            Path(f"/proc/sys/net/ipv6/conf/{self._interface}/disable_ipv6").write_text("1")
        for command in (
            ("ip", "address", "add", f"{first}{low + 1}/30", "dev", self._interface),
            ("ip", "link", "set", self._interface, "up"),
            (*inside, "ip", "address", "add", f"{self.address}/30", "dev", "host0"),
            (*inside, "ip", "link", "set", "host0", "up"),
        ):
            subprocess.run(command, check=True, timeout=PATIENCE)


def _children(process: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def _pids(process: int) -> list[int]:
    """Its numbers, ours first, then those in the spaces of processes below ours that it lives in."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return [int(number) for number in line.split()[1:]]
    return []
