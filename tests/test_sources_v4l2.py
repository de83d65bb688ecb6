"""USB cameras: which node is one, and what it gives, against a webcam of our own that is preloaded into a process."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pi_stream.errors import SourceUnavailable
from pi_stream.sources.spec import CaptureFormat
from pi_stream.sources.webcam.devices import capture_devices, query
from pi_stream.sources.webcam.timestamps import timestamp_of
from pi_stream.sources.webcam.v4l2 import V4l2Source
from tests.preloaded import compiled

# Run in a process of its own, with the stand-in preloaded: what is seen is printed as JSON.
SCRIPT = """
import itertools, json, sys, time
from pi_stream.lib import clock
from pi_stream.errors import SourceUnavailable
import msgspec
from pi_stream.sources import CaptureFormat, SourceSpec, open_source
frames, reason, facts = [], "", {}
try:
    wanted = CaptureFormat(320, 240, float(sys.argv[1]), int(sys.argv[2]))
    source = open_source(SourceSpec("v4l2", "/dev/video77", wanted, 0.5), itertools.count())
    for number in range(20):
        if number == 10:
            time.sleep(0.5)  # a reader that lags
        if number in range(3, 3 + int(sys.argv[3])):
            frames.append([None, 0, 0, source.skip(), clock.now()])
            continue
        frame = source.read()
        frames.append([frame.seq, int(frame.y.min()), int(frame.y.max()), frame.captured, clock.now()])
    facts = msgspec.to_builtins(source.info())
    source.interrupt()
    source.read()
except SourceUnavailable as error:
    reason = str(error)
print(json.dumps({"frames": frames, "reason": reason, "facts": facts}))
"""

# The same, of a webcam that comes back under another number; the folder stands for /dev.
RENUMBERED = """
import itertools, json, os, sys
from pathlib import Path
from pi_stream.errors import SourceUnavailable
from pi_stream.config.settings import CameraSettings
from pi_stream.sources import choose_source, open_source
from pi_stream.sources.webcam.devices import capture_devices
from tests.stand_in_picamera2 import Plan, installed
folder = Path(sys.argv[1])
capture_devices.__defaults__ = (str(folder),)
nodes = [folder / "video77", folder / "video78"]

def plug(old, new):
    old.rename(new)
    os.environ["STAND_IN_DEVICE"] = str(new)

def opened():
    try:
        source = open_source(spec, itertools.count())
    except SourceUnavailable as error:
        return str(error)
    source.read()
    source.close()
    return Path(source.info().device).name

nodes[0].touch()
plug(nodes[0], nodes[0])
with installed(Plan(cameras=[])):
    spec = choose_source(CameraSettings(width=320, height=240, fps=50))
