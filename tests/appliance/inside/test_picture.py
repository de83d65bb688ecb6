"""The Pi camera's source on the real picamera2 and libcamera: what its frames hold, and when they were captured."""

import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.sources.pi.picamera2 import _monotonic_us
from tests.appliance.bars import YCBCR, what_is_wrong
from tests.appliance.inside.conftest import Fault, Opener

_FROM_LIMITED = 2  # what rounding costs on the way from RGB to limited range and on to full range


def ycbcr(frame: Frame) -> NDArray[np.uint8]:
    """Its planes as one picture, (height, width, 3)."""
    chroma = (np.repeat(np.repeat(plane, 2, axis=0), 2, axis=1) for plane in (frame.u, frame.v))
    return np.stack([frame.y, *chroma], axis=-1)


@pytest.mark.parametrize(
    ("layout", "given", "stride"),
    [
        (None, "NV12", 1280),
        ("NV12 1344", "NV12", 1344),
        ("YUV420 1344", "YUV420", 1344),
        ("YUV420 1280", "YUV420", 1280),
    ],
)
def test_layouts(fault: Fault, opened: Opener, layout: str | None, given: str, stride: int) -> None:
    """NV12, which this camera gives whatever it is asked for, and YUV420 become one I420, whatever ends rows have."""
    if layout:
        fault("layout", layout)
    source = opened()
    main = source._camera.camera_configuration()["main"]
    assert (main["format"], main["stride"]) == (given, stride)
    assert what_is_wrong(ycbcr(source.read()), YCBCR, _FROM_LIMITED) == ""


def test_colours_are_said(opened: Opener) -> None:
    """The description says what libcamera gave, and that it is converted."""
    assert opened().info().colour == "Rec601 Limited 1280x720, converted"


@pytest.mark.parametrize(("width", "height"), [(640, 480), (1280, 720), (1000, 600)])
def test_sizes(opened: Opener, width: int, height: int) -> None:
    """Frames have the size that was asked for, also where the camera has another, next to it."""
    source = opened(width=width, height=height)
    frame = source.read()
    assert (frame.width, frame.height) == (width, height)
    assert (source.info().width, source.info().height) == (width, height)
    given = source._camera.camera_configuration()["main"]["size"]
    assert given == ((width, height) if width != 1000 else (1280, 720))


def test_ages(opened: Opener) -> None:
    """Frames were captured before they are read, not long ago, one after the other, at the camera's rate."""
    source = opened(fps=30)
    frames, ages = [], []
    for _ in range(90):
        frames.append(source.read())
        ages.append(clock.now() - frames[-1].captured)
    print(f"age: median {statistics.median(ages) / 1e3:.1f} ms, at most {max(ages) / 1e3:.1f} ms")
    request = source._camera.capture_request()
    sensor = request.get_metadata()["SensorTimestamp"]
    request.release()
    assert abs((_monotonic_us(sensor) or 0) - sensor // 1000) < 1000, "it is the sensor's time, not that of reading"
    assert min(ages) >= 0
    assert statistics.median(ages) < 500_000
    assert [frame.seq for frame in frames] == list(range(90))
    periods = [after.captured - before.captured for before, after in pairwise(frames)]
    assert min(periods) > 0
    assert statistics.median(periods) == pytest.approx(33_333, rel=0.2)


def test_ages_where_the_machine_has_slept() -> None:
    """A day of sleep sets the clock that counts it a day apart from the one that does not; ages stay what they are."""
    if not Path("/proc/self/ns/time").exists():
        pytest.skip("this kernel has no name spaces of time")
    asked = ["-p", "no:cacheprovider", "-W", "ignore:setDaemon:DeprecationWarning"]
    asked += [f"--confcutdir={Path(__file__).parent}", f"{__file__}::test_ages"]
    script = (
        "import time; apart = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic(); assert apart > 86000, apart;"
        f" import pytest, sys; sys.exit(pytest.main({asked!r}))"
    )
    done = subprocess.run(
        ["unshare", "--time", "--boottime", "86400", "--fork", sys.executable, "-c", script],  # noqa: S607 - PATH's
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
