"""A throw-away machine with a kernel of its own: Debian 13 and our package, in QEMU, on a copy of `disk()`.

Nothing but QEMU's own emulation is used (TCG), so it runs wherever QEMU does, ten to twenty times slower than the
machine it runs on. Its port 8000 is `url` here. `cut_power` is SIGKILL: what the machine had not yet flushed may then
be missing from its disk, as QEMU keeps the map of where a new piece of the disk lies in its own memory until it is told
to flush. Whatever happens to the test's process, the kernel ends the machine with it.
"""

import shutil
import subprocess
import tempfile
import time
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.appliance.agent import Agent
from tests.appliance.container import CommandFailed
from tests.appliance.disk import Disk
from tests.running import free_port

PORT = 8000
PATIENCE = 120.0  # seconds for a command, unless it is given its own
BOOT = 300.0  # seconds until the agent, or the page, answers; half a minute is usual
_ANSWER = 5.0  # seconds: QEMU takes connections before the machine has a network, and these never hear of anything
# One processor: where QEMU plays several at a time, one may run an instruction of the kernel's that another is about to
# patch, and kernels were seen to panic at such places. An old one, for QEMU then computes less.
_PROCESSOR = ("-accel", "tcg,thread=single", "-smp", "1", "-cpu", "Nehalem")
# No guards of the kernel against leaks in newer processors: QEMU then computes a quarter less.
# On a busy machine its timer comes late, which the kernel takes for a broken one, unless it is told not to look.
_KERNEL = "console=ttyS0 root=/dev/vda rw quiet systemd.show_status=no mitigations=off nokaslr no_timer_check"


