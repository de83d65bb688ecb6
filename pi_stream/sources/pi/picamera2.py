"""The Raspberry Pi's own camera, through picamera2 0.3.30 and up.

picamera2 comes from apt and is imported only when it is needed. Its event loop runs on a thread of its own; `read` asks
it for the next request, copies the planes out of the camera's memory, and gives the request back at once: there are
only four, and the camera cannot use one that is kept.
"""

import importlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from pi_stream.errors import SourceUnavailable
from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources.pi.controls import Control, checked
from pi_stream.sources.pi.libcamera import find_camera, open_camera, reason
from pi_stream.sources.pi.request_planes import Mapped
from pi_stream.sources.spec import CaptureFormat

_log = logging.getLogger(__name__)

_REQUESTS = 4  # six, picamera2's own choice for video, do not fit into the camera memory of a Zero 2 W
_MAX_AGE_NS = 10_000_000_000  # an older timestamp belongs to another clock


class Picamera2Source:
    """Frames of one camera, as the sensor gives them; `path` chooses the camera, see `find_camera`.

    `captured` is libcamera's SensorTimestamp: when the exposure of the first row began. For a request without a usable
    one it is when the request was read.
    """

    def __init__(self, path: str, wanted: CaptureFormat, seq: Iterator[int], stall_timeout: float) -> None:
        self._wanted, self._seq = wanted, seq
        self._stall_timeout = max(stall_timeout, 2 / wanted.fps)
        self._interrupted = threading.Event()
        self._stamped = True  # whether the newest request had a usable timestamp
        self._device = find_camera(path)
        try:
            self._camera = open_camera(self._device.number)
            try:
                self._mapped = self._configure()
                self._camera.start(show_preview=False)
            except BaseException:
                self._camera.close()
                raise
        except SourceUnavailable:
            raise
        except (RuntimeError, OSError) as error:
            raise SourceUnavailable(reason(error)) from error

    def info(self) -> SourceInfo:
        """See Source."""
        return SourceInfo(
            kind="picamera2",
            name=self._device.model,
            width=self._wanted.width,
            height=self._wanted.height,
            fps=self._wanted.fps,
            rotation=self._wanted.rotation,
            colour=self._mapped.colour,
            device=self._device.id,
            timestamp="exposure-start" if self._stamped else "read",
            controls=tuple(sorted(self._camera.camera_controls)),
        )

    def read(self) -> Frame:
        """See Source."""
        with self._request() as request:
            data = self._mapped.copied(request)
            captured = self._captured(request)
        return Frame(data, self._wanted.width, self._wanted.height, next(self._seq) & 0xFFFFFFFF, captured)

    def skip(self) -> int:
        """See Source."""
        with self._request() as request:
            captured = self._captured(request)
        next(self._seq)
        return captured

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """See Source."""
        known = {name: Control.of(*about) for name, about in self._camera.camera_ctrl_info.items()}
        # picamera2 finds a value of a wrong type only when a request is queued again, which ends the capture.
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
            duration = round(1e6 / self._wanted.fps)
            limits["FrameDurationLimits"] = (duration, duration)
        turned = self._wanted.rotation == 180
        config = camera.create_video_configuration(
            main={"format": "YUV420", "size": (self._wanted.width, self._wanted.height)},
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
        # libcamera changes what it cannot do without an error, so the configuration is read back.
        given = camera.camera_configuration()
        left = 180 if turned != bool(given["transform"].hflip and given["transform"].vflip) else 0
        space = camera.libcamera_config.at(0).color_space
        mapped = Mapped(given["main"], space, self._wanted.width, self._wanted.height, left)
        _log.info("%s gives %s, %s", self._device.model, given["main"], mapped.colour)
        return mapped

    def _captured(self, request: Any) -> int:
        """When the request's exposure began, in microseconds of `clock.now`; now if it does not tell."""
        captured = _monotonic_us(request.get_metadata().get("SensorTimestamp"))
        self._stamped = captured is not None
        return clock.now() if captured is None else captured

    @contextmanager
    def _request(self) -> Iterator[Any]:
        """The next request, released after the block. Raises SourceUnavailable, also for errors in the block."""
        try:
            request = self._next_request()
            try:
                yield request
            finally:
                request.release()
        except SourceUnavailable:
            raise
        except (RuntimeError, OSError) as error:  # picamera2 passes on what libcamera and the kernel raise
            raise SourceUnavailable(f"the camera failed while it gave pictures: {error}") from error

    def _next_request(self) -> Any:
        """The next request that the camera completes. The caller releases it."""
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
            # It may have come in the meantime; if it is not released, the camera loses it.
            return job.get_result(timeout=1)
        except (TimeoutError, CancelledError):
            raise SourceUnavailable(
                f"no frame from the camera for {self._stall_timeout:g} s; is the ribbon cable loose?"
            ) from None


def _monotonic_us(sensor_ns: int | None) -> int | None:
    """SensorTimestamp (nanoseconds) on the clock of `clock.now`, in microseconds; None if it is of neither clock.

    By libcamera's documentation it is of CLOCK_BOOTTIME, in practice it often is of CLOCK_MONOTONIC. The two differ by
    the time that the machine was suspended. The right one is that by which the frame is less than 10 s old.
    """
    if sensor_ns is None:
        return None
    now_ns = time.monotonic_ns()
    for theirs_ns in (now_ns, time.clock_gettime_ns(time.CLOCK_BOOTTIME)):
        age_ns = theirs_ns - sensor_ns
        if 0 <= age_ns < _MAX_AGE_NS:
            return (now_ns - age_ns) // 1000
    return None
