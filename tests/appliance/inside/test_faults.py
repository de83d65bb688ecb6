"""The Pi camera's source on the real picamera2 and libcamera: each fault, its reason and what mends it."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pi_stream.errors import SourceUnavailable
from tests.appliance.inside.conftest import Fault, Opener

_MEDIA = Path("/dev/media0")
_HOLD = """
import ctypes, sys
from picamera2 import Picamera2
ctypes.CDLL(None).prctl(15, b"timelapse", 0, 0, 0)  # PR_SET_NAME: what `ps` calls it
camera = Picamera2()
camera.start()
print("has it", flush=True)
sys.stdin.read()
camera.close()
"""


@pytest.fixture
def media() -> Iterator[Path]:
    """A file in the place of the device that libcamera locks."""
    _MEDIA.touch(0o600)
    yield _MEDIA
    _MEDIA.unlink()


@pytest.mark.usefixtures("media")
def test_busy(opened: Opener) -> None:
    """While another process has the camera its name is told; fifty tries leave nothing open; then it is ours."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        try:
            assert other.stdout.readline() == "has it\n"
            open_before = 0
            for number in range(51):
                with pytest.raises(SourceUnavailable) as caught:
                    opened()
                gc.collect()
                now_open = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - Path's keeps one open
                open_before = open_before or now_open
                assert now_open == open_before, f"after {number} tries"
            assert str(caught.value) == (
                f"the camera is busy: timelapse (process {other.pid}) uses it; "
                "end that, and the picture comes by itself"
            )
        finally:
            other.stdin.close()
            other.wait(20)
    assert opened().read().width == 1280


def test_busy_with_somebody_unseen(opened: Opener) -> None:
    """A camera that is busy, with nobody to be seen, is told of with the command that shows who."""
    first = opened()
    with pytest.raises(SourceUnavailable, match=r"^the camera is busy; another program uses it \(`sudo lslocks"):
        opened()
    assert first.read().width == 1280


def test_no_camera(fault: Fault, opened: Opener) -> None:
    """Without a camera there is a reason, and one that appears later is found."""
    absent = fault("absent")
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match=r"^no camera found; check both ends of the ribbon cable"):
            opened()
    absent.unlink()
    assert opened().read().width == 1280


def test_another_camera(opened: Opener) -> None:
    """A name that no camera has is answered with those that there are."""
    with pytest.raises(
        SourceUnavailable, match=r'^no camera is called "imx708"; there are 0 \(Virtual Video Device\)$'
    ):
        opened(path="imx708")
    assert opened(path="video device").info().name == "Virtual Video Device"


def test_not_permitted(media: Path) -> None:
    """To a user who may not open the camera's devices libcamera shows none; the reason says why, and what mends it."""
    settings = Path("/usr/share/libcamera/pipeline/virtual/virtual.yaml")
    settings.chmod(0o600)
    try:
        done = subprocess.run(
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", sys.executable, "-c", _FIND],  # noqa: S607 - PATH's
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        settings.chmod(0o644)
    assert done.stdout == (
        f"no camera found, but {media} may not be opened; add this user to the group: sudo usermod -aG video $USER\n"
    ), done.stderr


_FIND = """
from pi_stream.errors import SourceUnavailable
from pi_stream.sources.pi.libcamera import find_camera
try:
    find_camera("")
except SourceUnavailable as error:
    print(error)
"""


# picamera2's allocator, when it could not be made, complains once more when it is thrown away.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("heap", ["missing", "forbidden"])
def test_no_camera_memory(fault: Fault, opened: Opener, heap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the memory that cameras share, by picamera2's own way to it, there is a reason; then all is as before."""
    if heap == "forbidden":
        real = os.open

        def refusing(path: str, *rest: int, **more: int) -> int:
            if path.startswith("/dev/dma_heap"):
                raise PermissionError(13, "Permission denied", path)
            return real(path, *rest, **more)

        monkeypatch.setattr(os, "open", refusing)  # root may open everything
    fault_file = fault("no-memory")
    expected = {
        "missing": r"^the camera's memory is not available \(Could not open any dmaHeap device\); on a Pi, /dev/",
        "forbidden": r"^the camera may not be opened \(.*/dev/dma_heap/.*\); add this user to the group: sudo usermod",
    }
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match=expected[heap]):
            opened()
    fault_file.unlink()
    gc.collect()
    assert opened().read().width == 1280
