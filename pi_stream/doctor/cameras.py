"""Camera: what libcamera and V4L2 find, and what to do where they find none."""

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from pi_stream.doctor.context import DoctorContext, Webcam
from pi_stream.doctor.device_users import locks
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.system import is_pi

_say = Area("camera")

_LISTING = Path(__file__).with_name("list_cameras.py")
_PATIENCE = 5.0  # seconds for libcamera to load and to look
_INSTALL = "`sudo apt install python3-picamera2`"
_BOOT_SETTINGS = ("/boot/firmware/config.txt", "/boot/config.txt")


class _Camera(Struct):
    id: str
    model: str


class _Told(Struct):
    """What `list_cameras.py` prints."""

    version: str = ""
    cameras: list[_Camera] = []
    missing: str = ""


def cameras(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """libcamera and picamera2 with their cameras, V4L2's cameras, and whether the settings' choice is among them."""
    if not patient.wants_pi_camera and not patient.wants_webcam:
        return [_say.ok(f'none is needed: the settings say source = "{patient.source}"')]
    findings: list[Finding] = []
    found = False
    if patient.wants_pi_camera:
        findings, found = _of_libcamera(machine, patient)
    webcams = list(patient.webcams())
    if patient.wants_webcam and webcams:
        findings += [_say.ok(f"{webcam.card} at {webcam.path} (V4L2)") for webcam in webcams]
        found = True
        if patient.path and not _is_one_of(machine, patient.path, webcams):
            fix = f"Plug it in, or set camera.path to {webcams[0].path}."
            findings.append(_say.fault(f"the camera of the settings, {patient.path}, is not among them", fix))
    if not found and not any(each.level in ("fault", "unknown") for each in findings):
        findings.append(_none(machine, patient))
    return findings


def _of_libcamera(machine: Machine, patient: DoctorContext) -> tuple[list[Finding], bool]:
    """Findings, and whether there is a camera on a ribbon."""
    on_pi = is_pi(machine)
    sensors = _sensors(machine)
    if patient.holds_camera() or locks(machine):
        # To look is to set registers of the sensor; a picture that is being taken is not to be disturbed.
        seen = ", ".join(sensors) or "a camera"
        return [_say.ok(f"{seen} (libcamera, in use, so it was not asked further)")], True
    closed = [machine.name(path) for path in machine.paths("/dev/media*") if not machine.may_use(path)]
    if closed:
        fix = "See what fixes the rights, and look again."
        return [_say.fault(f"cameras cannot be looked for: {', '.join(closed)} may not be opened", fix)], False
    try:
        answer = machine.ask(sys.executable, "-P", str(_LISTING), patience=_PATIENCE)
    except subprocess.TimeoutExpired:
        fix = "A driver hangs: check the ribbon, then `sudo reboot`."
        return [_say.warning(f"libcamera gave no answer in {_PATIENCE:g} s", fix)], False
    except subprocess.CalledProcessError as error:
        return [
            _say.unknown(f"libcamera failed: {((error.stderr or '').splitlines() or ['it says nothing'])[-1]}")
        ], False
    told = msgspec.json.decode(answer or "{}", type=_Told)
    if told.missing or not told.version:
        what = "libcamera is not installed for this Python"
        if patient.source == "picamera2" or on_pi:
            return [_say.fault(what, f"{_INSTALL}; in a venv, make it with `--system-site-packages`.")], False
        return [_say.ok(f"{what}; only cameras on a Pi's ribbon need it")], False
    findings = [_versions(told.version, patient)]
    there = [camera for camera in told.cameras if "/usb" not in camera.id]
    ribbons = [camera.model for camera in there]
    findings += [_say.ok(f"{model} (libcamera)") for model in ribbons]
    if ribbons and patient.path and not _is_among(there, patient.path):
        fix = "Set camera.path to a part of a name above, or to nothing for the first camera."
        findings.append(_say.fault(f'no camera of libcamera is called "{patient.path}"', fix))
    if not ribbons and sensors:
        findings.append(
            _say.fault(
                f"the kernel has {', '.join(sensors)}, but libcamera makes no camera of it",
                "`sudo apt full-upgrade` makes both of one age; then `rpicam-hello --list-cameras` should list it.",
            )
        )
    elif not ribbons and patient.source == "picamera2":
        findings.append(_none(machine, patient))
    return findings, bool(ribbons)


def _is_among(cameras: list[_Camera], path: str) -> bool:
    """Whether a camera has this number, or a name of which this is a part: so the picamera2 source chooses."""
    if path.isdigit():
        return int(path) < len(cameras)
    return any(path.lower() in f"{camera.model} {camera.id}".lower() for camera in cameras)


def _is_one_of(machine: Machine, path: str, webcams: Sequence[Webcam]) -> bool:
    """Whether the path leads to one, be it by a link: what udev makes below /dev/v4l stays when numbers change."""
    return os.path.realpath(machine.path(path)) in {os.path.realpath(machine.path(each.path)) for each in webcams}


def _versions(libcamera: str, patient: DoctorContext) -> Finding:
    version = f"libcamera {libcamera.removeprefix('v')}"
    try:
        return _say.ok(f"{version}, picamera2 {importlib.metadata.version('picamera2')}")
    except importlib.metadata.PackageNotFoundError:
        say = _say.fault if patient.source == "picamera2" else _say.warning
        return say(f"{version}, but picamera2 is not installed for this Python", _INSTALL)


def _sensors(machine: Machine) -> list[str]:
    """Names of the sensors that the kernel has found, such as imx708; a subdevice is named "imx708 10-001a"."""
    names: list[str] = []
    for path in machine.paths("/sys/class/video4linux/v4l-subdev*/name"):
        sensor, _, address = (machine.text(path) or "").partition(" ")
        bus, dash, _ = address.partition("-")
        if dash and bus.isdigit() and not sensor.startswith(_NO_SENSORS):
            names.append(sensor)
    return names


_NO_SENSORS = ("ad5398", "ak7375", "dw9807", "dw9817")  # motors that move a lens, on the same bus


def _none(machine: Machine, patient: DoctorContext) -> Finding:
    if patient.source == "v4l2":
        what = f"there is no {patient.path}, nor any other webcam" if patient.path else "no webcam was found"
        return _say.fault(what, "Plug one in; `v4l2-ctl --list-devices` should list it.")
    if not is_pi(machine):
        what = "no camera was found"
        fix = "Plug in a webcam; `v4l2-ctl --list-devices` should list it. Or set camera.path to a film."
        return _say.warning(what, fix) if patient.source == "auto" else _say.fault(what, fix)
    place, lines = _boot_settings(machine)
    what = "no camera was found"
    steps = "Switch the Pi off, and press the ribbon in at both ends, its contacts towards the board's. "
    if "start_x=1" in lines:
        what += f", and {place} asks for the camera stack of old"
        steps = f"Delete start_x=1 from {place}, then `sudo reboot`. "
    elif "camera_auto_detect=1" not in lines and not any(_is_camera_overlay(line) for line in lines):
        what += f", and {place} does not look for one"
        steps = f"Write camera_auto_detect=1 into {place}, then `sudo reboot`. "
    return _say.fault(
        what,
        f"{steps}`rpicam-hello --list-cameras` should list it. A camera not made by Raspberry Pi may need a "
        f"line of its own there, such as dtoverlay=imx462.",
    )


def _boot_settings(machine: Machine) -> tuple[str, Sequence[str]]:
    """Where config.txt is, and its lines without blanks."""
    for name in _BOOT_SETTINGS:
        if (text := machine.text(name)) is not None and "moved to /boot/firmware" not in text:
            return name, [line.replace(" ", "").strip() for line in text.splitlines()]
    return _BOOT_SETTINGS[0], ["camera_auto_detect=1"]  # not there to be read: so nothing is said against it


def _is_camera_overlay(line: str) -> bool:
    sensors = ("imx", "ov", "arducam", "adv728", "tc358743", "irs1125")
    return line.startswith("dtoverlay=") and line.removeprefix("dtoverlay=").startswith(sensors)
