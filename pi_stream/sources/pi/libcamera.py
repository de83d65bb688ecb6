"""The cameras of libcamera: which there are, how one is opened, and what to say if that fails.

picamera2 comes from apt and is imported only when it is needed.
"""

import importlib
import logging
import os
from contextlib import suppress
from typing import Any

from pi_stream.errors import SourceUnavailable
from pi_stream.sources.inventory import PiCamera, matching
from pi_stream.sources.pi.device_users import holders
from pi_stream.sources.webcam.devices import camera_nodes

_GROUP = "add this user to the group: sudo usermod -aG video $USER"


def list_cameras() -> list[PiCamera]:
    """The cameras of libcamera, without USB cameras, which are left to V4L2.

    Raises SourceUnavailable with what to fix if there is none.
    """
    library = _library()
    try:
        found = library.Picamera2.global_camera_info()
    except (RuntimeError, OSError) as error:
        raise SourceUnavailable(reason(error)) from error
    cameras = [PiCamera(number, info["Model"], info["Id"]) for number, info in enumerate(found)]
    if cameras := [camera for camera in cameras if "/usb" not in camera.id]:
        return cameras
    raise SourceUnavailable(_no_camera())


def find_camera(path: str) -> PiCamera:
    """The first camera of libcamera, or the first that `path` names, see `matching`. Raises SourceUnavailable."""
    cameras = list_cameras()
    if found := matching(cameras, path):
        return found[0]
    names = ", ".join(f"{camera.number} ({camera.model})" for camera in cameras)
    raise SourceUnavailable(f'no camera is called "{path}"; there are {names}')


def _library() -> Any:
    # They log a dozen lines for each opening, and a camera that is away is opened again and again.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
    logging.getLogger("picamera2").setLevel(logging.WARNING)
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        missing = error.name or str(error)
        if missing.split(".")[0] in ("picamera2", "libcamera"):
            raise SourceUnavailable("not installed (apt install python3-picamera2)") from None
        raise SourceUnavailable(f"cannot be imported, for {missing} is missing: {error}") from error
    except Exception as error:  # a library made for another numpy or another Pi may raise anything; the sentence has it
        raise SourceUnavailable(f"cannot be imported: {type(error).__name__}: {error}") from error


def open_camera(number: int) -> Any:
    """picamera2's object for the camera of this number. Raises RuntimeError or OSError, and leaves nothing open."""
    library = _library().Picamera2
    camera = library.__new__(library)
    try:
        camera.__init__(number)
    except BaseException:
        _abandon(camera)
        raise
    return camera


def _abandon(camera: Any) -> None:
    """Have a camera whose constructor failed release everything, which picamera2 0.3.38 does only in part.

    If it failed before it had the camera, its pipe stays open: two file descriptors for each try, and a camera may be
    busy all night. If it failed after that, `close` needs the attribute `allocator`, which is not set yet.
    """
    taken = camera.is_open
    if taken and not hasattr(camera, "allocator"):
        camera.allocator = None
    with suppress(RuntimeError, OSError):  # the last step of close fails again for want of memory
        camera.close()
    if not taken:
        camera.notifymeread.close()
        os.close(camera.notifyme_w)


def _no_camera() -> str:
    """Why there is none: libcamera leaves out devices that it may not open."""
    closed = [path for path in camera_nodes() if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        return f"no camera found, but {closed[0]} may not be opened; {_GROUP}"
    return "no camera found; check both ends of the ribbon cable, `rpicam-hello --list-cameras` should list it"


def reason(error: BaseException) -> str:
    """What the camera's libraries said first, and what fixes it."""
    while (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = cause
    text = str(error)
    if "busy" in text.lower():
        if held := holders(camera_nodes()):
            return f"the camera is busy: {held} uses it; end that, and the picture comes by itself"
        return "the camera is busy; another program uses it (`sudo lslocks | grep /dev/media` shows which)"
    if "permission" in text.lower():
        return f"the camera may not be opened ({text}); {_GROUP}"
    if "dmaheap" in text.lower():
        return f"the camera's memory is not available ({text}); on a Pi, /dev/dma_heap belongs to the group video"
    if "allocate" in text.lower():
        return f"there is not enough camera memory ({text}); choose a smaller camera.width and camera.height"
    return f"the camera does not start: {text}"
