"""Pi cameras: what libcamera and the kernel find, and which boot settings hide a camera."""

import importlib.metadata
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from pi_stream.doctor.context import DoctorCamera, DoctorContext
from pi_stream.doctor.device_users import locking_processes
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.system import is_pi
from pi_stream.sources.inventory import PiCamera

_area = Area("camera")

_LISTING = Path(__file__).with_name("list_cameras.py")
_LISTING_TIMEOUT_S = 5.0  # to load libcamera, and to query the sensors
_INSTALL = "`sudo apt install python3-picamera2`"
_BOOT_SETTINGS = ("/boot/firmware/config.txt", "/boot/config.txt")
_NO_SENSORS = ("ad5398", "ak7375", "dw9807", "dw9817")  # lens motors, which are on the same bus as sensors
_SENSOR_OVERLAYS = ("imx", "ov", "arducam", "adv728", "tc358743", "irs1125")


class _ListedCamera(Struct):
    id: str
    model: str


class _Listing(Struct):
    """The output of `list_cameras.py`."""

    version: str = ""
    cameras: list[_ListedCamera] = []
    missing: str = ""


@dataclass
class PiCameras:
    """The cameras that libcamera finds; None: it could not be queried. `found`: there is at least one.

    `sensors` are names of sensors that the kernel has found.
    """

    findings: list[Finding] = field(default_factory=list)
    cameras: list[PiCamera] | None = None
    found: bool = False
    sensors: list[str] = field(default_factory=list)


def find_pi_cameras(machine: Machine, context: DoctorContext) -> PiCameras:
    """Query libcamera, in a process of its own, unless one of its cameras is in use."""
    required = any(camera.source == "picamera2" for camera in context.cameras)
    sensors = _sensors(machine)
    if context.holds_camera() or locking_processes(machine):
        # A query sets registers of the sensor, which would disturb the camera that is in use.
        seen = ", ".join(sensors) or "a camera"
        return PiCameras([_area.ok(f"{seen} (libcamera, in use, so it was not queried)")], found=True)
    closed = [machine.name(path) for path in machine.paths("/dev/media*") if not machine.may_use(path)]
    if closed:
        what = f"cameras cannot be listed: {', '.join(closed)} cannot be opened"
        return PiCameras([_area.fault(what, 'Fix what the doctor finds in the area "rights", then run it again.')])
    try:
        output = machine.run(sys.executable, "-P", str(_LISTING), timeout_s=_LISTING_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        what = f"libcamera gave no answer within {_LISTING_TIMEOUT_S:g} s"
        return PiCameras([_area.warning(what, "A driver hangs: check the ribbon cable, then `sudo reboot`.")])
    except subprocess.CalledProcessError as error:
        reason = ((error.stderr or "").splitlines() or ["no error message"])[-1]
        return PiCameras([_area.unknown(f"libcamera failed: {reason}")])
    listing = msgspec.json.decode(output or "{}", type=_Listing)
    if listing.missing or not listing.version:
        what = "libcamera is not installed for this Python"
        if required or is_pi(machine):
            fix = f"{_INSTALL}; if pi-stream runs in a venv, make the venv with `--system-site-packages`."
            return PiCameras([_area.fault(what, fix)])
        return PiCameras([_area.ok(f"{what}; only Pi cameras need it")])
    # USB cameras are left to V4L2. The order is that of picamera2's camera numbers (its global_camera_info).
    ids = sorted(((each.id, each.model) for each in listing.cameras if "/usb" not in each.id), reverse=True)
    cameras = [PiCamera(number, model, name) for number, (name, model) in enumerate(ids)]
    findings = [_versions(listing.version, required=required)]
    findings += [_area.ok(f"{camera.model} (libcamera)") for camera in cameras]
    if not cameras and sensors:
        findings.append(
            _area.fault(
                f"the kernel has {', '.join(sensors)}, but libcamera has no camera for it",
                "`sudo apt full-upgrade` updates both; then `rpicam-hello --list-cameras` should list it.",
            )
        )
    return PiCameras(findings, cameras, bool(cameras), sensors)


def no_pi_camera(machine: Machine, context: DoctorContext, camera: DoctorCamera) -> Finding:
    """The finding that a Pi has no camera, with the boot setting that hides it, if there is one."""
    name, lines = _boot_settings(machine)
    what = "no camera was found"
    steps = "Switch the Pi off, and press the ribbon cable in at both ends, with its contacts towards the board's. "
    if "start_x=1" in lines:
        what += f", and {name} selects the legacy camera stack"
        steps = f"Delete start_x=1 from {name}, then `sudo reboot`. "
    elif "camera_auto_detect=1" not in lines and not any(_is_sensor_overlay(line) for line in lines):
        what += f", and {name} does not enable detection"
        steps = f"Add camera_auto_detect=1 to {name}, then `sudo reboot`. "
    return _area.fault(
        context.about(camera, what),
        f"{steps}`rpicam-hello --list-cameras` should list it. A camera not made by Raspberry Pi may need a "
        f"line of its own there, such as dtoverlay=imx462.",
    )


def _versions(libcamera: str, *, required: bool) -> Finding:
    version = f"libcamera {libcamera.removeprefix('v')}"
    try:
        return _area.ok(f"{version}, picamera2 {importlib.metadata.version('picamera2')}")
    except importlib.metadata.PackageNotFoundError:
        finding = _area.fault if required else _area.warning
        return finding(f"{version}, but picamera2 is not installed for this Python", _INSTALL)


def _sensors(machine: Machine) -> list[str]:
    """Names of the sensors that the kernel has found, such as imx708; a subdevice is named "imx708 10-001a"."""
    names: list[str] = []
    for path in machine.paths("/sys/class/video4linux/v4l-subdev*/name"):
        sensor, _, address = (machine.text(path) or "").partition(" ")
        bus, dash, _ = address.partition("-")
        if dash and bus.isdigit() and not sensor.startswith(_NO_SENSORS):
            names.append(sensor)
    return names


def _boot_settings(machine: Machine) -> tuple[str, Sequence[str]]:
    """The path of config.txt, and its lines without blanks."""
    for name in _BOOT_SETTINGS:
        if (text := machine.text(name)) is not None and "moved to /boot/firmware" not in text:
            return name, [line.replace(" ", "").strip() for line in text.splitlines()]
    return _BOOT_SETTINGS[0], ["camera_auto_detect=1"]  # it cannot be read, so nothing in it is reported as wrong


def _is_sensor_overlay(line: str) -> bool:
    return line.startswith("dtoverlay=") and line.removeprefix("dtoverlay=").startswith(_SENSOR_OVERLAYS)
