"""What the tests of the camera share: they run inside the "camera" root, as root, one at a time."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest

from pi_stream.sources import open_source
from pi_stream.sources.pi.picamera2 import Picamera2Source

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
            rotation: int = 0,
            stall_timeout: float = 20,
            path: str = "",
        ) -> Picamera2Source:
            source = open_source(
                "picamera2",
                path=path,
                width=width,
                height=height,
                fps=fps,
                rotation=rotation,
                seq=count(),
                stall_timeout=stall_timeout,
            )
            assert isinstance(source, Picamera2Source)
            return stack.enter_context(closing(source))

        yield opener
