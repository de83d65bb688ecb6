"""A card is made without root and without mounts, and what was put onto it is read back by other means."""

import json
import lzma
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.image import __main__ as command
from deploy.image.answers import Wifi
from deploy.image.errors import CardError
from deploy.image.ext4 import Ext4
from deploy.image.fat import Fat
from deploy.image.first_boot import FOLDER, network_key
from deploy.image.programs import find
from pi_stream.config.files import load
from tests.boot.card import CMDLINE, MIB, PARTUUID, SKELETON, make, run, skeleton

ANSWERS = """
hostname = "doorcam"
timezone = "Asia/Tokyo"

[wifi]
ssid = "IEEE"
password = "password"
country = "DE"

[user]
name = "anna"
password = "correct horse"
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBrCE9wUuf9Kt0QRkcAsrXMZlwTNQY6S9dwoTkDd4XfD anna@laptop"]

[pi-stream.camera]
fps = 15
path = "a \\"film\\".mp4"
"""


def _missing() -> str | None:
    """What the card's maker lacks here, in words; None where it has all."""
    for name in ("debugfs", "dpkg-deb", "mcopy", "mkfs.vfat", "openssl", "resize2fs", "sfdisk"):
        try:
            find(name)
        except CardError as error:
            return str(error)
    return None


needs_tools = pytest.mark.skipif(bool(_missing()), reason=_missing() or "")
pytestmark = needs_tools


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with the layout of Raspberry Pi OS and the files that the builder looks at, and no more."""
    folder = tmp_path_factory.mktemp("official")
    boot = {"cmdline.txt": CMDLINE.encode(), "config.txt": b"camera_auto_detect=1\n", "user-data": b"#cloud-config\n"}
    return make(skeleton(folder / "root"), boot, folder / "raspios.img", boot_size=40 * MIB, root_size=24 * MIB)


@pytest.fixture(scope="module")
def debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package called pi-stream, and one that it needs, of 3 MB that do not compress."""
    folder = tmp_path_factory.mktemp("debs")
    for name, machine, size in (("pi-stream", "all", 1000), ("libneeded", "arm64", 3 * MIB)):
        deb(folder, name, machine, size)
    return folder


def deb(folder: Path, name: str, machine: str, size: int) -> Path:
    """A small package."""
    tree = folder / f"{name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share").mkdir(parents=True)
    (tree / "usr/share" / name).write_bytes(bytes(index * index % 251 for index in range(size)))
    control = f"Package: {name}\nVersion: 1:1.0\nArchitecture: {machine}\nMaintainer: a <a@example.org>\n"
    (tree / "DEBIAN/control").write_text(f"{control}Installed-Size: {size // 1024}\nDescription: a test\n")
    output = folder / f"{name}_1%3a1.0_{machine}.deb"
    run("dpkg-deb", "--root-owner-group", "--build", tree, output)
    shutil.rmtree(tree)
    return output


Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path, official: Path, debs: Path) -> Build:
    """Make a card of these answers, and give its image."""

    def build(text: str = ANSWERS, source: Path = official, *more: str, code: int = 0) -> Path:
        (tmp_path / "answers.toml").write_text(text)
        output = tmp_path / "doorcam.img"
        words = [source, "--debs", debs, "--answers", tmp_path / "answers.toml", "--out", output, *more]
        assert command.main([str(word) for word in words]) == code
        return output

    return build


