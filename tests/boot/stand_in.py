"""A stand-in for the image of Raspberry Pi OS Lite: Debian for arm64, on a card of the same layout.

What it is not: it has Debian's kernel, which knows no camera on a ribbon, and it is started by QEMU, not by the
firmware of a Pi; userconf-pi, raspberrypi-sys-mods and rpi-resize are not in it.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.appliance import roots
from tests.boot.card import CMDLINE, FSTAB, MIB, make

TOP = roots.CHECKOUT
CACHE = roots.CACHE / "boot"

# Where Raspberry Pi OS tells cloud-init to look: on the partition that any computer can write to.
CLOUD = """datasource_list: [NoCloud, None]
datasource:
  NoCloud:
    seedfrom: file:///boot/firmware/
    fs_label: bootfs
"""
# The adapter of QEMU's board says that it is a USB cable between two computers, for which systemd's hardware list and
# NetworkManager agree not to ask for an address. The socket of a real Pi needs no such word.
CABLE = "[connection]\nid=board\ntype=ethernet\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n"
# Emulated on a machine that has other work, a start takes a minute and a half, and frames can be seconds late.
PATIENT = "[Service]\nTimeoutStartSec=15min\nWatchdogSec=5min\n"
UNASKED = b"#cloud-config\n# nothing is asked for\n"


@dataclass(frozen=True)
class StandIn:
    """The card's image, and what QEMU needs beside it, because it has no firmware that would read them off the card."""

    image: Path
    kernel: Path
    initramfs: Path
    board: Path


def provide(debs: Path | None = None) -> StandIn:
    """Make it, or take the one that was made before. It needs root, and up to 20 minutes the first time.

    With a folder of packages: one that has them already, all but pi-stream.
    """
    root, image = CACHE / "root", CACHE / "raspios.img"
    subprocess.run([TOP / "tests/boot/root", root], check=True, timeout=3600)
    if debs is not None:
        plain, root, image = root, CACHE / "root-quick", CACHE / "raspios-quick.img"
        subprocess.run([TOP / "tests/boot/preinstall", plain, debs, root], check=True, timeout=3600)
    kernel = next((root / "boot").glob("vmlinuz-*"))
    release = kernel.name.removeprefix("vmlinuz-")
    initramfs = root / f"boot/initrd.img-{release}"
    board = root / f"usr/lib/linux-image-{release}/broadcom/bcm2837-rpi-3-b.dtb"
    if not image.exists():
        _make(root, {"kernel8.img": kernel, "initramfs8": initramfs, board.name: board}, image)
    return StandIn(image, kernel, initramfs, board)


def _compile(root: Path) -> None:
    """Byte-compile Python's packages, as py3compile does on a Pi: without, each start there would do it, emulated.

    By Debian's Python for this machine: it is of the same version, and what it makes is the same for every processor.
    """
    script = 'mount --bind "$2" "$1/mnt"; exec chroot "$1" python3 -m compileall -q -s /mnt /mnt/usr/lib/python3'
    inside = ["unshare", "--mount", "sh", "-euc", script, "sh", str(roots.root("debian")), str(root)]
    subprocess.run(inside, check=True, timeout=900)


def _make(root: Path, boot: dict[str, Path], image: Path) -> None:
    _compile(root)
    staged = CACHE / "staged"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        # Hard links: the root is not copied, and not changed either, as each file here is a new one.
        subprocess.run(["cp", "--archive", "--link", root, staged], check=True, timeout=600)  # noqa: S607
        (staged / ".done").unlink()
        files = {
            "etc/fstab": FSTAB,
            "etc/.updated": "",  # as new as /usr: what is made of that is made
            "etc/hostname": "raspberrypi\n",
            "etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\traspberrypi\n",
            "etc/machine-id": "uninitialized\n",
            "etc/cloud/cloud.cfg.d/99_stand_in.cfg": CLOUD,
            "etc/NetworkManager/system-connections/board.nmconnection": CABLE,
            "etc/systemd/system/pi-stream.service.d/board.conf": PATIENT,
            "var/lib/NetworkManager/NetworkManager.state": "[main]\nWirelessEnabled=false\n",
        }
        for name, content in files.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_text(content)
            path.chmod(0o600 if name.endswith(".nmconnection") else 0o644)
        (staged / "boot/firmware").mkdir()
        # What Debian would start here and Raspberry Pi OS does not: a dialogue at the console, and a second network's.
        for unit in ("systemd-firstboot.service", "systemd-networkd.service", "systemd-networkd.socket"):
            (staged / "etc/systemd/system" / unit).symlink_to("/dev/null")
        said = subprocess.run(["du", "-s", "-x", "-B1", staged], check=True, capture_output=True, timeout=600)  # noqa: S607
        used = int(said.stdout.split()[0])
        size = -(-(used * 12 // 10 + 200 * MIB) // (8 * MIB)) * 8 * MIB  # as Raspberry Pi's own builder has it
        asked = {"cmdline.txt": CMDLINE.encode(), "config.txt": b"camera_auto_detect=1\n", "user-data": UNASKED}
        asked |= {"network-config": b"# nothing\n", "meta-data": b"dsmode: local\ninstance_id: rpios-image\n"}
        part = image.with_suffix(".part")
        make(staged, {**boot, **asked}, part, boot_size=512 * MIB, root_size=size)
        part.replace(image)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
