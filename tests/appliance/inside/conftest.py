"""What the tests of the camera share: they run inside the "camera" root, as root, one at a time."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Literal

import pytest

from pi_stream.sources import open_source
from pi_stream.sources.pi.picamera2 import Picamera2Source
from pi_stream.sources.spec import CaptureFormat, SourceSpec

_FAULTS = Path("/run/virtual-camera")

Fault = Callable[..., Path]
Opener = Callable[..., Picamera2Source]


@pytest.fixture
def fault() -> Iterator[Fault]:
    """Makes one of the faults that `virtual_camera` knows. `path.unlink()` ends it, or else the end of the test."""
    _FAULTS.mkdir(exist_ok=True)

    def make(name: str, content: str = "") -> Path:
        path = _FAULTS / name
        path.write_text(content)
        return path

    yield make
    for path in _FAULTS.iterdir():
        path.unlink()


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens the camera; it is closed afterwards."""
    with ExitStack() as stack:

        def opener(
            *,
            width: int = 1280,
            height: int = 720,
            fps: float = 30,
            rotation: Literal[0, 180] = 0,
            stall_timeout: float = 20,
            path: str = "",
        ) -> Picamera2Source:
            wanted = CaptureFormat(width, height, fps, rotation)
            source = open_source(SourceSpec("picamera2", path, wanted, stall_timeout), count())
            assert isinstance(source, Picamera2Source)
            return stack.enter_context(closing(source))

        yield opener
