"""The Pi camera's source on the real picamera2 and libcamera: opening, changing, closing, and doing so again."""

import gc
import os
import statistics
import threading
import time
from contextlib import closing, suppress
from itertools import count, pairwise
from pathlib import Path

import pytest

from pi_stream.errors import BadMessage, SourceStuck, SourceUnavailable, Unsupported
from pi_stream.sources import open_source
from pi_stream.sources.capture_thread import CaptureThread
from pi_stream.sources.spec import CaptureFormat, SourceSpec
from tests.appliance.inside.conftest import Fault, Opener

Held = tuple[int, int, int]


def held() -> Held:
    """What this process has: open files, threads (libcamera's own, too), and memory in KiB."""
    gc.collect()  # of each camera closed, two epolls wait for this: picamera2's selectors are never closed
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return len(os.listdir("/proc/self/fd")), int(status["Threads"]), int(status["VmRSS"].split()[0])  # noqa: PTH208 - Path's keeps one open


def test_reopened_fifty_times() -> None:
    """Opening, reading and closing leaves nothing behind: no file, no thread, no memory."""

    def once(number: int) -> None:
        width, height = ((1280, 720), (640, 480))[number % 2]
        spec = SourceSpec("picamera2", "", CaptureFormat(width, height, 60), 20)
        with closing(open_source(spec, count())) as source:
            assert source.read().width == width

    for number in range(4):  # what is loaded once stays
        once(number)
    before, started = held(), time.monotonic()
    for number in range(50):
        once(number)
    after = held()
    print(f"files, threads, KiB: {before} before, {after} after; {(time.monotonic() - started) / 50:.2f} s each")
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 10_000


def test_rate_and_size_by_opening_anew(opened: Opener) -> None:
    """A source with other settings, opened after the first was closed, has those settings."""
    for width, height, fps in ((1280, 720, 30), (640, 480, 10), (1280, 720, 60)):
        source = opened(width=width, height=height, fps=fps)
        frames = [source.read() for _ in range(8)]
        source.close()
        periods = [after.captured - before.captured for before, after in pairwise(frames)]
        assert (frames[-1].width, frames[-1].height) == (width, height)
        assert statistics.median(periods) == pytest.approx(1e6 / fps, rel=0.3)


def test_controls_while_it_runs(opened: Opener) -> None:
    """A control reaches libcamera with the next request, and what it would choke on is refused before."""
    source = opened(fps=60)
    source.read()
    source.set_controls({"FrameDurationLimits": [200_000, 200_000]})
    for _ in range(8):  # what was asked for before comes first
        source.read()
    frames = [source.read() for _ in range(4)]
    periods = [after.captured - before.captured for before, after in pairwise(frames)]
    assert statistics.median(periods) == pytest.approx(200_000, rel=0.3)
    with pytest.raises(BadMessage, match="expected a whole number from 16666 to 1000000, got 5"):
        source.set_controls({"FrameDurationLimits": [5, 5]})
    with pytest.raises(Unsupported, match="no such control; the nearest is FrameDurationLimits"):
        source.set_controls({"FrameDurationLimit": [50_000, 50_000]})
    source.read()


def test_no_frames(fault: Fault, opened: Opener) -> None:
    """A camera that stops giving frames is told of in time, and comes back where it only paused."""
    source = opened(stall_timeout=0.5)
    source.read()
    lost = fault("lost")
    for _ in range(2):  # which may be on their way
        with suppress(SourceUnavailable):
            source.read()
    with pytest.raises(SourceUnavailable, match=r"^no frame from the camera for 0\.5 s; is the ribbon cable loose\?$"):
        source.read()
    lost.unlink()
    assert source.read().width == 1280


def test_interrupted_while_it_waits(fault: Fault, opened: Opener) -> None:
    """A read that waits for a camera that gives nothing ends at once when it is told to, and closing is quick."""
    source = opened()
    source.read()
    fault("lost")
    told: list[BaseException] = []

    def read() -> None:
        try:
            while True:
                source.read()
        except SourceUnavailable as error:
            told.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    source.interrupt()
    thread.join(10)
    assert [str(each) for each in told] == ["the source is being closed"]
    started = time.monotonic()
    source.close()
    source.close()
    assert time.monotonic() - started < 5


async def test_a_camera_that_cannot_be_stopped(fault: Fault, opened: Opener) -> None:
    """Where stopping blocks in the library, it is said within the time that was set: nobody waits for ever."""
    stuck = fault("stuck")
    capture = CaptureThread(lambda: opened(), closing=0.5)
    with pytest.raises(SourceStuck, match=r"did not close within 0\.5 s"):
        async with capture:
            await capture.frame()
    stuck.unlink()
    capture._thread.join(20)
    assert not capture._thread.is_alive()
