"""A stand-in for picamera2 and libcamera, which exist on a Raspberry Pi only: small, and honest where it matters.

As in picamera2 0.3.3x: references to completed requests are counted, and when the last is released, the memory goes
back to the camera and is written again; rows are longer than the picture is wide; an event loop on a thread of its own
carries out jobs, each when a request is there; a job that nobody waits for any more keeps its request; `configure` may
give another layout, size or colour space than was asked for; a control of a wrong type is found out when a request is
queued again; a camera that is open cannot be opened again, another one can. The cameras are driven by the test:
`shoot` completes one request.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

ControlType = Enum("ControlType", ["Bool", "Byte", "Integer32", "Integer64", "Float", "String", "Rectangle", "Size"])
YcbcrEncoding = Enum("YcbcrEncoding", ["Null", "Rec601", "Rec709", "Rec2020"])
Range = Enum("Range", ["Full", "Limited"])


@dataclass(frozen=True)
class ColorSpace:
    """libcamera's, less what nobody asks about."""

    ycbcrEncoding: YcbcrEncoding  # noqa: N815 - libcamera's name
    range: Range

    @staticmethod
    def Sycc() -> "ColorSpace":  # noqa: N802 - libcamera's name
        return ColorSpace(YcbcrEncoding.Rec601, Range.Full)

    @staticmethod
    def Rec709() -> "ColorSpace":  # noqa: N802 - libcamera's name
        return ColorSpace(YcbcrEncoding.Rec709, Range.Limited)


@dataclass
class Transform:
    """libcamera's: what is mirrored."""

    hflip: int = 0
    vflip: int = 0


@dataclass(frozen=True)
class ControlId:
    """libcamera's, as of 0.4."""

    name: str
    type: ControlType
    isArray: bool = False  # noqa: N815 - libcamera's name
    size: int = 0


@dataclass(frozen=True)
class ControlInfo:
    """libcamera's."""

    min: Any
    max: Any
    default: Any


CONTROLS = {
    "FrameDurationLimits": (ControlId("FrameDurationLimits", ControlType.Integer64, True, 2), (100, 10**8, 33333)),
    "Brightness": (ControlId("Brightness", ControlType.Float), (-1.0, 1.0, 0.0)),
    "ExposureTime": (ControlId("ExposureTime", ControlType.Integer32), (60, 66666, 20000)),
    "AeEnable": (ControlId("AeEnable", ControlType.Bool), (False, True, True)),
    "ColourGains": (ControlId("ColourGains", ControlType.Float, True, 2), (0.0, 32.0, 0.0)),
    "ScalerCrop": (ControlId("ScalerCrop", ControlType.Rectangle), ((0, 0, 64, 64), (0, 0, 4608, 2592), None)),
}


@dataclass
class Plan:
    """What the camera of this test does: set it before the source is opened."""

    cameras: list[dict[str, Any]] = field(
        default_factory=lambda: [{"Model": "imx708", "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a", "Num": 0}]
    )
    layout: str = "YUV420"
    padding: int = 64
    space: ColorSpace | None = field(default_factory=ColorSpace.Sycc)
    turns: bool = True
    listing: str = ""
    acquire: str = ""
    start: str = ""
    first_timestamp: Callable[[], int] | None = time.monotonic_ns
    metadata: bool = True


class _Job:
    def __init__(self, function: Callable[[], tuple[bool, Any]]) -> None:
        self.function = function
        self.future: Future[Any] = Future()
        self.result: Any = None

    def get_result(self, timeout: float | None = None) -> Any:
        return self.future.result(timeout)

    def cancel(self) -> None:
        self.future.set_exception(CancelledError())


class CompletedRequest:
    """One request, with the references to it counted."""

    def __init__(self, camera: "Picamera2", memory: Bytes, number: int) -> None:
        self.camera, self.memory, self.number = camera, memory, number
        self.references = 1
        timestamp = camera.plan.first_timestamp
        self.metadata = {"SensorTimestamp": timestamp()} if timestamp is not None else {}

    def get_metadata(self) -> dict[str, Any]:
        assert self.references > 0, "a request was used after it had been released"
        if not self.camera.plan.metadata:
            raise RuntimeError("no metadata")
        return self.metadata

    def acquire(self) -> None:
        with self.camera.request_lock:
            assert self.references > 0
            self.references += 1

    def release(self) -> None:
        with self.camera.request_lock:
            self.references -= 1
            assert self.references >= 0, "a request was released twice"
            if self.references == 0:
                self.memory[:] = 0xAA  # the sensor writes the next frame here
                self.camera.free.append(self.memory)
                self.camera.queue_again()


