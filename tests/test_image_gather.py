"""Real apt works out what an image lacks, from an archive that lies in a folder."""

import hashlib
import shutil
from pathlib import Path

import pytest

from deploy.image import debs, gather
from deploy.image.errors import CardError
from deploy.image.programs import find
from tests.boot.card import CMDLINE, MIB, SKELETON, make, run, skeleton
from tests.test_image_build import needs_tools


def _apt() -> str:
    try:
        find("apt-get")
    except CardError as error:
        return str(error)
    return ""


pytestmark = [needs_tools, pytest.mark.skipif(bool(_apt()), reason=_apt())]


def deb(folder: Path, name: str, machine: str, fields: str = "") -> Path:
    """A package with nothing in it but these fields."""
    tree = folder / f"{name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = f"Package: {name}\nVersion: 1.0\nArchitecture: {machine}\nMaintainer: a <a@example.org>\n{fields}"
    (tree / "DEBIAN/control").write_text(f"{control}Description: a test\n")
    output = folder / f"{name}_1.0_{machine}.deb"
    run("dpkg-deb", "--root-owner-group", "--build", tree, output)
    shutil.rmtree(tree)
    checked = f"Size: {output.stat().st_size}\nSHA256: {hashlib.sha256(output.read_bytes()).hexdigest()}\n"
    with (folder / "Packages").open("a") as packages:
        packages.write(f"{control}Filename: {output.name}\n{checked}Description: a test\n\n")
    return output


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive for arm64."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for name in ("libneeded", "libunneeded", "libhave", "overlayroot"):
        deb(folder, name, "arm64")
    deb(folder, "libfurther", "arm64")
    deb(folder, "python3-picamera2", "all", "Depends: libfurther\nRecommends: libunneeded\n")
    return folder


@pytest.fixture
def image(tmp_path: Path, archive: Path) -> Path:
    """An image that has libhave, and takes packages from that archive."""
    status = "Package: libhave\nStatus: install ok installed\nVersion: 1.0\nArchitecture: arm64\n"
    files = {
        **SKELETON,
        "var/lib/dpkg/status": f"{status}Maintainer: a <a@example.org>\nDescription: a test\n",
        # Not file:, which apt would use in place: an archive on a server is copied from, too.
        "etc/apt/sources.list.d/test.sources": f"Types: deb\nURIs: copy:{archive}\nSuites: ./\nTrusted: yes\n",
    }
    boot = {"cmdline.txt": CMDLINE.encode()}
    return make(skeleton(tmp_path / "r", files), boot, tmp_path / "raspios.img", boot_size=40 * MIB, root_size=16 * MIB)


def test_what_is_missing_and_no_more(tmp_path: Path, archive: Path, image: Path) -> None:
    """What it needs and the image lacks, what it recommends if there is such, with all that this needs in turn."""
    fields = "Depends: libneeded, libhave (>= 1)\nRecommends: python3-picamera2 (>= 0.3) | x, fonts-of-nowhere\n"
    package = deb(archive, "pi-stream", "all", fields)
    files = gather.gather(image, package, tmp_path / "debs", extra=["overlayroot"])
    expected = {"pi-stream_1.0_all", "libneeded_1.0_arm64", "python3-picamera2_1.0_all", "libfurther_1.0_arm64"}
    assert {file.stem for file in files} == expected | {"overlayroot_1.0_arm64"}
    assert (tmp_path / "debs" / package.name).read_bytes() == package.read_bytes()
    assert [each.name for each in debs.read(tmp_path / "debs") if each.asked_for] == ["overlayroot"]


def test_what_nobody_has_is_said(
    tmp_path: Path, archive: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A package that no archive of the image has cannot be gathered; no half folder is left."""
    package = deb(archive, "pi-stream", "all", "Depends: libnowhere\n")
    assert gather.main([str(image), str(package), str(tmp_path / "debs")]) == 1
    assert "libnowhere" in capsys.readouterr().err
    assert not (tmp_path / "debs").exists()
