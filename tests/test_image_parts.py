"""The smaller rooms of the card's maker: the first sector, the two file systems, and the page while it installs."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from time import monotonic, sleep

import pytest

from deploy.image import gather, waiting
from deploy.image.errors import CardError
from deploy.image.ext4 import Ext4
from deploy.image.fat import Fat
from deploy.image.mbr import Partition, parse, serialize
from deploy.image.parts import File, Folder, Link
from deploy.image.programs import find
from tests.boot.card import MIB, run
from tests.running import PATIENCE, free_port
from tests.test_image_build import needs_tools


@needs_tools
def test_the_table_is_the_one_that_sfdisk_knows(tmp_path: Path) -> None:
    """What sfdisk wrote is read, and what is written sfdisk reads, with the disk's id as it was."""
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(64 * MIB)
    run(
        "sfdisk",
        "-q",
        disk,
        given="label: dos\nlabel-id: 0x12345678\nstart=16384, size=8192, type=c\nstart=32768, type=83\n",
    )
    sector = disk.read_bytes()[:512]
    boot, root = parse(sector)
    assert (boot, root) == (Partition(8 * MIB, 4 * MIB), Partition(16 * MIB, 48 * MIB))
    moved = Partition(16 * MIB, 24 * MIB)
    with disk.open("r+b") as file:
        file.write(serialize(sector, boot, moved, Partition(40 * MIB, 8 * MIB)))
    table = json.loads(subprocess.check_output([find("sfdisk"), "--json", disk]))["partitiontable"]
    assert table["id"] == "0x12345678"
    lie = [(each["start"], each["size"], each["type"]) for each in table["partitions"]]
    assert lie == [(16384, 8192, "c"), (32768, 49152, "83"), (81920, 16384, "83")]


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([], "of type none"),
        ([(0x83, 1, 1)], "of type 83"),
        ([(0x0C, 1, 1), (0x83, 2, 1), (0x83, 3, 1)], "of type 0c, 83, 83"),
        ([(0xEE, 1, 99)], "of type ee"),
        ([(0x0C, 10, 5), (0x83, 12, 5)], "got another order"),
        ([(0x0C, 10, 0), (0x83, 12, 5)], "got another order"),
    ],
)
def test_other_tables(entries: list[tuple[int, int, int]], problem: str) -> None:
    """Cards of another make are refused, and what they have is said."""
    sector = bytearray(512)
    sector[510:] = b"\x55\xaa"
    for number, (kind, start, size) in enumerate(entries):
        at = 446 + 16 * number
        sector[at : at + 16] = (
            bytes([0, 0, 0, 0, kind, 0, 0, 0]) + start.to_bytes(4, "little") + size.to_bytes(4, "little")
        )
    with pytest.raises(CardError, match=problem):
        parse(bytes(sector))


@pytest.fixture
def ext4(tmp_path: Path) -> Ext4:
    """An empty ext4 of 4 MiB."""
    run("mkfs.ext4", "-q", tmp_path / "ext4", "4096")
    return Ext4(tmp_path / "ext4")


@needs_tools
def test_what_is_written_is_read(ext4: Ext4) -> None:
    """Files, folders and links, with their modes; what was there before is replaced, whatever it was."""
    ext4.write([File("/a/b/c", b"one", 0o600), Link("/a/link", "b/c"), Folder("/a/b", 0o700)])
    assert (ext4.read("/a/b/c"), ext4.owner_and_mode("/a/b/c")) == (b"one", (0, 0, 0o600))
    assert ext4.owner_and_mode("/a/b") == (0, 0, 0o700)
    assert ext4.target("/a/link") == "b/c"
    ext4.write([File("/a/b/c", b"two"), File("/a/link", b"three")])
    assert (ext4.read("/a/b/c"), ext4.read("/a/link")) == (b"two", b"three")
    ext4.write([Link("/a/near", "b/c"), Link("/a/b/far", "/a/near"), Link("/round", "round")])
    assert (ext4.read("/a/b/far"), ext4.read("/round")) == (b"two", None)
    ext4.remove("/a/link")
    ext4.remove("/a/b/far")
    assert (ext4.kind("/a/link"), ext4.read("/a/link"), ext4.read("/none")) == (None, None, None)
    assert ext4.files("/a/b") == [("/a/b/c", b"two")]
    assert ext4.files("/none") == []


@needs_tools
def test_what_cannot_be_written_is_said(ext4: Ext4) -> None:
    """debugfs ends with 0 even when it did nothing, so its words are read; a path with a blank never reaches it."""
    with pytest.raises(CardError, match="could not be written"):
        ext4.write([File("/large", bytes(range(256)) * 40_000)])
    with pytest.raises(CardError, match="expected a path of letters"):
        ext4.write([File("/a b", b"")])
    with pytest.raises(CardError, match="does not exist"):
        ext4.owner_and_mode("/none")


@needs_tools
def test_a_full_boot_partition_is_said(tmp_path: Path) -> None:
    """And a partition that is no FAT at all is told from one that only lacks a file."""
    run("mkfs.vfat", "-C", tmp_path / "fat", "1024")
    fat = Fat(tmp_path / "fat")
    fat.write([File("/a/b/c.txt", b"one")])
    assert (fat.read("/a/b/c.txt"), fat.read("/none"), fat.exists("/a")) == (b"one", None, True)
    with pytest.raises(CardError, match=r"full|no room"):
        fat.write([File("/large", bytes(2 * MIB))])
    (tmp_path / "no").write_bytes(bytes(MIB))
    with pytest.raises(CardError, match="mdir failed"):
        Fat(tmp_path / "no").read("/cmdline.txt")


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks mtools is told what to type."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(CardError, match="mcopy is missing; install it with: sudo apt install mtools"):
        find("mcopy")


def test_the_page_while_it_installs(tmp_path: Path) -> None:
    """Until pi-stream is there its address answers with the step, as text that is only text, and with 503."""
    step, port = tmp_path / "step", free_port()
    step.write_text("installing <b>\n")
    assert waiting.__file__
    with subprocess.Popen([sys.executable, waiting.__file__, str(port), str(step)]) as process:
        try:
            answer, page = _asked(f"http://127.0.0.1:{port}/anything")
        finally:
            process.kill()
    assert (answer.code, answer.headers["Retry-After"]) == (503, "5")
    assert "Now: installing &lt;b&gt;." in page


def _asked(url: str) -> tuple[urllib.error.HTTPError, str]:
    """What an address answers that has no success to give, once it answers."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=PATIENCE).close()  # noqa: S310 - it is our own, and http
        except urllib.error.HTTPError as error:
            with error:
                return error, error.read().decode()
        except urllib.error.URLError:  # it does not listen yet
            sleep(0.05)
    raise AssertionError(f"{url} did not answer with an error")


def test_gathering_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No package, a folder that is in use, and an image that is none."""
    words = [str(tmp_path / name) for name in ("raspios.img", "pi-stream_1_all.deb", "debs")]
    assert gather.main(words) == 1
    assert "make it with: make deb" in capsys.readouterr().err
    (tmp_path / "pi-stream_1_all.deb").write_text("")
    (tmp_path / "raspios.img").write_bytes(bytes(1000))
    assert gather.main(words) == 1
    assert "raspios.img: expected the image of a card" in capsys.readouterr().err
    (tmp_path / "debs").mkdir()
    (tmp_path / "debs/mine").write_text("")
    assert gather.main(words) == 1
    assert "expected an empty folder" in capsys.readouterr().err
