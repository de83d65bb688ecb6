"""The Raspberry Pi's own camera, through picamera2 0.3.30 and up.

picamera2 comes from apt and is imported only when it is asked for. Its event loop runs on a thread of its own; `read`
asks it for the next request, copies the planes out of the camera's memory, and gives the request back at once: of four
requests, one kept is one that the camera lacks.
"""

import importlib
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any

from pi_stream import clock
from pi_stream.errors import SourceUnavailable
from pi_stream.frame import Frame
from pi_stream.sources.controls import Control, checked
from pi_stream.sources.holders import holders
from pi_stream.sources.mapped import Mapped
from pi_stream.sources.source import Json

_log = logging.getLogger(__name__)

_REQUESTS = 4  # six, picamera2's own choice for video, do not fit into the camera memory of a Zero 2 W
_GROUP = "add this user to the group: sudo usermod -aG video $USER"
_OLDEST = 10_000_000_000  # nanoseconds; a timestamp older than that belongs to another clock


class Picamera2Source:
    """Frames of one camera, as the sensor gives them; `path` chooses the camera, see `find_camera`.

    `captured` is libcamera's SensorTimestamp: when the sensor began to hand over the first row.
    """

    kind = "picamera2"

    def __init__(
        self,
        path: str,
        *,
        width: int,
        height: int,
        fps: float,
        rotation: int,
        seq: Iterator[int],
        stall_timeout: float,
    ) -> None:
        self._width, self._height, self._fps, self._rotation = width, height, fps, rotation
        self._seq = seq
        self._stall_timeout = max(stall_timeout, 2 / fps)
        self._interrupted = threading.Event()
        number, self._model = find_camera(path)
        try:
            self._camera = _opened(number)
            try:
                self._mapped = self._configure()
                self._camera.start(show_preview=False)
            except BaseException:
                self._camera.close()
                raise
        except (RuntimeError, OSError) as error:
            raise SourceUnavailable(_reason(error)) from error

    def describe(self) -> dict[str, Json]:
        """See Source."""
        return {
            "kind": self.kind,
            "name": self._model,
            "width": self._width,
            "height": self._height,
            "fps": self._fps,
            "rotation": self._rotation,
            "colour": self._mapped.colour,
            "controls": sorted(self._camera.camera_controls),
        }

    def read(self) -> Frame:
        """See Source."""
        request = self._next_request()
        try:
            data = self._mapped.copied(request)
            captured = _captured(request.get_metadata().get("SensorTimestamp"))
        finally:
            request.release()
        return Frame(data, self._width, self._height, next(self._seq) & 0xFFFFFFFF, captured)

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """See Source."""
        known = {name: Control.of(*about) for name, about in self._camera.camera_ctrl_info.items()}
        # A value of a wrong type would be found out only when a request is queued again, and end the capture.
        self._camera.set_controls(checked(controls, known))

    def interrupt(self) -> None:
        """See Source."""
        self._interrupted.set()
        self._camera.cancel_all_and_flush()

    def close(self) -> None:
        """See Source."""
        self._camera.close()

    def _configure(self) -> Mapped:
        libcamera = importlib.import_module("libcamera")
        camera = self._camera
        limits = {}
        if "FrameDurationLimits" in camera.camera_controls:
            duration = round(1e6 / self._fps)
            limits["FrameDurationLimits"] = (duration, duration)
        turned = self._rotation == 180
        config = camera.create_video_configuration(
            main={"format": "YUV420", "size": (self._width, self._height)},
            raw=None,
            transform=libcamera.Transform(hflip=1, vflip=1) if turned else libcamera.Transform(),
            colour_space=libcamera.ColorSpace.Sycc(),
            buffer_count=_REQUESTS,
            queue=True,
            display=None,
            encode=None,
            controls=limits,
        )
        camera.configure(config)
        # libcamera adjusts what it cannot do, and does not complain: what counts is what it gave.
        given = camera.camera_configuration()
        left = 180 if turned != bool(given["transform"].hflip and given["transform"].vflip) else 0
        space = camera.libcamera_config.at(0).color_space
        mapped = Mapped(given["main"], space, self._width, self._height, left)
        _log.info("%s gives %s, %s", self._model, given["main"], mapped.colour)
        return mapped

    def _next_request(self) -> Any:
        """The next request that the camera completes: ours until it is released."""
        job = self._camera.capture_request(wait=False)
        if self._interrupted.is_set():  # after asking, so that an interrupt just before cannot be missed
            self._camera.cancel_all_and_flush()
        try:
            return job.get_result(timeout=self._stall_timeout)
        except TimeoutError:
            self._camera.cancel_all_and_flush()
        except CancelledError:
            raise SourceUnavailable("the source is being closed") from None
        try:
            # It may have come while we gave up; left alone it would be lost to the camera.
            return job.get_result(timeout=1)
        except (TimeoutError, CancelledError):
            raise SourceUnavailable(
                f"no frame from the camera for {self._stall_timeout:g} s; is the ribbon cable loose?"
            ) from None