class VirtualMachine:
    """A context manager: entered its service answers, left it is gone."""

    def __init__(
        self,
        disk: Disk,
        *,
        options: str = "",
        memory: int = 1024,
        state_label: str = "",
        counts_instructions: bool = False,
    ) -> None:
        """`options` are more words for the kernel, `memory` is in MiB.

        With a `state_label` it has a second disk, of 64 MiB, empty, with a file system of that name. Where it
        `counts_instructions`, each takes a nanosecond of its time, however long this machine takes to compute it.
        """
        self._made_from = disk
        self._options = options
        self._memory = memory
        self._state_label = state_label
        self._clock = ("-icount", "shift=0") if counts_instructions else ()
        self._folder = Path()
        self._qemu: subprocess.Popen[bytes] | None = None
        self._agent = Agent(Path())
        self.url = ""
        """Where this machine finds its page, with a slash at the end."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="pi-stream-machine-"))
        try:
            create = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(self._made_from.image))
            subprocess.run([*create, str(self.disk)], check=True, timeout=PATIENCE)
            if self._state_label:
                with (self._folder / "state").open("wb") as file:
                    file.truncate(64 << 20)
                make = ("mkfs.ext4", "-q", "-L", self._state_label, str(self._folder / "state"))
                subprocess.run(make, check=True, timeout=PATIENCE)
            self.boot()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut_power()
        shutil.rmtree(self._folder)

    def boot(self, options: str = "", *, wait: bool = True) -> float:
        """Switch it on; seconds until the page answers, or at once unless it is to be waited for."""
        assert self._qemu is None, "it runs"
        second = f"file={self._folder / 'state'},format=raw,if=virtio,cache=writeback"
        port, agent = free_port(), self._folder / "agent"
        agent.unlink(missing_ok=True)
        self.url, self._agent = f"http://127.0.0.1:{port}/", Agent(agent)
        started = time.monotonic()
        with (self._folder / "qemu").open("ab") as told:
            self._qemu = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *_PROCESSOR, *self._clock),
                    *("-m", str(self._memory), "-nodefaults", "-display", "none"),
                    *("-kernel", str(self._made_from.kernel), "-initrd", str(self._made_from.initramfs)),
                    *("-append", f"{_KERNEL} {self._options} {options}".strip()),
                    *("-chardev", f"file,id=console,path={self._folder / 'console'},append=on"),
                    *("-serial", "chardev:console"),
                    *("-drive", f"file={self.disk},format=qcow2,if=virtio,cache=writeback,discard=unmap"),
                    *(("-drive", second) if self._state_label else ()),
                    *("-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-:{PORT}"),
                    *("-device", "virtio-net-pci,netdev=n,romfile=", "-device", "virtio-rng-pci"),
                    *("-chardev", f"socket,id=agent,path={agent},server=on,wait=off", "-device", "virtio-serial"),
                    *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
            )
        if wait:
            self.get("healthz", deadline=started + BOOT)
        return time.monotonic() - started

    def cut_power(self) -> None:
        """Pull the plug. Off already: nothing happens."""
        qemu, self._qemu = self._qemu, None
        if qemu is not None:
            qemu.kill()
            qemu.wait(30)

    def power_off(self) -> None:
        """Switch it off in an orderly way."""
        assert self._qemu is not None, "it does not run"
        with suppress(OSError, TimeoutError):  # it may be off before it has answered
            self._agent.call("systemctl", "poweroff", "--no-block", timeout=PATIENCE)
        self._qemu.wait(PATIENCE)
        self._qemu = None

    def get(self, path: str, *, deadline: float | None = None) -> bytes:
        """What the page's address answers, 200 or not, as soon as it does. Raises TimeoutError with the console."""
        until = time.monotonic() + PATIENCE if deadline is None else deadline
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=_ANSWER) as answer:  # noqa: S310 - our own address
                    body: bytes = answer.read()
                    return body
            except urllib.error.HTTPError as error:
                with error:
                    return error.read()
            except (OSError, HTTPException) as error:  # nobody listens yet
                self._must_run()
                if time.monotonic() > until:
                    raise TimeoutError(f"{path}: {error}\n{self.console()[-3000:]}") from None
                time.sleep(0.2)

    def run(
        self,
        *command: str,
        check: bool = True,
        timeout: float = PATIENCE,
        input: bytes = b"",  # noqa: A002 - subprocess's word for it
    ) -> str:
        """Run a command as root; what it printed to its standard output. Waits for a machine that is still starting.

        Raises CommandFailed when its code is not 0, unless `check` is False, and TimeoutError.
        """
        deadline = time.monotonic() + BOOT
        while not self._agent.answers(10):
            self._must_run()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the machine's agent is silent\n{self.console()[-3000:]}")
            time.sleep(0.2)
        done = self._agent.call(*command, timeout=timeout, input=input)
        told = done.stdout.decode(errors="replace")
        if check and done.returncode:
            raise CommandFailed(f"{' '.join(command)} ended with {done.returncode}:\n{told}{done.stderr.decode()}")
        return told

    def shell(self, script: str, *, check: bool = True, timeout: float = PATIENCE) -> str:
        """As `run`, for a line of sh."""
        return self.run("/bin/sh", "-c", script, check=check, timeout=timeout)

    def write(self, path: str, text: str) -> None:
        """A file, with the folders that it needs."""
        self.run("install", "-D", "-m", "644", "/dev/stdin", path, input=text.encode())

    def log(self, unit: str = "pi-stream") -> str:
        """What a unit wrote into the journal since this start."""
        return self.run("journalctl", "--boot", f"--unit={unit}", "--no-pager", "--output=short-monotonic")

    @property
    def disk(self) -> Path:
        """What it has written, over the disk that it was made from: a qcow2 image."""
        return self._folder / "disk"

    def console(self) -> str:
        """What it said on its serial line, all starts together."""
        return (self._folder / "console").read_text(errors="replace")

    def _must_run(self) -> None:
        if self._qemu is None or self._qemu.poll() is not None:
            told = (self._folder / "qemu").read_text(errors="replace")
            raise RuntimeError(f"the machine is off:\n{told}{self.console()[-3000:]}")