seen = [opened()]
plug(nodes[0], folder / "unplugged")
seen.append(opened())
plug(folder / "unplugged", nodes[1])
print(json.dumps([*seen, opened()]))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in, compiled."""
    return compiled("stand_in_v4l2", tmp_path_factory.mktemp("v4l2"))


def run(
    library: Path, fault: str = "", fps: int = 50, rotation: int = 0, skip: int = 0, **settings: str
) -> dict[str, Any]:
    result: dict[str, Any] = printed(library, SCRIPT, str(fps), str(rotation), str(skip), fault=fault, **settings)
    return result


def printed(library: Path, script: str, *arguments: str, fault: str = "", **settings: str) -> Any:
    environment = {**os.environ, **settings, "LD_PRELOAD": str(library), "STAND_IN_FAULT": fault}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_frames(library: Path) -> None:
    """Frames come numbered, converted to full range, with the kernel's times; a lag leaves no backlog behind."""
    seen = run(library)
    frames = seen["frames"]
    assert [frame[0] for frame in frames] == list(range(20))
    assert all(low == high for _, low, high, _, _ in frames)
    times = [captured for _, _, _, captured, _ in frames]
    assert all((b - a) % 20_000 == 0 for a, b in itertools.pairwise(times))
    # Each is grey as its number says, which its time says too; a machine that is busy may miss the first ones.
    lumas = [20 + number % 200 for number in range(2000)]
    full = [round((luma - 16) * 255 / 219) for luma in lumas]
    first = full.index(frames[0][1])
    assert [frame[1] for frame in frames] == [full[first + (when - times[0]) // 20_000] for when in times]
    # Of the four frames that the camera kept during the lag, one was read, and then the camera went on.
    assert times[10] - times[9] <= 5 * 20_000
    assert times[11] - times[10] >= 18 * 20_000
    assert all(captured <= now for _, _, _, captured, now in frames)
    assert seen["reason"] == "the source is being closed"
    assert seen["facts"] == {
        "kind": "v4l2",
        "name": "A webcam for tests",
        "device": "/dev/video77",
        "driver": "stand-in",
        "codec": "rawvideo",
        "width": 320,
        "height": 240,
        "fps": 50.0,
        "rotation": 0,
        "colour": "BT.601 limited range, converted",
        "timestamp": "frame-end",
    }


def test_a_driver_that_stamps_the_start_of_exposure_is_believed(library: Path) -> None:
    """The kernel says it with every buffer."""
    assert run(library, STAND_IN_TIMESTAMP="soe")["facts"]["timestamp"] == "exposure-start"


def test_a_device_that_cannot_be_asked_is_taken_to_stamp_the_end(tmp_path: Path) -> None:
    """Most drivers do."""
    (tmp_path / "video0").touch()
    assert timestamp_of(str(tmp_path / "video0")) == timestamp_of(str(tmp_path / "nothing")) == "frame-end"


def test_fps_is_an_upper_bound(library: Path) -> None:
    """Of a camera that only has a higher rate, frames are left out; a reader that lags does not make up for it."""
    times = [frame[3] for frame in run(library, fps=20)["frames"]]
    assert times[-1] - times[0] >= (len(times) - 1 - 0.5) * 50_000


def test_skipped_frames_have_their_times_and_numbers(library: Path) -> None:
    """They are not decoded, and what is read next is the camera's next frame."""
    frames = run(library, skip=4)["frames"]
    assert [frame[0] for frame in frames] == [0, 1, 2, *[None] * 4, *range(7, 20)]
    times = [captured for _, _, _, captured, _ in frames]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert all((b - a) % 20_000 == 0 for a, b in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("denied", "/dev/video77 may not be opened; add this user to the group: sudo usermod -aG video $USER"),
        ("busy", "/dev/video77 is busy; another program uses it (`fuser /dev/video77` shows which)"),
        ("unplug", "/dev/video77 went away; is the camera's plug loose, or its power low?"),
        ("stall", "no frame from /dev/video77 for 0.5 s"),
        ("mjpeg", "no frame from /dev/video77 for 0.5 s"),
        *[
            (fault, "/dev/video77 (A webcam for tests) is no camera; `v4l2-ctl --list-devices` shows which ones are")
            for fault in ("codec", "metadata")
        ],
    ],
)
def test_faults_say_what_to_do(library: Path, fault: str, sentence: str) -> None:
    """What goes wrong with a camera ends in a sentence that says what mends it, and never in a hang."""
    assert run(library, fault)["reason"] == sentence


def test_no_such_device(tmp_path: Path) -> None:
    """A device that is not there, or is none, is told."""
    with pytest.raises(SourceUnavailable, match=r"^there is no .*video0; is the camera plugged in\?$"):
        query(str(tmp_path / "video0"))
    plain = tmp_path / "video1"
    plain.write_bytes(b"")
    with pytest.raises(SourceUnavailable, match="is no video device"):
        query(str(plain))
    assert capture_devices(str(tmp_path)) == []
    assert capture_devices(str(tmp_path / "nowhere")) == []


def test_the_receiver_of_a_pi_s_own_camera_is_no_webcam(library: Path, tmp_path: Path) -> None:
    """It gives no pictures without libcamera; a person who names it by its path gets it all the same."""
    node = tmp_path / "video77"
    node.touch()
    script = """
import json, sys
from pi_stream.sources.webcam.devices import capture_devices, query
print(json.dumps([len(capture_devices(sys.argv[1])), query(sys.argv[1] + "/video77").driver]))
"""
    for fault, seen in (("", [1, "stand-in"]), ("receiver", [0, "unicam"])):
        assert printed(library, script, str(tmp_path), fault=fault, STAND_IN_DEVICE=str(node)) == seen


def test_nothing_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for any camera where there is none, the source says so."""
    monkeypatch.setattr("pi_stream.sources.webcam.v4l2.capture_devices", list)
    with pytest.raises(SourceUnavailable, match=r"^no /dev/video\* capture device; is a webcam plugged in\?$"):
        V4l2Source("", CaptureFormat(64, 48, 30), iter(()), stall_timeout=1)


def test_one_that_comes_back_under_another_number(library: Path, tmp_path: Path) -> None:
    """What "auto" has chosen opens it all the same; meanwhile it is said that there is none."""
    gone = "no /dev/video* capture device; is a webcam plugged in?"
    assert printed(library, RENUMBERED, str(tmp_path)) == ["video77", gone, "video78"]
