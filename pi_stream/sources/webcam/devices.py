"""Which of the /dev/video* nodes are cameras. On a Pi most are not: codecs, scalers, nodes of the ISP, metadata."""

import errno
import fcntl
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pi_stream.errors import SourceUnavailable

# From linux/videodev2.h. VIDIOC_QUERYCAP is _IOR('V', 0, struct v4l2_capability), which is 104 bytes long: driver[16],
# card[32], bus_info[32], version, capabilities, device_caps, reserved[3].
_QUERYCAP = 0x80685600
_CAPABILITY = struct.Struct("16s32s32sIII12x")
_VIDEO_CAPTURE, _VIDEO_M2M, _VIDEO_M2M_MPLANE, _STREAMING = 0x00000001, 0x00008000, 0x00004000, 0x04000000
_DEVICE_CAPS = 0x80000000
_PORT_LINKS = "/dev/v4l/by-path"
# The receivers and image processors of Raspberry Pi cameras: they capture, but what they give is no picture yet.
_LIBCAMERA_DRIVERS = frozenset({"unicam", "rp1-cfe", "bcm2835-isp", "pispbe"})


class Device(NamedTuple):
    """A V4L2 capture device: its path, and its own and its driver's name."""

    path: str
    card: str
    driver: str


def camera_nodes() -> list[str]:
    """The device nodes that cameras have, V4L2's and libcamera's; other devices have such nodes, too."""
    return sorted(str(path) for kind in ("media*", "video*") for path in Path("/dev").glob(kind))


def capture_devices(folder: str = "/dev") -> list[Device]:
    """Every camera in `folder`, in the order of their numbers; those that cannot be asked are left out.

    So are the nodes of a Raspberry Pi's own camera: only libcamera can use them. They can still be named by path.
    """
    numbered = [(int(path.name[5:]), path) for path in Path(folder).glob("video*") if path.name[5:].isdigit()]
    found = []
    for _, path in sorted(numbered):
        try:
            device = query(str(path))
        except SourceUnavailable:
            continue
        if device.driver not in _LIBCAMERA_DRIVERS:
            found.append(device)
    return found


def by_port(devices: Iterable[Device], links: str = _PORT_LINKS) -> list[Device]:
    """The devices in the order of the ports that they are plugged into, under names that stay the same.

    A webcam with several nodes comes again after all other webcams. Devices without a link come last, by number.
    """
    named = [(port_link(device.path, links), device) for device in devices]
    named.sort(key=lambda pair: (pair[0] == pair[1].path, _index(pair[0]), pair[0] if pair[0] != pair[1].path else ""))
    return [device._replace(path=link) for link, device in named]


def port_link(path: str, links: str = _PORT_LINKS) -> str:
    """The link of udev's that names a device by its port, such as `...-usb-0:1.2:1.0-video-index0`; else `path`."""
    real = os.path.realpath(path)
    found = (str(link) for link in Path(links).glob("*") if os.path.realpath(link) == real)
    return min(found, default=path)


def _index(link: str) -> int:
    """Which of its webcam's nodes it is."""
    number = link.rpartition("-index")[2]
    return int(number) if number.isdigit() else 0


def query(path: str) -> Device:
    """Ask a device what it is. Raises SourceUnavailable, with what to do, if it is no camera or cannot be asked."""
    answer = bytearray(_CAPABILITY.size)
    with _told(path):
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(handle, _QUERYCAP, answer)
        finally:
            os.close(handle)
    driver, card, _, _, whole, own = _CAPABILITY.unpack(answer)
    able = own if whole & _DEVICE_CAPS else whole
    if not able & _VIDEO_CAPTURE or not able & _STREAMING or able & (_VIDEO_M2M | _VIDEO_M2M_MPLANE):
        raise SourceUnavailable(f"{path} ({_text(card)}) is no camera; `v4l2-ctl --list-devices` shows which ones are")
    return Device(path, _text(card), _text(driver))


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Turn the kernel's errors into sentences."""
    try:
        yield
    except OSError as error:
        raise SourceUnavailable(reason(path, error.errno, error.strerror)) from error


def reason(path: str, number: int | None, text: str | None) -> str:
    """What is wrong with a device, by the number and text of an OSError, and what fixes it."""
    match number:
        case errno.ENOENT:
            return f"there is no {path}; is the camera plugged in?"
        case errno.EACCES | errno.EPERM:
            return f"{path} may not be opened; add this user to the group: sudo usermod -aG video $USER"
        case errno.EBUSY:
            return f"{path} is busy; another program uses it (`fuser {path}` shows which)"
        case errno.ENODEV | errno.ENXIO | errno.EIO:
            return f"{path} went away; is the camera's plug loose, or its power low?"
        case errno.ENOTTY:
            return f"{path} is no video device"
        case _:
            return f"{path} cannot be used: {text}"


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode(errors="replace")
