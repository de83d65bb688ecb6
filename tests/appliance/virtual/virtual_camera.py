"""What a machine without a camera lacks, put under the real picamera2 and libcamera from outside.

Every Python of the "camera" root imports this at its start (virtual_camera.pth), and nothing happens until it imports
picamera2. libcamera's own virtual camera then does the rest, but for three things that hardware does on a Pi:

- **memory**: there is no /dev/dma_heap; frames lie in memfds, one plane each for Y and for UV, as the pipeline
  "virtual" maps them. It has no raw stream either, so picamera2 is told of the modes that it has.
- **pace**: the pipeline completes a request as soon as it has it, hundreds in a second. A sensor completes one with
  each frame: here a thread hands requests to libcamera at the rate of FrameDurationLimits.
- **one owner**: on a Pi libcamera locks /dev/media*, by lockf, and a second process is refused. Where there is a
  /dev/media0 here, a plain file will do, it is locked in the same way.

Faults are made by files in /run/virtual-camera: while `lost` exists there are no frames; while `stuck` exists, stopping
the camera blocks; while `no-memory` exists, memory is sought where a Pi has it.
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
    import picamera2.picamera2 as library
    from picamera2.allocators import Allocator

    def faulty(name: str) -> bool:
        return os.path.exists(f"{FAULTS}/{name}")  # noqa: PTH110 - in a loop, and pathlib is slow to import

    class Mapped:
        """A frame's memory while picamera2 looks at it."""

        def __init__(self, allocator: "Memory", frame: Any, write: bool) -> None:
            del write
            self._memory = allocator.mapped[frame]

        def __enter__(self) -> mmap.mmap:
            return self._memory

        def __exit__(self, *_: object) -> None:
            pass

    class Memory(Allocator):  # type: ignore[misc] # picamera2 has no types
        """picamera2's allocator, with memfds in the place of dma-bufs."""

        def __init__(self) -> None:
            super().__init__()
            self.sync = Mapped
            self.mapped: dict[Any, mmap.mmap] = {}
            self._frames: dict[Any, list[Any]] = {}
            self._handles: list[int] = []

        def allocate(self, config: Any, _: object) -> None:
            self.close()
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
            return frame

        def buffers(self, stream: Any) -> list[Any]:
            return self._frames[stream]

        def close(self) -> None:
            self.mapped, self._frames = {}, {}
            while self._handles:
                os.close(self._handles.pop())

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
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                raise RuntimeError("Failed to acquire camera: Device or resource busy") from None  # libcamera's words
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

    kind.queue_request = lambda camera, request: sensors[camera.id].take(request)
    kind.start, kind.stop, kind.acquire, kind.release = paced_start, paced_stop, locked_acquire, locked_release
    libcamera.Request.set_control = paced_control
    dma_heaps = library.DmaAllocator
    library.DmaAllocator = lambda: dma_heaps() if faulty("no-memory") else Memory()
    library.Picamera2._get_raw_modes = raw_modes


sys.meta_path.insert(0, _Afterwards())
