"""A Raspberry Pi 3 in QEMU: 1 GiB, four cores, an SD card, a serial line and a network adapter at its USB."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import aiohttp

from deploy.image.mbr import Partition, parse
from tests.boot.card import MIB, run
from tests.boot.stand_in import StandIn
from tests.running import free_port

_PATIENT = "systemd.default_device_timeout_sec=900"  # a busy machine's board has found its card's partitions after 80 s


@dataclass(frozen=True)
class Board:
    """A board that runs: `port` here is its port 80, `serial` is what it says."""

    port: int
    serial: Path
    started: float
    process: asyncio.subprocess.Process

    @property
    def age(self) -> float:
        """Seconds since the power came."""
        return monotonic() - self.started

    async def answers(self, path: str, *statuses: int, patience: float) -> int:
        """Wait until an address answers with one of these, and say which. Raises TimeoutError."""
        timeout = aiohttp.ClientTimeout(total=20)
        async with asyncio.timeout(patience), aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
                        await answer.read()
                        if answer.status in statuses:
                            return answer.status
                except (aiohttp.ClientError, TimeoutError, ConnectionError):
                    pass  # nobody listens yet
                await asyncio.sleep(0.5)

    async def says(self, text: str, *, patience: float) -> float:
        """Wait until it says something on its serial line; seconds since the power came. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while text not in _read(self.serial):  # noqa: ASYNC110 - QEMU tells nobody that it wrote
                await asyncio.sleep(0.5)
        return self.age

    async def ends(self, *, patience: float) -> float:
        """Wait until it would start again, which this board does by ending. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            await self.process.wait()
        return self.age


@asynccontextmanager
async def board(parts: StandIn, card: Path, serial: Path) -> AsyncIterator[Board]:
    """Put a card in and switch on; at the end the power is cut, and that is meant."""
    _prepare(card, serial)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *("qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-monitor", "none"),
        # One thread for the four cores: those of several wait for each other and for QEMU's own. On two cores that had
        # other work, systemd's first word came after 80 seconds instead of 170.
        *("-accel", "tcg,thread=single"),
        *("-kernel", parts.kernel, "-initrd", parts.initramfs, "-dtb", parts.board),
        # QEMU's board has its console at the second serial line, where a Pi has its Bluetooth.
        *(
            "-append",
            f"{cmdline(card)} console=ttyS1,115200 {_PATIENT}",
            "-serial",
            "null",
            "-serial",
            f"file:{serial}",
        ),
        # What QEMU has been told to write outlives it: that need not be on a disk for a cut of the board's power.
        *("-drive", f"file={card},format=raw,if=sd,cache=unsafe", "-device", "usb-net,netdev=n"),
        # An address, and nothing beyond: no internet, and no clock.
        *("-netdev", f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:80", "-no-reboot"),
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Board(port, serial, monotonic(), process)
        assert process.returncode in (None, 0), f"QEMU ended by itself with {process.returncode}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _prepare(card: Path, serial: Path) -> None:
    size = 2 ** (card.stat().st_size - 1).bit_length()  # QEMU takes only cards of such sizes
    with card.open("r+b") as file:
        file.truncate(max(size, 64 * MIB))
    serial.write_text("")


def _read(serial: Path) -> str:
    return serial.read_text(errors="replace")


def cmdline(card: Path) -> str:
    """What the firmware of a Pi would give to the kernel: the one line of cmdline.txt."""
    where = f"{card}@@{8 * MIB}"
    said = subprocess.run(
        ["mtype", "-i", where, "::/cmdline.txt"],  # noqa: S607 - mtools
        check=True, capture_output=True, text=True, timeout=60, env={"MTOOLS_SKIP_CHECK": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip  # one call
    return said.stdout.strip()


def initramfs(card: Path, name: str, copy: Path) -> Path:
    """The initramfs that is on the card now, copied out: a package that was installed may have made another."""
    _, root = _partitions(card)
    run("debugfs", "-R", f"dump /boot/{name} {copy}", f"{card}?offset={root.start}")
    assert copy.stat().st_size > MIB
    return copy


def checksum(card: Path) -> str:
    """Of all that is in the boot and the root partition."""
    boot, root = _partitions(card)
    digest = hashlib.sha256()
    with card.open("rb") as file:
        file.seek(boot.start)
        for _ in range((root.end - boot.start) // MIB):
            digest.update(file.read(MIB))
    return digest.hexdigest()


def _partitions(card: Path) -> tuple[Partition, Partition]:
    with card.open("rb") as file:
        sector = bytearray(file.read(512))
    sector[446 + 32 : 446 + 64] = bytes(32)  # a third one is for captions; `parse` is strict about official cards
    return parse(bytes(sector))
