"""The packages for a card: pi-stream's own, and those that it needs and the card lacks."""

from dataclasses import dataclass
from pathlib import Path

from deploy.image.errors import CardError
from deploy.image.programs import run

ASKED_FOR = "asked-for"  # the file beside the packages with the names given by --with


@dataclass(frozen=True)
class Deb:
    """A package, and its installed size in bytes; `asked_for`: by its name, not because another package needs it."""

    file: Path
    name: str
    version: str
    installed: int
    asked_for: bool = False


def read(folder: Path) -> list[Deb]:
    """Read the packages in a folder. Raises CardError unless all are for arm64 or all, and one is pi-stream."""
    if not folder.is_dir():
        raise CardError(f"{folder}: expected a folder of .deb files; deploy/image/gather-debs makes one")
    files = sorted(folder.glob("*.deb"))
    debs: list[Deb] = []
    asked_for = (folder / ASKED_FOR).read_text().split() if (folder / ASKED_FOR).exists() else []
    for file in files:
        name, version, machine, size = _fields(file)
        if machine not in ("all", "arm64"):
            raise CardError(f"{file}: expected a package for arm64 or for all, got one for {machine}")
        debs.append(Deb(file, name, version, size, name in asked_for))
    if (count := sum(deb.name == "pi-stream" for deb in debs)) != 1:
        raise CardError(f"{folder}: expected one pi-stream_*.deb among {len(files)} packages, got {count}")
    return debs


def _fields(file: Path) -> tuple[str, str, str, int]:
    """Name, version, machine and installed size (bytes) of a package."""
    fields = ("Package", "Version", "Architecture", "Installed-Size")
    try:
        output = run("dpkg-deb", "--field", file, *fields).stdout.decode(errors="replace")
    except CardError as error:
        raise CardError(f"{file}: is not a package: {error}") from None
    found = dict(line.split(": ", 1) for line in output.splitlines() if ": " in line)
    # Debian Policy 5.6.20: in units of 1024 bytes, and optional.
    size = int(found.get("Installed-Size", "0")) * 1024
    return found.get("Package", ""), found.get("Version", ""), found.get("Architecture", ""), size