@pytest.fixture(scope="module")
def made(official: Path, debs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fat, Ext4]:
    """The card of all the answers above, made once: its image and its partitions."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "answers.toml").write_text(ANSWERS)
    image = folder / "doorcam.img"
    words = [official, "--debs", debs, "--answers", folder / "answers.toml", "--out", image]
    assert command.main([str(word) for word in words]) == 0
    assert sorted(each.name for each in folder.iterdir()) == ["answers.toml", "doorcam.img"]
    return image, *pieces(image, folder)


def pieces(image: Path, folder: Path) -> tuple[Fat, Ext4]:
    """Its partitions, cut out where sfdisk sees them."""
    table = json.loads(subprocess.check_output([find("sfdisk"), "--json", image]))["partitiontable"]
    assert table["id"] == f"0x{PARTUUID}"
    for name, each in zip(("boot", "root", "state"), table["partitions"], strict=False):
        run("dd", f"if={image}", f"of={folder / name}", "bs=512", f"skip={each['start']}", f"count={each['size']}")
    return Fat(folder / "boot"), Ext4(folder / "root")


def test_everything_is_in_its_place(made: tuple[Path, Fat, Ext4], debs: Path) -> None:
    """Name, time zone, network, packages and the unit that installs them are on the card, and belong to root."""
    _, boot, root = made
    root.check()
    assert root.read("/etc/hostname") == b"doorcam\n"
    assert root.read("/etc/hosts") == b"127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost\n127.0.1.1\tdoorcam\n"
    assert b"\nSystemMaxUse=32M\n" in (root.read("/etc/systemd/journald.conf.d/pi-stream.conf") or b"")
    assert root.target("/etc/localtime") == "/usr/share/zoneinfo/Asia/Tokyo"
    assert root.read("/etc/timezone") == b"Asia/Tokyo\n"
    assert root.kind("/etc/cloud/cloud-init.disabled") == "regular"
    assert root.read("/var/lib/NetworkManager/NetworkManager.state") == b"[main]\nWirelessEnabled=true\n"
    assert root.read(f"{FOLDER}/port") == b"80\n"
    for each in debs.glob("*.deb"):
        assert root.read(f"{FOLDER}/debs/{each.name}") == each.read_bytes()
    names = root.read(f"{FOLDER}/packages") or b""
    assert names.decode().splitlines() == [
        "libneeded 1:1.0 libneeded_1%3a1.0_arm64.deb",
        "pi-stream 1:1.0 pi-stream_1%3a1.0_all.deb",
    ]
    for unit in ("pi-stream-first-user.service", "pi-stream-first-boot.service"):
        assert root.target(f"/etc/systemd/system/multi-user.target.wants/{unit}") == f"../{unit}"
    assert boot.read("/cmdline.txt") == CMDLINE.strip().encode() + b" cfg80211.ieee80211_regdom=DE\n"
    assert boot.read("/config.txt") == b"camera_auto_detect=1\n"


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/etc/hostname", 0o644),
        ("/etc/systemd/journald.conf.d/pi-stream.conf", 0o644),
        ("/etc/NetworkManager/system-connections/pi-stream.nmconnection", 0o600),
        (FOLDER, 0o700),
        (f"{FOLDER}/run", 0o755),
        (f"{FOLDER}/debs", 0o755),
        (f"{FOLDER}/user/hash", 0o600),
        (f"{FOLDER}/debs/pi-stream_1%3a1.0_all.deb", 0o644),
    ],
)
def test_owners_and_modes(made: tuple[Path, Fat, Ext4], path: str, mode: int) -> None:
    """All belongs to root, whoever made the card, and secrets are for root alone."""
    _, _, root = made
    assert root.owner_and_mode(path) == (0, 0, mode)


def test_no_password_is_on_the_card(made: tuple[Path, Fat, Ext4]) -> None:
    """The card has the hash of the one password and the key that comes of the other, and neither itself."""
    image, _, root = made
    content = image.read_bytes()
    assert b"correct horse" not in content
    hashed = (root.read(f"{FOLDER}/user/hash") or b"").decode().strip()
    salt = hashed.split("$")[2]
    said = subprocess.check_output([find("openssl"), "passwd", "-6", "-salt", salt, "correct horse"], text=True)
    assert hashed == said.strip()
    connection = (root.read("/etc/NetworkManager/system-connections/pi-stream.nmconnection") or b"").decode()
    assert "\nssid=73;69;69;69;\n" in connection
    assert "\npsk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e\n" in connection


def test_the_key_of_a_network() -> None:
    """It is what the standard's own example has (IEEE 802.11, annex J.4.2), or the key that was given."""
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert network_key(Wifi(ssid="IEEE", password="password", country="DE")) == key
    assert network_key(Wifi(ssid="other", password=key.upper(), country="DE")) == key
    assert network_key(Wifi(ssid="open", password="", country="DE")) == ""


