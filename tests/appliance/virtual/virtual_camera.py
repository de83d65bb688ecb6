"""What a machine without a camera lacks, put under the real picamera2 and libcamera from outside.

Every Python of the "camera" root imports this at its start (virtual_camera.pth), and nothing happens until it imports
picamera2. libcamera's own virtual camera then does the rest, but for three things that hardware does on a Pi:

- **memory**: there is no /dev/dma_heap; frames lie in memfds, one plane each for Y and for UV, as the pipeline
  "virtual" maps them. It has no raw stream either, so picamera2 is told of the modes that it has.
- **pace**: the pipeline completes a request as soon as it has it, hundreds in a second. A sensor completes one with
  each frame: here a thread hands requests to libcamera at the rate of FrameDurationLimits.
- **one owner**: on a Pi libcamera locks /dev/media*, by lockf, and a second process is refused. Where there is a
  /dev/media0 here, a plain file will do, it is locked in the same way.

And one thing is put right: the pipeline makes its NV12 by libyuv's ARGBToNV12, which is BT.601 in limited range, and
labels it Rec709 where it is large. It is labelled here as what it is.

Files in /run/virtual-camera say what is to happen: while `lost` exists there are no frames; while `absent` exists,
there is no camera; while `stuck` exists, stopping the camera blocks; while `no-memory` exists, memory is sought where a
Pi has it; `layout`, such as "YUV420 1344", has frames laid out in memory as a Pi's ISP does: rows of so many bytes.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

FAULTS = "/run/virtual-camera"
_MEDIA = "/dev/media0"


class _Afterwards(MetaPathFinder):
    """Puts everything in place as soon as picamera2 has been imported."""

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "picamera2":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader)
        return spec


class _Then(Loader):
    def __init__(self, real: Loader) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        _put_in_place()


def _put_in_place() -> None:
    import fcntl
    import mmap
    import os
    import threading
    import time

    import libcamera
    import numpy as np
    import picamera2.picamera2 as library
    from picamera2.allocators import Allocator

    def faulty(name: str) -> bool:
        return os.path.exists(f"{FAULTS}/{name}")  # noqa: PTH110 - in a loop, and pathlib is slow to import

    def layout() -> tuple[str, int] | None:
        if not faulty("layout"):
            return None
        with open(f"{FAULTS}/layout") as file:  # noqa: PTH123 - as above
            name, stride = file.read().split()
        return name, int(stride)

    class Mapped:
        """A frame's memory while picamera2 looks at it."""

        def __init__(self, allocator: "Memory", frame: Any, write: bool) -> None:
            del write
            self._memory = allocator.mapped[frame]
            self._row, self._rows = allocator.sizes[frame]
            self._layout = allocator.layout

        def __enter__(self) -> Any:
            return self._memory if self._layout is None else self._laid_out(*self._layout)

        def _laid_out(self, name: str, stride: int) -> Any:
            given = np.frombuffer(self._memory, np.uint8)[: self._row * self._rows * 3 // 2].reshape(-1, self._row)
            laid = np.full((given.shape[0], stride), 0x60, np.uint8)  # the ends of the rows are no colour of the bars
            if name == "NV12":
                laid[:, : self._row] = given
                return laid.reshape(-1)
            laid[: self._rows, : self._row] = given[: self._rows]
            halves = laid[self._rows :].reshape(2, self._rows // 2, stride // 2)
            for half, plane in enumerate(halves):
                plane[:, : self._row // 2] = given[self._rows :, half::2]
            return laid.reshape(-1)

        def __exit__(self, *_: object) -> None:
            pass

    class Memory(Allocator):  # type: ignore[misc] # picamera2 has no types
        """picamera2's allocator, with memfds in the place of dma-bufs."""

        def __init__(self) -> None:
            super().__init__()
            self.sync = Mapped
            self.mapped: dict[Any, mmap.mmap] = {}
            self.sizes: dict[Any, tuple[int, int]] = {}
            self.layout: tuple[str, int] | None = None
            self._frames: dict[Any, list[Any]] = {}
            self._handles: list[int] = []

        def allocate(self, config: Any, _: object) -> None:
            self.close()
            self.layout = layout()
            for stream in config:
                frames = [self._frame(stream) for _ in range(stream.buffer_count)]
                self._frames[stream.stream] = frames

        def _frame(self, stream: Any) -> Any:
            handle = os.memfd_create("frame", os.MFD_CLOEXEC)
            self._handles.append(handle)
            os.ftruncate(handle, stream.frame_size)
            luma = stream.stride * stream.size.height
            planes = []
            for offset, length in ((0, luma), (luma, stream.frame_size - luma)):
                plane = libcamera.FrameBuffer.Plane()
                plane.fd, plane.offset, plane.length = handle, offset, length
                planes.append(plane)
            frame = libcamera.FrameBuffer(planes)
            self.mapped[frame] = mmap.mmap(handle, stream.frame_size)
            self.sizes[frame] = stream.size.width, stream.size.height
            return frame

        def buffers(self, stream: Any) -> list[Any]:
            return self._frames[stream]

        def close(self) -> None:
            self.mapped, self.sizes, self._frames = {}, {}, {}
            while self._handles:
                os.close(self._handles.pop())

        def __del__(self) -> None:  # picamera2 relies on this; it never calls close
            self.close()

    class Sensor:
        """Hands requests on, one with each frame; a thread from the camera's start to its stop."""

        def __init__(self, camera: Any, period: float) -> None:
            self.period = period
            self._camera = camera
            self._waiting: list[Any] = []
            self._lock = threading.Lock()
            self._stopped = threading.Event()
            self._thread = threading.Thread(target=self._run, name="sensor", daemon=True)
            self._thread.start()

        def take(self, request: Any) -> None:
            with self._lock:
                self._waiting.append(request)

        def stop(self) -> None:
            self._stopped.set()
            self._thread.join()
            self._waiting.clear()

        def _run(self) -> None:
            due = time.monotonic()
            while not self._stopped.wait(max(0, due - time.monotonic())):
                due = max(due + self.period, time.monotonic())
                with self._lock:
                    request = self._waiting.pop(0) if self._waiting and not faulty("lost") else None
                if request is not None:
                    queue(self._camera, request)

    sensors: dict[str, Sensor] = {}
    locks: dict[str, int] = {}
    kind = libcamera.Camera
    queue, start, stop, acquire, release = kind.queue_request, kind.start, kind.stop, kind.acquire, kind.release
    set_control = libcamera.Request.set_control
    limits = libcamera.controls.FrameDurationLimits

    def paced_start(camera: Any, controls: Any = None) -> None:
        given = (controls or {}).get(limits)
        start(camera, controls or {})
        sensors[camera.id] = Sensor(camera, given[0] / 1e6 if given else 1 / 30)

    def paced_stop(camera: Any) -> None:
        while faulty("stuck"):
            time.sleep(0.01)
        if (sensor := sensors.pop(camera.id, None)) is not None:
            sensor.stop()
        stop(camera)

    def paced_control(request: Any, control: Any, value: Any) -> None:
        set_control(request, control, value)
        if control == limits:
            for sensor in sensors.values():
                sensor.period = value[0] / 1e6

    def locked_acquire(camera: Any) -> None:
        if os.path.exists(_MEDIA):  # noqa: PTH110 - as above
            handle = os.open(_MEDIA, os.O_RDWR | os.O_CLOEXEC)
            ours = True
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                ours = False
            if not ours:
                os.close(handle)
                raise RuntimeError("Failed to acquire camera: Device or resource busy")  # libcamera's words
            locks[camera.id] = handle
        acquire(camera)

    def locked_release(camera: Any) -> None:
        release(camera)
        if (handle := locks.pop(camera.id, None)) is not None:
            os.close(handle)

    def raw_modes(camera: Any) -> list[dict[str, Any]]:
        formats = camera.camera.generate_configuration([libcamera.StreamRole.VideoRecording]).at(0).formats
        return [
            {"format": str(layout), "size": (size.width, size.height)}
            for layout in formats.pixel_formats
            for size in formats.sizes(layout)
        ]

    def described(camera: Any, ours: dict[str, Any], given: Any) -> None:
        describe(camera, ours, given)
        if (laid := layout()) is not None:
            ours.update(format=laid[0], stride=laid[1], framesize=laid[1] * ours["size"][1] * 3 // 2)

    def true_colours(stream: Any) -> Any:
        said = labelled.fget(stream)
        return libcamera.ColorSpace.Smpte170m() if said == libcamera.ColorSpace.Rec709() else said

    def present(manager: Any) -> list[Any]:
        # Taken from the list, and not from the pipeline's settings: libcamera 0.7.1's "virtual" never comes back.
        return [] if faulty("absent") else enumerated.fget(manager)

    enumerated = libcamera.CameraManager.cameras
    libcamera.CameraManager.cameras = property(present)
    describe = library.Picamera2._update_stream_config
    library.Picamera2._update_stream_config = described
    labelled = libcamera.StreamConfiguration.color_space
    libcamera.StreamConfiguration.color_space = property(true_colours, labelled.fset)
    kind.queue_request = lambda camera, request: sensors[camera.id].take(request)
    kind.start, kind.stop, kind.acquire, kind.release = paced_start, paced_stop, locked_acquire, locked_release
    libcamera.Request.set_control = paced_control
    dma_heaps = library.DmaAllocator
    library.DmaAllocator = lambda: dma_heaps() if faulty("no-memory") else Memory()
    library.Picamera2._get_raw_modes = raw_modes


sys.meta_path.insert(0, _Afterwards())
