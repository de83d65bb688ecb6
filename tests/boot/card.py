"""A card with the layout of Raspberry Pi OS, made of a folder without any mount: an MBR, FAT to boot from, ext4."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

MIB = 2**20
PARTUUID = "5e3da3da"  # half of every PARTUUID: the disk id

CMDLINE = (
    f"console=serial0,115200 console=tty1 root=PARTUUID={PARTUUID}-02 rootfstype=ext4 fsck.repair=yes rootwait resize\n"
)
FSTAB = f"""proc            /proc           proc    defaults          0       0
PARTUUID={PARTUUID}-01  /boot/firmware  vfat    defaults          0       2
PARTUUID={PARTUUID}-02  /               ext4    defaults,noatime  0       1
"""

# What pi-stream's builder looks at on a Raspberry Pi OS card, and no more: a card of these is made in a second.
SKELETON = {
    "etc/cloud/cloud.cfg": "users:\n  - default\n",
    "etc/fstab": FSTAB,
    "etc/hostname": "raspberrypi\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost\n127.0.1.1\traspberrypi\n",
    "etc/systemd/system/multi-user.target.wants/rpi-resize.service": "",
    "etc/timezone": "Europe/London\n",
    "usr/bin/apt-get": "",
    "usr/bin/python3": "",
    "usr/lib/aarch64-linux-gnu/libc.so.6": "",
    "usr/share/zoneinfo/Asia/Tokyo": "TZif",
    "usr/lib/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\n',
    "var/lib/NetworkManager/NetworkManager.state": "[main]\nWirelessEnabled=false\n",
    "var/lib/dpkg/status": "",
}


def run(*command: str | Path, given: str = "") -> None:
    """Run a program of the system; what it says is in the exception if it fails."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    words = [str(word) for word in command]
    try:
        subprocess.run(
            words,
            input=given,
            text=True,
            capture_output=True,
            check=True,
            timeout=600,
            env={**os.environ, "PATH": path},
        )
    except subprocess.CalledProcessError as error:
        raise AssertionError(f"{words[0]}: {error.stderr or error.stdout}") from None


def skeleton(folder: Path, files: Mapping[str, str] = SKELETON) -> Path:
    """The root folder of a card without an operating system."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def make(root: Path, boot: Mapping[str, bytes | Path], output: Path, *, boot_size: int, root_size: int) -> Path:
    """Make an image of `root` and the files of `boot`; sizes in bytes, multiples of 8 MiB."""
    start = 8 * MIB
    pieces = output.with_suffix(".boot"), output.with_suffix(".root")
    for piece, size in zip(pieces, (boot_size, root_size), strict=True):
        with piece.open("wb") as file:
            file.truncate(size)
    try:
        run("mkfs.vfat", "-F", "32", "-s", "1", "-n", "bootfs", pieces[0])
        for name, content in boot.items():
            source = content if isinstance(content, Path) else output.with_suffix(".file")
            if isinstance(content, bytes):
                source.write_bytes(content)
            run("mcopy", "-i", pieces[0], source, f"::{name}")
        run("mkfs.ext4", "-q", "-L", "rootfs", "-O", "^64bit,^huge_file", "-d", root, pieces[1])
        with output.open("wb") as file:
            file.truncate(start + boot_size + root_size)
        table = f"label: dos\nlabel-id: 0x{PARTUUID}\n"
        table += f"start={start // 512}, size={boot_size // 512}, type=c\n"
        table += f"start={(start + boot_size) // 512}, size={root_size // 512}, type=83\n"
        run("sfdisk", "--quiet", output, given=table)
        for piece, at in zip(pieces, (start, start + boot_size), strict=True):
            run("dd", f"if={piece}", f"of={output}", "bs=1M", f"seek={at // MIB}", "conv=notrunc,sparse")
    finally:
        for piece in (*pieces, output.with_suffix(".file")):
            piece.unlink(missing_ok=True)
    return output
