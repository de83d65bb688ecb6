"""Machines as the doctor sees them: trees of /proc, /sys and /dev, as they look on a Pi 5, a Pi 4, a Zero 2 W and a PC.

The shapes are those that owners of such boards have shown in issues of raspberrypi/linux, libcamera and picamera2, and
of the kernel's documentation. Nodes below /dev are plain files.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pi_stream.doctor import Machine

PI_5, PI_4, ZERO_2 = "Raspberry Pi 5 Model B Rev 1.0", "Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi Zero 2 W Rev 1.0"
IMX708 = {
    "version": "v0.7.1",
    "cameras": [{"id": "/base/axi/pcie@1000120000/rp1/i2c@88000/imx708@1a", "model": "imx708"}],
}
NO_CAMERA: dict[str, Any] = {"version": "v0.7.1", "cameras": []}

_SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
_TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


class Tree:
    """A folder that looks like a machine's root; what programs answer, and who looks, are set on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answers: dict[str, str | Exception] = {}
        self.user, self.groups, self.closed = "pi", {"pi", "video"}, ""
        self.write("/proc/1/comm", "systemd\n")
        self.write("/proc/sys/kernel/osrelease", "6.12.47+rpt-rpi-v8\n")
        self.write("/etc/os-release", 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
        self.write("/proc/swaps", _SWAPS)
        self.write("/proc/mounts", "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\ntmpfs /run tmpfs rw 0 0\n")
        self.folder("/proc/1/fd")
        self.folder("/run/systemd/system")

    @property
    def machine(self) -> Machine:
        """The machine, as it is now."""
        return Machine(
            root=self.root,
            run=self._run,
            user=self.user,
            groups=frozenset(self.groups),
            may_use=lambda path: not self.closed or self.closed not in str(path),
            pid=os.getpid(),
        )

    def _run(self, *command: str, timeout_s: float = 0) -> str | None:  # noqa: ARG002 - the real one has it
        answer = self.answers.get("libcamera" if command[0] == sys.executable else command[0])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def write(self, name: str, text: str) -> Path:
        """A file with this text."""
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def folder(self, name: str) -> None:
        """An empty folder."""
        (self.root / name.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def link(self, name: str, target: str) -> None:
        """A symbolic link."""
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def videos(self, names: Mapping[str, str]) -> None:
        """Devices of /dev, and what the kernel calls them in /sys."""
        for node, name in names.items():
            self.write(f"/dev/{node}", "")
            self.write(f"/sys/class/video4linux/{node}/name", name + "\n")

    def meminfo(self, **kilobytes: int) -> None:
        """/proc/meminfo, less what nobody asks about."""
        self.write("/proc/meminfo", "".join(f"{name}:{number:>16} kB\n" for name, number in kilobytes.items()))

    def process(self, pid: int, name: str, *opened: str, unit: str = "", arguments: str = "") -> None:
        """A process that has these files open."""
        self.write(f"/proc/{pid}/comm", name + "\n")
        self.write(f"/proc/{pid}/cmdline", f"/usr/bin/{name}\0{arguments}\0")
        self.write(f"/proc/{pid}/cgroup", f"0::/system.slice/{unit}\n" if unit else "0::/user.slice/session-2.scope\n")
        self.folder(f"/proc/{pid}/fd")
        for number, target in enumerate(opened, start=3):
            self.link(f"/proc/{pid}/fd/{number}", target)

    def lock(self, pid: int, node: str) -> None:
        """What lockf of a whole file shows as."""
        file = (self.root / node.lstrip("/")).stat()
        device = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}"
        self.write("/proc/locks", f"1: POSIX  ADVISORY  WRITE {pid} {device}:{file.st_ino} 0 EOF\n")

    def listener(self, port: int, inode: int, user: int = 0) -> None:
        """A socket that listens on all addresses of IPv6, and so of IPv4."""
        zeros = "0" * 32
        listening = f"   0: {zeros}:{port:04X} {zeros}:0000 0A 00000000:00000000 00:00000000 00000000"
        self.write("/proc/net/tcp6", f"{_TCP}{listening} {user:>5}        0 {inode} 1\n")
        self.write("/proc/net/tcp", _TCP)

    def swap(self, name: str, kind: str, used: int) -> None:
        """Swap, `used` in kB."""
        self.write("/proc/swaps", _SWAPS + f"{name:<40}{kind}\t\t2097148\t\t{used}\t\t-2\n")

    def libcamera(self, told: Mapping[str, Any]) -> None:
        """What libcamera says of itself."""
        self.answers["libcamera"] = json.dumps(told)


def pi_5(root: Path) -> Tree:
    """A Pi 5 with a Camera Module 3 on Raspberry Pi OS."""
    tree = _pi(root, PI_5)
    tree.meminfo(MemTotal=8255776, MemAvailable=7310880, CmaTotal=65536, CmaFree=52480)
    tree.write("/dev/dma_heap/system", "")
    tree.write("/dev/dma_heap/linux,cma", "")
    tree.link("/dev/dma_heap/vidbuf_cached", "system")
    tree.videos({"video0": "rp1-cfe-csi2_ch0", "video19": "rpi-hevc-dec", "video20": "pispbe-input"})
    tree.videos({"v4l-subdev0": "csi2", "v4l-subdev2": "imx708 10-001a", "v4l-subdev3": "dw9807 10-000c"})
    tree.libcamera(IMX708)
    return tree


def pi_4(root: Path) -> Tree:
    """A Pi 4 with a Camera Module 3."""
    tree = _pi(root, PI_4)
    tree.meminfo(MemTotal=3884360, MemAvailable=3310880, CmaTotal=524288, CmaFree=441276)
    tree.write("/dev/dma_heap/linux,cma", "")
    tree.link("/dev/dma_heap/vidbuf_cached", "linux,cma")
    tree.videos({"video0": "unicam-image", "video10": "bcm2835-codec-decode", "video11": "bcm2835-codec-encode"})
    tree.videos({"video13": "bcm2835-isp-output0", "v4l-subdev0": "imx708 10-001a", "v4l-subdev1": "dw9807 10-000c"})
    tree.libcamera(IMX708)
    return tree


def zero_2(root: Path) -> Tree:
    """A Zero 2 W with a Camera Module 3: half a GB, of which half may be the camera's."""
    tree = pi_4(root)
    tree.write("/proc/device-tree/model", ZERO_2 + "\0")
    tree.meminfo(MemTotal=426068, MemAvailable=233696, CmaTotal=262144, CmaFree=82800)
    return tree


def laptop(root: Path) -> Tree:
    """A PC with a webcam, and no libcamera."""
    tree = Tree(root)
    tree.write("/sys/class/dmi/id/product_name", "ThinkPad X230\n")
    tree.write("/sys/class/thermal/thermal_zone0/temp", "47000\n")
    tree.meminfo(MemTotal=16261260, MemAvailable=9310880)
    tree.videos({"video0": "Integrated Camera: Integrated C", "video1": "Integrated Camera: Integrated C"})
    tree.write("/dev/media0", "")
    for node in ("video0", "video1"):
        tree.link(f"/sys/class/video4linux/{node}/device/driver", "../../../../bus/usb/drivers/uvcvideo")
    tree.libcamera({"missing": "No module named 'libcamera'"})
    return tree


def _pi(root: Path, model: str) -> Tree:
    tree = Tree(root)
    tree.write("/proc/device-tree/model", model + "\0")
    tree.write("/sys/class/thermal/thermal_zone0/temp", "51121\n")
    tree.write("/sys/devices/platform/soc/soc:firmware/get_throttled", "0\n")
    tree.write(
        "/boot/firmware/config.txt", "# see http://rptl.io/configtxt\ncamera_auto_detect=1\ndtoverlay=vc4-kms-v3d\n"
    )
    tree.write("/dev/media0", "")
    tree.write("/dev/media1", "")
    tree.write("/etc/group", "root:x:0:\nvideo:x:44:pi\n")
    tree.folder("/lib/modules/6.12.47+rpt-rpi-v8")
    return tree
