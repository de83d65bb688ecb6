"""What a virtual machine starts from: a disk with the root "machine" and our package on it, made once and kept."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.appliance.package import deb
from tests.appliance.roots import CACHE, root

_SIZE = "3G"  # of the disk; a file with holes, so it takes what is in it
_KEPT = 2  # older disks, which other checkouts that share the folder may be using
_PATIENCE = 600.0  # seconds

# Small, for QEMU computes every instruction: what is tested is the machine, not how quick it is.
SETTINGS = "[camera]\nsource = 'auto'\nwidth = 640\nheight = 360\nfps = 10\n"

# Times that the unit has for a Pi, stretched for a machine that is ten to twenty times slower, and shares its cores.
_SLOW = "[Service]\nTimeoutStartSec=300\nWatchdogSec=60\n"

_INSTALL = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/changed,workdir=$2/work" "$2/root"
cp "$3" "$2/root/srv/"
cd "$2/root"
mount --bind /proc proc
mount --rbind /dev dev
mount -t tmpfs run run
chroot . apt-get install --yes --no-install-recommends -o DPkg::Options::=--force-unsafe-io \
    "/srv/${3##*/}"
rm "srv/${3##*/}"
umount run proc
umount -R -l dev
printf '%s' "$5" >etc/pi-stream/config.toml
install -d etc/systemd/system/pi-stream.service.d
printf '%s' "$7" >etc/systemd/system/pi-stream.service.d/slow.conf
# The agent would tell the journal of every question: who counts writes must not cause them.
install -d etc/systemd/system/qemu-guest-agent.service.d
printf '[Service]\\nLogLevelMax=warning\\n' >etc/systemd/system/qemu-guest-agent.service.d/quiet.conf
echo machine >etc/hostname
printf '127.0.0.1 localhost machine\\n' >etc/hosts
touch etc/.updated var/.updated  # nothing of /usr is newer: no first start has to catch up
passwd --root "$2/root" --delete root
cd /
# All of it is made now: by default the kernel would zero the rest, 43 MB, in the first minutes of every start.
mkfs.ext4 -q -L root -E lazy_itable_init=0,lazy_journal_init=0 -d "$2/root" "$4" "$6"
"""


@dataclass(frozen=True)
class Disk:
    """A raw image, never written to, and the kernel and initramfs that QEMU starts from beside it."""

    image: Path
    kernel: Path
    initramfs: Path


def disk() -> Disk:
    """The disk for this state of the tree. Raises RuntimeError with what was said when it cannot be made."""
    there, package = root("machine"), deb()
    made = hashlib.sha256(f"{there.name} {package.parent.name} {SETTINGS} {_SLOW} {_INSTALL}".encode()).hexdigest()[:12]
    image = CACHE / f"disk-{made}.img"
    kernel, initramfs = (next((there / "boot").glob(f"{name}-*")) for name in ("vmlinuz", "initrd.img"))
    if not image.exists():
        for old in sorted(CACHE.glob("disk-*.img"), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
            old.unlink()
        _make(there, package, image)
    return Disk(image, kernel, initramfs)


def _make(there: Path, package: Path, image: Path) -> None:
    part, work = image.with_suffix(".part"), image.with_suffix(".work")
    part.unlink(missing_ok=True)
    try:
        for each in ("changed", "work", "root"):
            (work / each).mkdir(parents=True, exist_ok=True)
        (work / "changed").chmod(0o755)  # it becomes the machine's /
        done = subprocess.run(
            [
                *("unshare", "--mount", "sh", "-euc", _INSTALL, "sh"),
                *(str(there), str(work), str(package), str(part), SETTINGS, _SIZE, _SLOW),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "DEBIAN_FRONTEND": "noninteractive",
                "LC_ALL": "C.UTF-8",
            },
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"no disk could be made:\n{done.stdout[-3000:]}")
        part.rename(image)
    finally:
        part.unlink(missing_ok=True)
        subprocess.run(["rm", "-rf", "--one-file-system", str(work)], check=True, timeout=60)  # noqa: S607 - PATH's
