"""From an image of Raspberry Pi OS, packages and answers to an image to flash. This room says the order."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.image import answers, cloud, debs, first_boot
from deploy.image.card import put_together, take_apart
from deploy.image.debs import Deb
from deploy.image.errors import CardError
from deploy.image.ext4 import Ext4
from deploy.image.fat import Fat
from deploy.image.mbr import aligned
from deploy.image.parts import File
from deploy.image.programs import run

SPARE = 256 * 2**20  # bytes left free on the root partition, for logs and updates until it is grown to the card's size
STATE = 64 * 2**20  # bytes of the partition for captions, when the rest is read-only

Tell = Callable[[str], None]


def image(source: Path, debs_folder: Path, answers_file: Path, output: Path, *, force: bool, tell: Tell) -> None:
    """Make an image to flash. Raises SettingError or CardError; then nothing was written that stays."""
    given = answers.load(answers_file)
    packages = debs.look(debs_folder)
    if not source.is_file():
        raise CardError(f"{source}: expected the image of a card, such as raspios-lite-arm64.img.xz")
    _may_write(output, force=force)
    if output.exists() and output.samefile(source):
        raise CardError(f"{output}: expected another file than the image that it is made of")
    with _appearing(output) as part, tempfile.TemporaryDirectory(dir=output.parent, prefix=".pieces-") as folder:
        tell(f"taking {source.name} apart")
        card = take_apart(source, Path(folder))
        root, boot = Ext4(card.root), Fat(card.boot)
        _must_be_raspberry_pi_os(root, boot)
        _must_have_zone(root, given.timezone)
        if given.read_only:
            _must_have_overlay(root, packages)
            card = replace(card, state=_state(Path(folder) / "state"))
            root.remove("/etc/systemd/system/multi-user.target.wants/rpi-resize.service")
        parts = first_boot.root_parts(
            given,
            packages,
            hosts=root.read("/etc/hosts") or b"127.0.0.1\tlocalhost\n",
            fstab=root.read("/etc/fstab") or b"",
            cloud_init=root.kind("/etc/cloud") == "directory",
        )
        tell(f"putting {len(packages)} packages and the answers onto it")
        wanted = (
            sum(part.size for part in parts if isinstance(part, File)) + sum(deb.installed for deb in packages) + SPARE
        )
        if (missing := wanted - root.free()) > 0:
            # A twentieth more, for the lists of blocks that a file system keeps of itself, and for root's reserve.
            root.grow(aligned(card.root.stat().st_size + missing + missing // 20))
        root.write(parts)
        boot.write(first_boot.boot_files(given, cmdline=boot.read("/cmdline.txt") or b""))
        tell("putting it together")
        put_together(card, part)


def user_data(debs_folder: Path, answers_file: Path, output: Path, *, force: bool) -> None:
    """Make the folder whose content is copied onto the boot partition of an official image. Raises as `image` does."""
    given = answers.load(answers_file)
    packages = debs.look(debs_folder)
    if given.read_only:
        raise CardError(f"{answers_file}: read_only: expected false; only an image made here has a place for captions")
    if output.exists() and not force:
        raise CardError(f"{output}: is there already; choose another name, or say --force")
    if output.exists() and not output.is_dir():
        raise CardError(f"{output}: expected a folder, or nothing, got a file")
    output.mkdir(parents=True, exist_ok=True)
    for file in cloud.files(given, packages):
        target = output / file.path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content.read_bytes() if isinstance(file.content, Path) else file.content)


def _may_write(output: Path, *, force: bool) -> None:
    if output.is_block_device() or output.is_char_device():
        raise CardError(f"{output}: expected a file; make one, and write it to the card with Raspberry Pi Imager")
    if output.is_dir():
        raise CardError(f"{output}: expected a file, got a folder")
    if output.exists() and not force:
        raise CardError(f"{output}: is there already; choose another name, or say --force")
    if not output.parent.is_dir():
        raise CardError(f"{output}: there is no folder {output.parent}")


@contextmanager
def _appearing(output: Path) -> Iterator[Path]:
    """A name to write to, beside `output`, which becomes `output` when all went well, and goes when not."""
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _must_be_raspberry_pi_os(root: Ext4, boot: Fat) -> None:
    if boot.read("/cmdline.txt") is None:
        raise CardError("expected a boot partition with a cmdline.txt, as Raspberry Pi OS has it, got none")
    for path, what in (("/etc/systemd/system", "systemd"), ("/usr/bin/apt-get", "apt"), ("/usr/bin/python3", "Python")):
        if root.kind(path) is None:
            raise CardError(f"expected a root partition of Raspberry Pi OS with {what}; there is no {path}")
    release = (root.read("/usr/lib/os-release") or b"").decode(errors="replace")
    if 'VERSION_ID="13"' not in release:
        name = next((line for line in release.splitlines() if line.startswith("PRETTY_NAME=")), "no os-release")
        raise CardError(f'expected Raspberry Pi OS "trixie" (Debian 13), got {name}')
    if root.kind("/usr/lib/aarch64-linux-gnu") is None:
        raise CardError("expected the 64-bit Raspberry Pi OS (arm64), got one without /usr/lib/aarch64-linux-gnu")


def _must_have_zone(root: Ext4, timezone: str | None) -> None:
    """The answers were checked against this machine's zones; Debian 13 has no old names such as US/Pacific."""
    if timezone is not None and root.kind(f"/usr/share/zoneinfo/{timezone}") is None:
        raise CardError(f"timezone: the image has no {timezone}; give the name of today, such as America/Los_Angeles")


def _must_have_overlay(root: Ext4, packages: list[Deb]) -> None:
    if not any(deb.name == "overlayroot" for deb in packages) and root.kind("/etc/overlayroot.conf") is None:
        raise CardError("read_only needs the package overlayroot; gather it with: gather-debs --with overlayroot")


def _state(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(STATE)
    run("mkfs.ext4", "-q", "-L", first_boot.STATE_LABEL, path)
    return path
