"""Camera: whether each camera of the settings finds a device, by libcamera or V4L2, and what to do if it does not."""

import os
from collections.abc import Sequence

from pi_stream.doctor.context import DoctorCamera, DoctorContext, Webcam
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.pi_cameras import PiCameras, find_pi_cameras, no_pi_camera
from pi_stream.doctor.system import is_pi
from pi_stream.sources.inventory import matching

_area = Area("camera")

_CONNECT = "Connect another camera, or remove this one from the settings."


def check_cameras(machine: Machine, context: DoctorContext) -> list[Finding]:
    """Check libcamera and picamera2 with their cameras, V4L2's cameras, and what each camera of the settings takes."""
    wanting = [camera for camera in context.cameras if camera.wants_pi_camera or camera.wants_webcam]
    findings = [
        _area.ok(context.about(camera, _not_needed(camera))) for camera in context.cameras if camera not in wanting
    ]
    if not wanting:
        return findings
    pi = find_pi_cameras(machine, context) if context.wants_pi_camera else PiCameras()
    webcams = list(context.webcams()) if context.wants_webcam else []
    findings += [*pi.findings, *(_area.ok(f"{webcam.card} at {webcam.path} (V4L2)") for webcam in webcams)]
    failed = any(each.level in ("fault", "unknown") for each in pi.findings)
    devices = _Devices(machine, context, pi, webcams)
    for camera in sorted(wanting, key=lambda camera: not camera.path):  # a camera with a path takes its device first
        found = (camera.wants_pi_camera and pi.found) or (camera.wants_webcam and bool(webcams))
        if found:
            findings += devices.take(camera)
        elif not (failed and camera.wants_pi_camera) or (
            camera.source == "picamera2" and pi.cameras == [] and not pi.sensors
        ):
            findings.append(_none_found(machine, context, camera))
    return findings


def _not_needed(camera: DoctorCamera) -> str:
    if camera.source == "auto":
        return "no device is needed: camera.path is a video file"
    return f'no device is needed: the settings have source = "{camera.source}"'


class _Devices:
    """The devices that were found. Each camera of the settings takes one that no other has."""

    def __init__(self, machine: Machine, context: DoctorContext, pi: PiCameras, webcams: Sequence[Webcam]) -> None:
        self._machine, self._context = machine, context
        self._pi, self._webcams = pi, webcams
        self._taken: dict[str, DoctorCamera] = {}  # by libcamera's id, or by the device's real path

    def take(self, camera: DoctorCamera) -> list[Finding]:
        """Give the camera its device. Returns what is wrong: nothing, or one finding."""
        if camera.path:
            device, finding = self._named(camera)
        else:
            device, finding = self._free(camera)
        if finding is not None:
            return [finding]
        if device is not None:
            if (other := self._taken.get(device)) is not None:
                what = f"{camera.path} is already the device of {other.name}"
                return [_area.fault(self._context.about(camera, what), _CONNECT)]
            self._taken[device] = camera
        return []

    def _named(self, camera: DoctorCamera) -> tuple[str | None, Finding | None]:
        """The device of camera.path; or a finding, if there is no such device."""
        about = self._context.about
        if camera.wants_webcam:
            if (device := self._real(camera.path)) in self._real_webcams():
                return device, None
            fix = f"Plug it in, or set camera.path to {self._webcams[0].path}."
            return None, _area.fault(about(camera, f"the camera of the settings, {camera.path}, was not found"), fix)
        if not self._pi.cameras:  # in use, so it was not queried
            return None, None
        found = matching(self._pi.cameras, camera.path)
        if len(found) > 1 and len(self._context.cameras) > 1:
            ids = " and ".join(each.id for each in found)
            what = f'several cameras are called "{camera.path}": {ids}'
            return None, _area.fault(about(camera, what), "Set camera.path to a number or to one of these ids.")
        if found:
            return found[0].id, None
        fix = "Set camera.path to a number or a part of a name above, or to nothing for the first camera."
        return None, _area.fault(about(camera, f'libcamera has no camera "{camera.path}"'), fix)

    def _free(self, camera: DoctorCamera) -> tuple[str | None, Finding | None]:
        """The first device that no other camera has, in the order of source "auto"; or a finding, if none is left."""
        if camera.wants_pi_camera and self._pi.found and self._pi.cameras is None:
            return None, None  # in use, so how many there are is not known
        ribbons = [each.id for each in self._pi.cameras or ()] if camera.wants_pi_camera else []
        webcams = self._real_webcams() if camera.wants_webcam else []
        device = next((each for each in (*ribbons, *webcams) if each not in self._taken), None)
        if device is not None:
            return device, None
        what = self._context.about(camera, f"no camera is left for it: {self._others()}")
        # Source "auto" shows a test picture then.
        return None, (_area.warning if camera.source == "auto" else _area.fault)(what, _CONNECT)

    def _others(self) -> str:
        names = ", ".join(camera.name for camera in self._taken.values())
        count = len(self._pi.cameras or ()) + len(self._webcams)
        return f"{count} {'was' if count == 1 else 'were'} found, for {names}"

    def _real(self, path: str) -> str:
        """The path without links: udev's links in /dev/v4l stay the same when numbers change."""
        return os.path.realpath(self._machine.path(path))

    def _real_webcams(self) -> list[str]:
        return [self._real(webcam.path) for webcam in self._webcams]


def _none_found(machine: Machine, context: DoctorContext, camera: DoctorCamera) -> Finding:
    if camera.source == "v4l2":
        what = f"{camera.path} does not exist, and no other webcam was found" if camera.path else "no webcam was found"
        fix = "Plug in a webcam; `v4l2-ctl --list-devices` should list it."
        return _area.fault(context.about(camera, what), fix)
    if is_pi(machine):
        return no_pi_camera(machine, context, camera)
    what = context.about(camera, "no camera was found")
    fix = "Plug in a webcam; `v4l2-ctl --list-devices` should list it. Or set camera.path to a video file."
    return _area.warning(what, fix) if camera.source == "auto" else _area.fault(what, fix)
