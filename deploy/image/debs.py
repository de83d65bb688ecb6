"""The packages that go onto a card: pi-stream's own, and those that it needs and that the card does not have."""

from dataclasses import dataclass
from pathlib import Path

from deploy.image.errors import CardError
from deploy.image.programs import run


@dataclass(frozen=True)
class Debs:
    """Packages in a folder: `files` by name, and what they take on a card when installed, in bytes."""

    files: list[Path]
    names: frozenset[str]
    installed: int


def look(folder: Path) -> Debs:
    """Read what is in a folder. Raises CardError unless there is just one pi-stream, for every machine or for arm64."""
    if not folder.is_dir():
        raise CardError(f"{folder}: expected a folder of .deb files; deploy/image/gather-debs makes one")
    files = sorted(folder.glob("*.deb"))
    names, installed = list[str](), 0
    for file in files:
        name, machine, size = _fields(file)
        if machine not in ("all", "arm64"):
            raise CardError(f"{file}: expected a package for arm64 or for all, got one for {machine}")
        if name == "pi-stream" and not file.name.startswith("pi-stream_"):
            raise CardError(f"{file}: expected pi-stream's package under its own name, pi-stream_VERSION_all.deb")
        names.append(name)
        installed += size
    if (count := names.count("pi-stream")) != 1:
        raise CardError(f"{folder}: expected one pi-stream_*.deb among {len(files)} packages, got {count}")
    return Debs(files, frozenset(names), installed)


def _fields(file: Path) -> tuple[str, str, int]:
    """Name, machine and installed size (bytes) of a package."""
    fields = ("Package", "Architecture", "Installed-Size")
    try:
        said = run("dpkg-deb", "--field", file, *fields).stdout.decode(errors="replace")
    except CardError as error:
        raise CardError(f"{file}: is no package: {error}") from None
    found = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    # Debian's policy 5.6.20: in units of 1024 bytes, and it may be missing.
    return found.get("Package", ""), found.get("Architecture", ""), int(found.get("Installed-Size", "0")) * 1024
