"""Which cameras there are: libcamera's and V4L2's."""

import os
from functools import cached_property
from typing import NamedTuple

from pi_stream.errors import SourceUnavailable
from pi_stream.lib.daemon_thread import TimeLimitedCall
from pi_stream.sources.webcam.devices import Device, by_port, capture_devices


class PiCamera(NamedTuple):
    """A camera of libcamera: its number there, its sensor's model, and its id, which names the port that it is at."""

    number: int
    model: str
    id: str


def matching(cameras: list[PiCamera], path: str) -> list[PiCamera]:
    """The cameras that `path` names: by number, by id, by model, or else by a part of model and id."""
    if path.isdigit():
        return [camera for camera in cameras if camera.number == int(path)]
    wanted = path.lower()
    for names in (
        [camera.id.lower() == wanted for camera in cameras],
        [camera.model.lower() == wanted for camera in cameras],
        [wanted in f"{camera.model} {camera.id}".lower() for camera in cameras],
    ):
        if any(names):
            return [camera for camera, named in zip(cameras, names, strict=True) if named]
    return []


def pi_cameras() -> list[PiCamera]:
    """The cameras of libcamera in its own order; blocks for at most ten seconds.

    Raises SourceUnavailable, with what fixes it, if there is none, and if libcamera does not answer.
    """
    return _libcamera.result()


def webcams() -> list[Device]:
    """V4L2's cameras in the order of their numbers."""
    return capture_devices()


def libcamera_is_asked() -> bool:
    """Whether libcamera has still to answer which cameras it finds. Once it has, it is worth choosing again."""
    return _libcamera.pending


def _list_cameras() -> list[PiCamera]:
    from pi_stream.sources.pi.libcamera import list_cameras

    return list_cameras()


# Asking loads libcamera, which talks to every sensor: either may hang in a driver.
_libcamera = TimeLimitedCall("libcamera", _list_cameras, timeout_s=10)


class Inventory:
    """The cameras at one moment, in an order that is the same after a restart: by the port that they are plugged into.

    Libraries and drivers are asked when it is first needed, and once.
    """

    @cached_property
    def _pi(self) -> list[PiCamera] | str:
        try:
            return sorted(pi_cameras(), key=lambda camera: camera.id)
        except SourceUnavailable as error:
            return str(error)

    @property
    def pi_cameras(self) -> list[PiCamera]:
        """The cameras of libcamera by their ids; none if it does not answer."""
        return [] if isinstance(self._pi, str) else self._pi

    @property
    def no_pi_camera(self) -> str | None:
        """Why libcamera has no camera to offer; None if it has one."""
        return self._pi if isinstance(self._pi, str) else None

    @cached_property
    def webcams(self) -> list[Device]:
        """V4L2's cameras by port; their paths are links that stay the same when a webcam gets another number."""
        return by_port(webcams())


def device_identity(path: str) -> str:
    """What tells two V4L2 devices apart: a node has several names."""
    return os.path.realpath(path)
