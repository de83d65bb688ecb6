"""deploy/image/gather-debs: downloads the packages that pi-stream needs and an image lacks.

With them, the first boot needs no network. The lists of installed packages, archives and keys come from the image; an
apt with a folder of its own resolves the dependencies for arm64, and downloads. Root is not needed, nor emulation.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.image.card import take_apart
from deploy.image.debs import ASKED_FOR
from deploy.image.errors import CardError
from deploy.image.ext4 import Ext4
from deploy.image.programs import run
from pi_stream.errors import PiStreamError


def gather(image: Path, deb: Path, output: Path, *, extra: Sequence[str] = ()) -> list[Path]:
    """Download into `output` what `deb` and the packages `extra` need and `image` lacks, and copy `deb` there.

    The names of `extra` are written beside them, so that they are installed as packages that the owner asked for.
    Recommended packages, such as python3-picamera2 and fonts, are included if the image's archives have them. Blocks.
    Raises CardError.
    """
    if not deb.is_file():
        raise CardError(f"{deb}: expected pi-stream's package; make it with: make deb")
    if output.exists() and any(output.iterdir() if output.is_dir() else [output]):
        raise CardError(f"{output}: expected an empty folder, or nothing")
    with tempfile.TemporaryDirectory(prefix="gather-") as folder:
        base = Path(folder)
        root = Ext4(take_apart(image, base).root)
        options = _apt(root, base)
        run("apt-get", *options, "update")
        wanted = [*extra, *(name for name in _recommended(deb) if _is_available(options, name))]
        order = ["install", "--yes", "--download-only", "--no-install-recommends", str(deb.resolve()), *wanted]
        done = run("apt-get", *options, *order, ok=(0, 100))
        if done.returncode:  # the missing package is named in the middle of its output
            output_lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
            why = [" ".join(line.split()) for line in output_lines if " but it " in line or line.startswith("E: ")]
            raise CardError(f"apt cannot get all that {deb.name} needs: {'; '.join(why[:4])}")
        output.mkdir(parents=True, exist_ok=True)
        for each in (base / "cache/archives").glob("*.deb"):
            shutil.copyfile(each, output / each.name)
    shutil.copyfile(deb, output / deb.name)
    if extra:  # without the suffixes that apt accepts: =VERSION, /SUITE, :MACHINE
        (output / ASKED_FOR).write_text("".join(f"{re.split('[=/:]', name)[0]}\n" for name in extra))
    return sorted(output.glob("*.deb"))


def _apt(root: Ext4, base: Path) -> list[str]:
    """Set up the image's apt in a folder: its packages, archives and keys. Returns the options that select it."""
    for folder in (
        "etc/apt/sources.list.d",
        "etc/apt/preferences.d",
        "lists/partial",
        "cache/archives/partial",
        "keys",
    ):
        (base / folder).mkdir(parents=True)
    status = root.read("/var/lib/dpkg/status")
    if not status:
        raise CardError("expected a list of installed packages in the image, /var/lib/dpkg/status, got none")
    (base / "status").write_bytes(status)
    keys = {name: content for folder in ("/usr/share/keyrings", "/etc/apt/trusted.gpg.d", "/etc/apt/keyrings")
            for name, content in root.files(folder)}  # fmt: skip  # one sentence
    for path, content in keys.items():
        (base / "keys" / Path(path).name).write_bytes(content)
    sources = dict(root.files("/etc/apt/sources.list.d"))
    sources["/etc/apt/sources.list"] = root.read("/etc/apt/sources.list") or b""
    for path, content in sources.items():
        text = content.decode()
        for key in keys:  # the sources name the image's keys, which have other paths here
            text = text.replace(key, str(base / "keys" / Path(key).name))
        (base / path.lstrip("/")).write_text(text)
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "Dir::Etc": base / "etc/apt",
        "Dir::Etc::Trusted": "/dev/null",
        "Dir::Etc::TrustedParts": base / "keys",
        "Dir::State": base,
        "Dir::State::status": base / "status",
        "Dir::Cache": base / "cache",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _recommended(deb: Path) -> list[str]:
    """The names of the packages that a package recommends, without versions; the first of alternatives."""
    output = run("dpkg-deb", "--field", deb, "Recommends").stdout.decode().replace("\n", " ")
    return [each.split("|")[0].split("(")[0].strip() for each in output.split(",") if each.strip()]


def _is_available(options: list[str], name: str) -> bool:
    """Whether the image's archives have a package of this name."""
    output = run("apt-cache", *options, "policy", name).stdout.decode()
    return "Candidate:" in output and "Candidate: (none)" not in output


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code: 0 success, 1 failure."""
    parser = argparse.ArgumentParser(
        "deploy/image/gather-debs", description="Download the packages that a card needs and lacks."
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="Raspberry Pi OS Lite, 64-bit; .img or .img.xz")
    parser.add_argument("deb", type=Path, metavar="DEB", help="pi-stream_VERSION_all.deb")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to put the packages")
    parser.add_argument(
        "--with", action="append", default=[], dest="extra", metavar="NAME", help="an additional package"
    )
    options = parser.parse_args(arguments)
    try:
        files = gather(options.image, options.deb, options.folder, extra=options.extra)
    except PiStreamError as error:
        print(f"gather-debs: {error}", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in files)
    print(f"{options.folder}: {len(files)} packages, {size / 2**20:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