def test_the_settings_are_what_pi_stream_reads(made: tuple[Path, Fat, Ext4], tmp_path: Path) -> None:
    """The file made of the answers is one that pi-stream itself takes, with port 80 where nothing else was said."""
    _, _, root = made
    (tmp_path / "config.toml").write_bytes(root.read(f"{FOLDER}/config.toml") or b"")
    config = load(tmp_path / "config.toml")
    assert (config.camera.fps, config.camera.path, config.server.port) == (15, 'a "film".mp4', 80)
    assert config.auth.mode == "open"
    with (tmp_path / "config.toml").open("a") as file:
        file.write('mode = "password"\n')  # as the page has a new owner write it, at the end of the file
    assert load(tmp_path / "config.toml").auth.mode == "password"


def test_the_root_grows_as_needed(made: tuple[Path, Fat, Ext4], official: Path) -> None:
    """Where the packages would not fit, the root partition is made larger, and the disk's id stays."""
    image, _, root = made
    assert image.stat().st_size > official.stat().st_size
    assert root.free() > 200 * MIB


def test_a_packed_image_gives_the_same_card(build: Build, tmp_path: Path, official: Path) -> None:
    """An .img.xz, as it is downloaded, does as well."""
    packed = tmp_path / "raspios.img.xz"
    packed.write_bytes(lzma.compress(official.read_bytes(), preset=0))
    boot, root = pieces(build(ANSWERS, packed), tmp_path)
    assert root.read("/etc/hostname") == b"doorcam\n"
    assert boot.read("/config.txt") == b"camera_auto_detect=1\n"


def test_a_minimal_card(build: Build, tmp_path: Path) -> None:
    """Only a name: time zone, network and users stay as the image has them."""
    boot, root = pieces(build('hostname = "cam"'), tmp_path)
    assert root.read("/etc/timezone") == b"Europe/London\n"
    assert root.kind(f"{FOLDER}/user") is None
    assert root.kind("/etc/NetworkManager") is None
    assert boot.read("/cmdline.txt") == CMDLINE.encode()


def test_a_zone_that_the_image_lacks_is_refused(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """This machine may know an old name that Debian 13 does not: the Pi's clock would silently show UTC."""
    output = build('hostname = "cam"\ntimezone = "Europe/Paris"', code=1)
    assert "the image has no Europe/Paris" in capsys.readouterr().err
    assert not output.exists()


def test_a_read_only_card_needs_its_package(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """Without overlayroot the promise could not be kept on the Pi, so it is not made here."""
    output = build('hostname = "cam"\nread_only = true', code=1)
    assert "gather-debs --with overlayroot" in capsys.readouterr().err
    assert not output.exists()


def test_a_read_only_card_has_a_place_for_captions(build: Build, tmp_path: Path, debs: Path) -> None:
    """A third partition is what stays writable; the root behind which it lies is not grown at boot any more."""
    added = deb(debs, "overlayroot", "all", 100)
    try:
        image = build('hostname = "cam"\nread_only = true')
    finally:
        added.unlink()
    boot, root = pieces(image, tmp_path)
    assert b"LABEL=pi-stream /var/lib/private/pi-stream ext4" in (root.read("/etc/fstab") or b"")
    assert root.kind(f"{FOLDER}/read-only") == "regular"
    assert root.kind("/etc/systemd/system/multi-user.target.wants/rpi-resize.service") is None
    assert b"resize" not in (boot.read("/cmdline.txt") or b"").split()
    Ext4(tmp_path / "state").check()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"usr/lib/os-release": 'PRETTY_NAME="Debian 12"\nVERSION_ID="12"\n'}, 'got PRETTY_NAME="Debian 12"'),
        ({"usr/bin/apt-get": None}, "there is no /usr/bin/apt-get"),
        ({"usr/lib/aarch64-linux-gnu/libc.so.6": None}, "64-bit"),
    ],
)
def test_other_systems(
    build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str | None], problem: str
) -> None:
    """A card that could not install the packages is refused here, not on the Pi."""
    kept = {name: text for name, text in {**SKELETON, **files}.items() if text is not None}
    boot = {"cmdline.txt": CMDLINE.encode()}
    other = make(skeleton(tmp_path / "r", kept), boot, tmp_path / "other.img", boot_size=40 * MIB, root_size=16 * MIB)
    output = build(ANSWERS, other, code=1)
    assert problem in capsys.readouterr().err
    assert not output.exists()
    assert not list(tmp_path.glob(".*"))


