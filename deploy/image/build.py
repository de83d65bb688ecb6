"""Makes an image to flash from an image of Raspberry Pi OS, packages and answers: the order of the steps."""

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

SPARE_BYTES = 256 * 2**20  # free on the root partition, for logs and updates until it is grown to the card's size
STATE_BYTES = 64 * 2**20  # size of the partition for captions, if the others are read-only

Report = Callable[[str], None]


def image(source: Path, debs_folder: Path, answers_file: Path, output: Path, *, force: bool, report: Report) -> None:
    """Make an image to flash. Blocks for minutes; `report` is called with the name of each step.

    Raises SettingError or CardError, and then leaves no file.
    """
    given = answers.load(answers_file)
    packages = debs.read(debs_folder)
    if not source.is_file():
        raise CardError(f"{source}: expected the image of a card, such as raspios-lite-arm64.img.xz")
    _may_write(output, force=force)
    if output.exists() and output.samefile(source):
        raise CardError(f"{output}: expected a file other than the source image")
    with _atomic(output) as part, tempfile.TemporaryDirectory(dir=output.parent, prefix=".pieces-") as folder:
        report(f"reading the partitions of {source.name}")
        card = take_apart(source, Path(folder))
        root, boot = Ext4(card.root), Fat(card.boot)
        _check_is_raspberry_pi_os(root, boot)
        _check_has_zone(root, given.timezone)
        if given.read_only:
            _check_has_overlayroot(root, packages)
            card = replace(card, state=_make_state_partition(Path(folder) / "state"))
            root.remove("/etc/systemd/system/multi-user.target.wants/rpi-resize.service")
        parts = first_boot.root_parts(
            given,
            packages,
            hosts=root.read("/etc/hosts") or b"127.0.0.1\tlocalhost\n",
            fstab=root.read("/etc/fstab") or b"",
            cloud_init=root.kind("/etc/cloud") == "directory",
        )
        report(f"writing {len(packages)} packages and the answers")
        wanted = (
            sum(part.size for part in parts if isinstance(part, File))
            + sum(deb.installed for deb in packages)
            + SPARE_BYTES
        )
        if (missing := wanted - root.free()) > 0:
            # 5 % more, for the file system's own block lists and for root's reserve.
            root.grow(aligned(card.root.stat().st_size + missing + missing // 20))
        root.write(parts)
        boot.write(first_boot.boot_files(given, cmdline=boot.read("/cmdline.txt") or b""))
        report("writing the image")
        put_together(card, part)


def user_data(debs_folder: Path, answers_file: Path, output: Path, *, force: bool) -> None:
    """Make the folder whose content is copied to the boot partition of an official image. Raises as `image` does."""
    given = answers.load(answers_file)
    packages = debs.read(debs_folder)
    if given.read_only:
        raise CardError(
            f"{answers_file}: read_only: expected false; only an image that is made here has a partition for captions"
        )
    if output.exists() and not force:
        raise CardError(f"{output}: already exists; choose another name, or use --force")
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
        raise CardError(f"{output}: already exists; choose another name, or use --force")
    if not output.parent.is_dir():
        raise CardError(f"{output}: the folder {output.parent} does not exist")


@contextmanager
def _atomic(output: Path) -> Iterator[Path]:
    """A path to write to, beside `output`; it is renamed to `output` on success, and removed on failure."""
    part = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)


def _check_is_raspberry_pi_os(root: Ext4, boot: Fat) -> None:
    if boot.read("/cmdline.txt") is None:
        raise CardError("expected a boot partition with a cmdline.txt, as in Raspberry Pi OS, got none")
    for path, what in (("/etc/systemd/system", "systemd"), ("/usr/bin/apt-get", "apt"), ("/usr/bin/python3", "Python")):
        if root.kind(path) is None:
            raise CardError(f"expected a root partition of Raspberry Pi OS with {what}; there is no {path}")
    release = (root.read("/usr/lib/os-release") or b"").decode(errors="replace")
    if 'VERSION_ID="13"' not in release:
        name = next((line for line in release.splitlines() if line.startswith("PRETTY_NAME=")), "no os-release")
        raise CardError(f'expected Raspberry Pi OS "trixie" (Debian 13), got {name}')
    if root.kind("/usr/lib/aarch64-linux-gnu") is None:
        raise CardError("expected the 64-bit Raspberry Pi OS (arm64), got one without /usr/lib/aarch64-linux-gnu")


def _check_has_zone(root: Ext4, timezone: str | None) -> None:
    """The answers were checked with this machine's time zones; Debian 13 lacks old names such as US/Pacific."""
    if timezone is not None and root.kind(f"/usr/share/zoneinfo/{timezone}") is None:
        raise CardError(f"timezone: the image has no {timezone}; use the present name, such as America/Los_Angeles")


def _check_has_overlayroot(root: Ext4, packages: list[Deb]) -> None:
    if not any(deb.name == "overlayroot" for deb in packages) and root.kind("/etc/overlayroot.conf") is None:
        raise CardError("read_only needs the package overlayroot; get it with: gather-debs --with overlayroot")


def _make_state_partition(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(STATE_BYTES)
    run("mkfs.ext4", "-q", "-L", first_boot.STATE_LABEL, path)
    return path