class MappedArray:
    """The memory of a request, while the context lasts."""

    def __init__(self, request: CompletedRequest, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert stream == "main"
        assert not write, "the copy only reads"
        self._request, self._reshape = request, reshape
        self.array: Any = None

    def __enter__(self) -> "MappedArray":
        assert self._request.references > 0, "a request was mapped after it had been released"
        config = self._request.camera.camera_config["main"]
        if self._reshape and config["format"] != "YUV420":
            raise RuntimeError(f"Format {config['format']} not supported")
        self.array = self._request.memory.reshape(-1, config["stride"]) if self._reshape else self._request.memory
        return self

    def __exit__(self, *_: object) -> None:
        self.array = None


class _LibcameraConfig:
    def __init__(self, space: ColorSpace | None) -> None:
        self.color_space = space

    def at(self, index: int) -> "_LibcameraConfig":
        assert index == 0
        return self


class Picamera2:
    """The camera, with only as much of picamera2's interface as there is a use for."""

    plan = Plan()
    made: "list[Picamera2]" = []  # noqa: RUF012 - one list for all, on purpose

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        if Picamera2.plan.listing:
            raise RuntimeError(Picamera2.plan.listing)
        return Picamera2.plan.cameras

    def __init__(self, camera_num: int = 0) -> None:
        self.made.append(self)
        self.plan = Picamera2.plan
        self.notifyme_r, self.notifyme_w = os.pipe2(os.O_NONBLOCK)
        self.notifymeread = os.fdopen(self.notifyme_r, "rb")
        self.is_open = False
        self.started = False
        self.camera_num = camera_num
        self.camera_config: dict[str, Any] = {}
        self.libcamera_config: Any = {}
        self.request_lock = threading.RLock()
        self.lock = threading.Lock()
        self.jobs: list[_Job] = []
        self.completed: list[CompletedRequest] = []
        self.free: list[Bytes] = []
        self.shot: list[CompletedRequest] = []
        self.numbers = iter(range(1_000_000))
        self.controls: dict[str, Any] = {}
        self.set: list[dict[str, Any]] = []
        self.hold: threading.Event | None = None
        """Given by a test: a job that is done is not told so until all are cancelled, which waits for it."""
        self.held = threading.Event()
        self.wake = threading.Condition()
        self.thread: threading.Thread | None = None
        self.stopping = False
        if not 0 <= camera_num < len(self.plan.cameras):
            raise IndexError(f"camera_num {camera_num} is out of range")
        other = next((each for each in self.made if each.is_open and each.camera_num == camera_num), None)
        if refusal := self.plan.acquire or (other and "Failed to acquire camera: Device or resource busy"):
            try:
                raise RuntimeError(refusal)
            except RuntimeError as error:
                raise RuntimeError("Camera __init__ sequence did not complete.") from error
        self.is_open = True

    @property
    def camera_ctrl_info(self) -> dict[str, tuple[ControlId, ControlInfo]]:
        return {name: (identity, ControlInfo(*limits)) for name, (identity, limits) in CONTROLS.items()}

    @property
    def camera_controls(self) -> dict[str, tuple[Any, Any, Any]]:
        return {name: limits for name, (_, limits) in CONTROLS.items()}

    def create_video_configuration(self, main: dict[str, Any], **rest: Any) -> dict[str, Any]:
        unknown = set(rest) - {
            "lores", "raw", "transform", "colour_space", "buffer_count", "controls", "display", "encode", "queue",
            "sensor", "use_case",
        }  # fmt: skip
        assert not unknown, f"create_video_configuration() got unexpected keyword arguments {unknown}"
        return {"main": dict(main), **rest}

    def configure(self, config: dict[str, Any]) -> None:
        assert not self.started
        main = config["main"]
        assert main["format"] == "YUV420"
        assert config["colour_space"] == ColorSpace.Sycc()
        for name in config["controls"]:
            assert name in CONTROLS, f"Control {name} is not advertised by libcamera"
        size = main["size"]
        stride = size[0] + self.plan.padding
        self.camera_config = {
            **config,
            "main": {
                "format": self.plan.layout,
                "size": size,
                "stride": stride,
                "framesize": stride * size[1] * 3 // 2,
            },
            "transform": config["transform"] if self.plan.turns else Transform(),
        }
        self.libcamera_config = _LibcameraConfig(self.plan.space)
        spare = 4096  # memory comes in whole pages
        self.free = [np.full(stride * size[1] * 3 // 2 + spare, 0xAA, np.uint8) for _ in range(config["buffer_count"])]

    def camera_configuration(self) -> dict[str, Any]:
        return self.camera_config

    def start(self, config: None = None, show_preview: bool | None = False) -> None:
        assert config is None
        assert show_preview is False, "without its event loop no job is ever done"
        if self.plan.start:
            raise RuntimeError(self.plan.start)
        self.started = True
        self.thread = threading.Thread(target=self._loop, name="picamera2", daemon=True)
        self.thread.start()

    def shoot(self, planes: list[Bytes] | None = None, value: int = 0) -> None:
        """Complete one request: of this I420 picture, or of one value all over. Without a free request, none is."""
        with self.request_lock:
            if not self.free:
                return
            memory = self.free.pop(0)
        config = self.camera_config["main"]
        (width, height), stride = config["size"], config["stride"]
        memory[:] = 0xEE
        y, u, v = planes or [np.full((height >> s, width >> s), value, np.uint8) for s in (0, 1, 1)]
        area = stride * height
        memory[:area].reshape(height, stride)[:, :width] = y
        chroma = memory[area : area + area // 2]
        if config["format"] == "YUV420":
            rows = chroma.reshape(2, height // 2, stride // 2)
            rows[0, :, : width // 2], rows[1, :, : width // 2] = u, v
        else:
            rows = chroma.reshape(height // 2, stride // 2, 2)
            rows[:, : width // 2, 0], rows[:, : width // 2, 1] = u, v
        with self.wake:
            self.shot.append(CompletedRequest(self, memory, next(self.numbers)))
            self.wake.notify_all()

    def capture_request(
        self, wait: bool | None = None, signal_function: Callable[[_Job], None] | None = None, flush: None = None
    ) -> Any:
        assert wait is False
        assert signal_function is None
        assert flush is None
        job = _Job(self._capture_request)
        with self.lock:
            self.jobs.append(job)
        with self.wake:
            self.wake.notify_all()
        return job

    def cancel_all_and_flush(self) -> None:
        if self.hold is not None:
            self.held.wait(20)
        with self.lock:
            for job in self.jobs:
                job.cancel()
            self.jobs = []
        if self.hold is not None:
            self.hold.set()

    def set_controls(self, controls: dict[str, Any]) -> None:
        for name in controls:
            if name not in CONTROLS:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self.controls.update(controls)

    def queue_again(self) -> None:
        """Libcamera takes controls with a request, and complains of a wrong type only then."""
        for name, value in self.controls.items():
            identity, _ = CONTROLS[name]
            values = value if isinstance(value, tuple | list) else [value]
            wanted: Any = {ControlType.Bool: bool, ControlType.Float: (int, float)}.get(identity.type, int)
            if not all(isinstance(each, wanted) for each in values):
                raise RuntimeError("Unable to cast Python instance to C++ type")
        if self.controls:
            self.set.append(self.controls)
        self.controls = {}

    def close(self) -> None:
        if self.thread is not None:
            with self.wake:
                self.stopping = True
                self.wake.notify_all()
            self.thread.join()
            self.thread = None
        if not self.is_open:
            return
        self.started = False
        for request in [*self.shot, *self.completed]:
            request.release()
        self.shot, self.completed = [], []
        self.is_open = False
        self.notifymeread.close()
        os.close(self.notifyme_w)

    def _capture_request(self) -> tuple[bool, Any]:
        if not self.completed:
            return (False, None)
        return (True, self.completed.pop(0))

    def _loop(self) -> None:
        while True:
            with self.wake:
                self.wake.wait_for(lambda: self.shot or self.stopping or (self.jobs and self.completed))
                if self.stopping:
                    return
                new, self.shot = self.shot, []
            with self.lock:
                self.completed += new
                finished = []
                while self.jobs:
                    done, self.jobs[0].result = self.jobs[0].function()
                    if not done:
                        break
                    finished.append(self.jobs.pop(0))
                while len(self.completed) > 1:
                    self.completed.pop(0).release()
            for job in finished:
                if self.hold is not None:
                    self.held.set()
                    self.hold.wait(20)
                job.future.set_result(job.result)


@contextmanager
def installed(plan: Plan) -> Iterator[type[Picamera2]]:
    """Have `import picamera2` and `import libcamera` find the stand-in, for as long as the context lasts."""
    libcamera, library = ModuleType("libcamera"), ModuleType("picamera2")
    libcamera.__dict__.update(ColorSpace=ColorSpace, Transform=Transform, ControlType=ControlType)
    library.__dict__.update(Picamera2=Picamera2, MappedArray=MappedArray)
    before = {name: sys.modules.get(name) for name in ("libcamera", "picamera2")}
    sys.modules.update(libcamera=libcamera, picamera2=library)
    Picamera2.plan, Picamera2.made = plan, []
    try:
        yield Picamera2
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