def test_what_is_no_card(build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str], official: Path) -> None:
    """A file of something else, half a download, and a file that is not there."""
    other = tmp_path / "other.img"
    other.write_bytes(b"PK" * 1000)
    build(ANSWERS, other, code=1)
    assert "MBR" in capsys.readouterr().err
    with official.open("rb") as file:
        other.write_bytes(file.read(30 * MIB))
    build(ANSWERS, other, code=1)
    assert "is the download complete" in capsys.readouterr().err
    other.write_bytes(lzma.compress(official.read_bytes(), preset=0)[:-2000])
    build(ANSWERS, other, code=1)
    assert str(other) in capsys.readouterr().err
    output = build(ANSWERS, tmp_path / "none.img", code=1)
    assert "expected the image of a card" in capsys.readouterr().err
    assert not output.exists()
    assert not list(tmp_path.glob(".*"))


def test_nothing_is_overwritten(build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there stays, unless one says so."""
    (tmp_path / "doorcam.img").write_text("mine")
    assert build(code=1).read_text() == "mine"
    assert "use --force" in capsys.readouterr().err
    assert build(ANSWERS, tmp_path / "none.img", "--force", code=1).read_text() == "mine"


def test_forced(build: Build, tmp_path: Path, official: Path) -> None:
    """And goes when one does."""
    (tmp_path / "doorcam.img").write_text("mine")
    assert build(ANSWERS, official, "--force").stat().st_size > MIB


def test_wrong_answers_are_refused_before_all_else(
    build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even the image is looked for."""
    output = build('hostname = "door cam"', tmp_path / "none.img", code=2)
    assert "hostname: expected" in capsys.readouterr().err
    assert not output.exists()


def test_devices_are_not_written_to(
    tmp_path: Path, official: Path, debs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A card in the reader, or a disk by mistake, is nothing that this command writes to, even if forced."""
    (tmp_path / "answers.toml").write_text(ANSWERS)
    words = [official, "--debs", debs, "--answers", tmp_path / "answers.toml", "--out", "/dev/null", "--force"]
    assert command.main([str(word) for word in words]) == 1
    assert "Raspberry Pi Imager" in capsys.readouterr().err
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_wrong_packages(tmp_path: Path, official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder, no pi-stream in it, two of them, one for another machine, and a file that is no package."""
    (tmp_path / "answers.toml").write_text(ANSWERS)
    folder = tmp_path / "debs"

    def refused() -> str:
        words = [official, "--debs", folder, "--answers", tmp_path / "answers.toml", "--out", tmp_path / "x.img"]
        assert command.main([str(word) for word in words]) == 1
        assert not (tmp_path / "x.img").exists()
        return capsys.readouterr().err

    assert "expected a folder of .deb files" in refused()
    folder.mkdir()
    assert "expected one pi-stream_*.deb among 0 packages, got 0" in refused()
    (folder / "broken.deb").write_text("no")
    assert "broken.deb: is not a package" in refused()
    (folder / "broken.deb").unlink()
    other = deb(folder, "libother", "amd64", 10)
    assert "got one for amd64" in refused()
    other.unlink()
    first = deb(folder, "pi-stream", "all", 10)
    shutil.copyfile(first, folder / "pi-stream_2_all.deb")
    assert "got 2" in refused()


def test_a_full_disk_leaves_nothing_half_written(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be written to its end never appears under its name."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    output = build(code=1)
    assert "No space left on device" in capsys.readouterr().err
    assert not output.exists()
    assert not list(tmp_path.glob(".*"))