def find_camera(path: str) -> tuple[int, str]:
    """The number and the model of a camera of libcamera's: the first, or the one of this number or part of its name.

    USB cameras are left to V4L2. Raises SourceUnavailable with what to mend when there is none.
    """
    library = _library()
    try:
        found = library.Picamera2.global_camera_info()
    except (RuntimeError, OSError) as error:
        raise SourceUnavailable(_reason(error)) from error
    cameras = [(number, info) for number, info in enumerate(found) if "/usb" not in info["Id"]]
    if not cameras:
        raise SourceUnavailable(_no_camera())
    for number, info in cameras:
        named = path.lower() in f"{info['Model']} {info['Id']}".lower()
        if path == str(number) or (named and not path.isdigit()):
            return number, info["Model"]
    names = ", ".join(f"{number} ({info['Model']})" for number, info in cameras)
    raise SourceUnavailable(f'no camera is called "{path}"; there are {names}')


def _library() -> Any:
    # Of each opening they tell a dozen lines that nobody needs, and a camera that is away is opened again and again.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
    logging.getLogger("picamera2").setLevel(logging.WARNING)
    try:
        return importlib.import_module("picamera2")
    except ImportError as error:
        missing = error.name or str(error)
        if missing.split(".")[0] in ("picamera2", "libcamera"):
            raise SourceUnavailable("not installed (apt install python3-picamera2)") from None
        raise SourceUnavailable(f"cannot be imported, for {missing} is missing: {error}") from error
    except Exception as error:  # a library made for another numpy or another Pi raises anything; the sentence tells it
        raise SourceUnavailable(f"cannot be imported: {type(error).__name__}: {error}") from error


def _opened(number: int) -> Any:
    library = _library().Picamera2
    camera = library.__new__(library)
    try:
        camera.__init__(number)
    except BaseException:
        _abandon(camera)
        raise
    return camera


def _abandon(camera: Any) -> None:
    """Have a camera whose constructor failed let go of everything: picamera2 0.3.38 does so by halves.

    Before the camera is taken, its pipe stays open, two descriptors for each try: of one that is busy all night, the
    service would die in the morning. After that, it stumbles over the allocator that it has not got.
    """
    taken = camera.is_open
    if taken and not hasattr(camera, "allocator"):
        camera.allocator = None
    with suppress(RuntimeError, OSError):  # the last thing that close does is to look for memory again, in vain
        camera.close()
    if not taken:
        camera.notifymeread.close()
        os.close(camera.notifyme_w)


def _no_camera() -> str:
    """libcamera passes over what it may not open as if it were not there."""
    closed = [path for path in _nodes() if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        return f"no camera found, but {closed[0]} may not be opened; {_GROUP}"
    return "no camera found; check both ends of the ribbon cable, `rpicam-hello --list-cameras` should list it"


def _nodes() -> list[str]:
    """What a camera of libcamera's is made of."""
    return sorted(str(path) for kind in ("media*", "video*") for path in Path("/dev").glob(kind))


def _reason(error: BaseException) -> str:
    """What the camera's libraries said, at the root of it, and what mends it."""
    while (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = cause
    text = str(error)
    if "busy" in text.lower():
        if held := holders(_nodes()):
            return f"the camera is busy: {held} uses it; end that, and the picture comes by itself"
        return "the camera is busy; another program uses it (`sudo fuser -v /dev/media* /dev/video*` shows which)"
    if "permission" in text.lower():
        return f"the camera may not be opened ({text}); {_GROUP}"
    if "dmaheap" in text.lower():
        return f"the camera's memory cannot be had ({text}); on a Pi, /dev/dma_heap belongs to the group video"
    if "allocate" in text.lower():
        return f"there is not enough camera memory ({text}); choose a smaller camera.width and camera.height"
    return f"the camera does not start: {text}"


def _captured(sensor: int | None) -> int:
    """SensorTimestamp (nanoseconds) on `clock.now`'s clock, in microseconds.

    By libcamera's documentation it counts CLOCK_BOOTTIME, in practice it often is CLOCK_MONOTONIC; the two differ by
    the time that the machine slept. The one that makes the frame a young one is right; if neither, it is now.
    """
    now = clock.now()
    if sensor is not None:
        for clock_id in (time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME):
            age = time.clock_gettime_ns(clock_id) - sensor
            if 0 <= age < _OLDEST:
                return now - age // 1000
    return now
