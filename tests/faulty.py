"""pi-stream on the stand-in of picamera2, whose camera and libraries misbehave as told while it runs.

    python -m tests.faulty serve ...

A fault is there while the folder $FAULTS has a file of its name; `Faults` puts and takes them. One that is none,
"plugged", is a node that cameras are made of.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib

from pi_stream import cli
from pi_stream.app import maintenance
from pi_stream.encoders import jpeg
from tests.stand_in_picamera2 import CompletedRequest, Picamera2, Plan, installed

_PERIOD = 1 / 30  # seconds from frame to frame


class Faults:
    """The faults of a process with `environment`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.environment = {"FAULTS": str(folder)}

    def put(self, *names: str) -> None:
        """Have these go wrong from now on."""
        for name in names:
            (self._folder / name).touch()

    def mend(self, *names: str) -> None:
        """Have these go well again."""
        for name in names:
            (self._folder / name).unlink()


def there(name: str) -> bool:
    """Whether this goes wrong now."""
    return (Path(os.environ["FAULTS"]) / name).exists()


class _BuggyRequest(CompletedRequest):
    def get_metadata(self) -> dict[str, Any]:
        raise ZeroDivisionError("a bug")


class FaultyCamera(Picamera2):
    """The camera."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        if there("opening"):
            print("libcamera hangs while it opens", flush=True)  # noqa: T201 - a test waits for it
            threading.Event().wait()
        super().__init__(*arguments, **named)
        del self.made[:-1]  # those are closed, and their memory is large

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        if there("silent"):
            print("libcamera hangs while it looks", flush=True)  # noqa: T201 - a test waits for it
            threading.Event().wait()
        return [] if there("absent") else Picamera2.global_camera_info()

    def configure(self, config: dict[str, Any]) -> None:
        super().configure(config)
        if there("stride"):
            self.camera_config["main"]["stride"] = 64

    def set_controls(self, controls: dict[str, Any]) -> None:
        super().set_controls(controls)
        print(f"libcamera is given {controls}", flush=True)  # noqa: T201 - a test waits for it

    def capture_request(self, *arguments: Any, **named: Any) -> Any:
        job = super().capture_request(*arguments, **named)
        if there("raises"):
            with self.lock:
                if job not in self.jobs:
                    return job  # a picture was quicker
                self.jobs.remove(job)
            job.future.set_exception(RuntimeError("Camera frontend has timed out!"))
        return job

    def shoot(self, *arguments: Any, **named: Any) -> None:
        if there("hangs") or there("absent"):
            return
        if there("bug"):
            self._complete(_BuggyRequest(self, np.zeros(1 << 20, np.uint8), 0))
        elif there("short") or there("dtype"):
            garbage: Any = np.zeros(100, np.uint8) if there("short") else np.zeros(1 << 20, np.float32)
            self._complete(CompletedRequest(self, garbage, 0))
        else:
            super().shoot(*arguments, **named)

    def _complete(self, request: CompletedRequest) -> None:
        with self.wake:
            self.shot.append(request)
            self.wake.notify_all()

    def close(self) -> None:
        if there("stuck"):
            threading.Event().wait()
        super().close()


def _shoot() -> None:
    while True:
        time.sleep(1 if there("slow") else _PERIOD)
        for camera in FaultyCamera.made[-1:]:
            if getattr(camera, "started", False):  # it is listed before it is ready
                camera.shoot(value=100)


def _failing(name: str, function: Callable[..., Any], error: Exception) -> Callable[..., Any]:
    """A library's function that has faults: `name`-fails, `name`-fails-once, `name`-slow, `name`-bug."""

    def faulty(*arguments: Any, **named: Any) -> Any:
        if there(f"{name}-fails"):
            raise type(error)(*error.args)  # one that is raised again would hold on to all that it passed before
        if there(f"{name}-fails-once"):
            (Path(os.environ["FAULTS"]) / f"{name}-fails-once").unlink()
            raise type(error)(*error.args)
        if there(f"{name}-bug"):
            raise ZeroDivisionError("a bug")
        if there(f"{name}-slow"):
            time.sleep(1)
        return function(*arguments, **named)

    return faulty


def main() -> int:
    """`pi-stream`, with faults."""
    for module, name, fault, error in (
        (jpeg, "encode_jpeg_yuv_planes", "jpeg", ValueError("the library is out of order")),
        (isal_zlib, "compressobj", "png", MemoryError()),
    ):
        setattr(module, name, _failing(fault, getattr(module, name), error))
    vars(maintenance)["camera_nodes"] = lambda: ["/dev/media0"] if there("plugged") else []
    with installed(Plan()):
        sys.modules["picamera2"].__dict__["Picamera2"] = FaultyCamera
        threading.Thread(target=_shoot, daemon=True).start()
        return cli.main()


if __name__ == "__main__":
    sys.exit(main())
