"""A disk that is full or only read, and files that a power cut has cut in the middle."""

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from pi_stream.captions import state_file
from pi_stream.captions.caption import Caption
from pi_stream.errors import SettingError
from pi_stream.tls import self_signed
from tests.launchers import or_skip
from tests.running import PATIENCE, Process, http, process

# The command that comes after it, with a small disk of its own at the folder that is named first.
_SMALL_DISK = ("unshare", "--mount", "--map-root-user", "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"')


@asynccontextmanager
async def on_a_small_disk(folder: Path) -> AsyncIterator[tuple[Process, Path]]:
    """The service with its state on a disk of 64 KiB, and where that is for others."""
    launcher = await or_skip((*_SMALL_DISK, str(folder)), "a disk for one process")
    async with process(folder, launcher=launcher) as service:
        yield service, Path(f"/proc/{service.process.pid}/root{folder}")


async def _put(service: Process, text: str) -> None:
    async with http(service) as session, session.post("api/captions", json={"text": text}) as answer:
        assert answer.status == 201


async def _put_and_kept(service: Process, disk: Path, text: str) -> None:
    """Put the first caption, and wait until it is on the disk, where no line of the log says so."""
    await _put(service, text)
    async with asyncio.timeout(PATIENCE):
        while not (disk / "captions.json").exists():  # noqa: ASYNC110 - nothing tells when a file of another process is there
            await asyncio.sleep(0.01)


async def _kept(service: Process, disk: Path) -> None:
    """Put a caption more, and see that all are on the disk again."""
    await _put(service, "after")
    await service.says("are kept in")
    texts = [caption.text for caption in (await asyncio.to_thread(state_file.load, disk / "captions.json")).captions]
    assert texts == ["before", "while", "after"]
    assert await service.stop() == 0
    assert "Traceback" not in "".join(service.lines)


async def test_a_full_disk_costs_only_what_a_restart_would_forget(tmp_path: Path) -> None:
    """Captions are shown all the same; the log says that they are not kept, and later that they are."""
    async with on_a_small_disk(tmp_path) as (service, disk):
        await _put_and_kept(service, disk, "before")
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:  # noqa: PT012
            while True:
                file.write(bytes(512))
        await _put(service, "while")
        line = await service.says("cannot be kept")
        assert "No space left on device; a restart would lose them" in line
        filler.unlink()
        await _kept(service, disk)


async def test_a_disk_that_becomes_read_only_is_no_more_than_that(tmp_path: Path) -> None:
    """As an SD card does that wears out, until somebody mends it."""
    async with on_a_small_disk(tmp_path) as (service, disk):
        await _put_and_kept(service, disk, "before")

        def remount(how: str) -> None:
            inside = ("nsenter", "--user", "--preserve-credentials", "--mount", f"--target={service.process.pid}")
            subprocess.run([*inside, "mount", "-o", f"remount,{how}", str(tmp_path)], check=True)

        await asyncio.to_thread(remount, "ro")
        await _put(service, "while")
        assert "Read-only file system; a restart would lose them" in await service.says("cannot be kept")
        await asyncio.to_thread(remount, "rw")
        await _kept(service, disk)


def test_captions_cut_at_any_byte_are_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However short the file became: no captions, a line that says so, and what there was of it is kept."""
    path = tmp_path / "captions.json"
    state_file.save(
        path, state_file.State((Caption(id="c1", text="車庫 {time}"), Caption(id="c2", text="b", ttl=9)), {"c2": 5})
    )
    whole = path.read_bytes()
    for length in range(len(whole)):
        caplog.clear()
        path.write_bytes(whole[:length])
        assert state_file.load(path) == state_file.State(), length
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert any(aside.read_bytes() == whole[:length] for aside in tmp_path.glob("captions.json.damaged-*"))


def test_passwords_cut_at_any_byte_let_nobody_in(tmp_path: Path) -> None:
    """The start, or the log, says which file it is and what mends it."""
    path = tmp_path / store.NAME
    keys, _ = (
        Credentials()
        .with_password("control", hash_password("correct horse", n=2))
        .with_token("watcher", "view", "2026-11-25")
    )
    store.save(path, keys)
    whole = path.read_bytes()
    assert store.load(path) == keys
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SettingError, match=r"auth\.json: .*damaged.*pi-stream password"):
            store.load(path)


def test_a_certificate_cut_at_any_byte_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is either the whole one or none, and the log says so."""
    path = tmp_path / self_signed.NAME
    made = self_signed.SelfSigned(path, ["pi.local"]).current
    whole = path.read_bytes()
    for length in range(len(whole)):
        caplog.clear()
        path.write_bytes(whole[:length])
        found = self_signed.load(path)
        if found is None:
            assert "is damaged" in caplog.text
        else:
            assert found.pem.strip() == made.pem.strip()
