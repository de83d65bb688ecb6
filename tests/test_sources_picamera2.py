"""The Pi's camera, against a stand-in that honours picamera2's interface: what the real one does not do when asked to.

The real one, with libcamera's virtual camera, is in tests/appliance/inside.
"""

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from pi_stream.errors import BadMessage, SourceUnavailable, Unsupported
from pi_stream.lib import clock
from pi_stream.sources import CaptureFormat, SourceSpec, open_source
from pi_stream.sources.pi.controls import Control, checked
from pi_stream.sources.pi.libcamera import list_cameras
from pi_stream.sources.pi.picamera2 import Picamera2Source
from tests.stand_in_picamera2 import ColorSpace, Picamera2, Plan, installed

Bytes = NDArray[np.uint8]


@pytest.fixture
def plan() -> Iterator[Plan]:
    plan = Plan()
    with installed(plan):
        yield plan


def source(stall_timeout: float = 20, rotation: Literal[0, 180] = 0, path: str = "") -> Picamera2Source:
    spec = SourceSpec("picamera2", path, CaptureFormat(64, 48, 25, rotation), stall_timeout)
    opened = open_source(spec, itertools.count(0xFFFFFFFE))
    assert isinstance(opened, Picamera2Source)
    return opened


def camera() -> Picamera2:
    return Picamera2.made[-1]


def noise(seed: int, width: int = 64, height: int = 48) -> list[Bytes]:
    random = np.random.default_rng(seed)
    return [random.integers(60, 190, (height >> s, width >> s), np.uint8) for s in (0, 1, 1)]


def all_home(camera: Picamera2) -> bool:
    """Whether every request but the one that picamera2 keeps ready is back with the camera."""
    return len(camera.free) + len(camera.completed) + len(camera.shot) == 4


@pytest.mark.parametrize("layout", ["YUV420", "NV12"])
@pytest.mark.parametrize("padding", [0, 64])
def test_planes_are_copied(plan: Plan, layout: str, padding: int) -> None:
    """Frames hold the camera's planes without the ends of its rows, in memory that the camera does not write again."""
    plan.layout, plan.padding = layout, padding
    with closing(source()) as opened:
        frames = []
        for seed in range(10):
            camera().shoot(noise(seed))
            frames.append(opened.read())
        assert all_home(camera())
    for seed, frame in enumerate(frames):
        for plane, expected in zip((frame.y, frame.u, frame.v), noise(seed), strict=True):
            assert np.array_equal(plane, expected)
    assert [frame.seq for frame in frames[:4]] == [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]


@pytest.mark.usefixtures("plan")
def test_what_is_skipped_goes_back_to_the_camera_unread() -> None:
    """It takes a number and has its time; its memory is not looked at."""
    with closing(source()) as opened:
        camera().shoot(noise(0))
        opened.read()
        for _ in range(6):
            before = clock.now()
            camera().shoot(noise(1))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(opened._mapped, "copied", None)
                assert before <= opened.skip() <= clock.now()
        camera().shoot(noise(2))
        frame = opened.read()
        assert all_home(camera())
    assert frame.seq == 5
    assert np.array_equal(frame.y, noise(2)[0])


def test_what_is_asked_for(plan: Plan) -> None:
    """The camera is asked for full range BT.601 in YUV420, four requests, no raw stream, and the rate."""
    with closing(source(rotation=180)):
        config = camera().camera_config
    assert plan.space == ColorSpace.Sycc() == config["colour_space"]
    assert config["buffer_count"] == 4
    assert config["raw"] is None
    assert config["queue"] is True
    assert config["controls"] == {"FrameDurationLimits": (40_000, 40_000)}
    assert (config["transform"].hflip, config["transform"].vflip) == (1, 1)


@pytest.mark.usefixtures("plan")
def test_newest_request_first() -> None:
    """Who comes late gets the newest frame that the camera has kept, and none is lost to the camera."""
    with closing(source()) as opened:
        for value in range(1, 5):
            camera().shoot(value=value)
            until_idle(camera())
        assert opened.read().y[0, 0] == 4
        assert all_home(camera())


def until_idle(camera: Picamera2) -> None:
    deadline = time.monotonic() + 20
    while camera.shot or len(camera.completed) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("space", [ColorSpace.Rec709(), None], ids=["Rec709", "untagged"])
def test_other_colours_are_converted(plan: Plan, space: ColorSpace | None) -> None:
    """A pipeline that gives other colours than were asked for is found out, and its frames are converted."""
    plan.space = space
    with closing(source()) as opened:
        camera().shoot([np.full((48, 64), 235, np.uint8), *[np.full((24, 32), 128, np.uint8)] * 2])
        frame = opened.read()
        assert "converted" in str(opened.info().colour)
    assert set(np.unique(frame.y)) == {255}
    assert set(np.unique(frame.u)) == {128}


def test_turned_here_if_not_there(plan: Plan) -> None:
    """A camera that cannot turn its picture has it turned here."""
    plan.turns = False
    with closing(source(rotation=180)) as opened:
        camera().shoot(noise(1))
        frame = opened.read()
    for plane, expected in zip((frame.y, frame.u, frame.v), noise(1), strict=True):
        assert np.array_equal(plane[::-1, ::-1], expected)


def test_timestamps(plan: Plan) -> None:
    """`captured` is the sensor's timestamp, of either clock that libcamera may mean; a senseless one is now."""
    hour = 3600 * 10**9
    given = [time.monotonic_ns() - 5_000_000, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 5_000_000, hour**2]
    stamps = iter(given)
    plan.first_timestamp = lambda: next(stamps)
    with closing(source()) as opened:
        before = clock.now()
        captured, meant = list[int](), list[str | None]()
        for _ in range(3):
            camera().shoot()
            captured.append(opened.read().captured)
            meant.append(opened.info().timestamp)
    assert meant == ["exposure-start", "exposure-start", "read"]
    assert captured[0] == given[0] // 1000
    assert abs(captured[1] - before) < 5_000_000
    assert before <= captured[2] <= clock.now()
    plan.first_timestamp = None
    with closing(source()) as opened:
        before = clock.now()
        camera().shoot()
        assert before <= opened.read().captured <= clock.now()


@pytest.mark.usefixtures("plan")
def test_a_stall_is_told_and_costs_nothing() -> None:
    """Without frames the read ends with a reason, and its job is not left behind to swallow the next request."""
    with closing(source(stall_timeout=0.1)) as opened:
        with pytest.raises(SourceUnavailable, match=r"^no frame from the camera for 0\.1 s; is the ribbon"):
            opened.read()
        assert camera().jobs == []
        camera().shoot(value=9)
        assert opened.read().y[0, 0] == 9
        assert all_home(camera())


@pytest.mark.usefixtures("plan")
def test_a_frame_at_the_last_moment_is_kept() -> None:
    """A request that completes just as the read gives up is neither lost to the camera nor to the viewer."""
    with closing(source(stall_timeout=0.2)) as opened:
        camera().hold = threading.Event()
        camera().shoot(value=7)
        assert opened.read().y[0, 0] == 7
        assert all_home(camera())


def test_released_also_after_an_error(plan: Plan) -> None:
    """A request whose picture cannot be read goes back to the camera all the same."""
    plan.metadata = False
    with closing(source()) as opened:
        for _ in range(6):
            camera().shoot()
            with pytest.raises(SourceUnavailable, match=r"^the camera failed while it gave pictures: no metadata$"):
                opened.read()
        assert all_home(camera())


@pytest.mark.parametrize(
    ("complaint", "advice"),
    [
        ("Failed to acquire camera: Device or resource busy", "another program uses it"),
        ("Failed to open /dev/media0: Permission denied", "usermod -aG video"),
        ("[Errno 12] Cannot allocate memory", "choose a smaller camera.width"),
        ("Sensor init failed", "^the camera does not start: Sensor init failed$"),
    ],
)
@pytest.mark.parametrize("when", ["acquire", "start"])
def test_failures_say_what_to_do(
    plan: Plan, when: str, complaint: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that does not open or start says what mends it, and trying again and again uses nothing up."""
    monkeypatch.setattr("pi_stream.sources.pi.libcamera.holders", lambda _: "")  # whatever this machine's cameras do
    setattr(plan, when, complaint)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match=advice):
            source()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not any(each.is_open for each in Picamera2.made)


def test_which_camera(plan: Plan) -> None:
    """The first camera, or the one of a number or of a part of a name; USB cameras are left to V4L2."""
    plan.cameras = [
        {"Model": "imx708", "Id": "/base/soc/i2c@1/imx708@1a", "Num": 0},
        {"Model": "ov5647", "Id": "/base/soc/i2c@0/ov5647@36", "Num": 1},
        {"Model": "Webcam", "Id": "/base/scb/pcie@7d500000/usb@0,0-1.3:1.0-046d:0825", "Num": 2},
    ]
    for path, number, name in (("", 0, "imx708"), ("1", 1, "ov5647"), ("OV56", 1, "ov5647")):
        with closing(source(path=path)) as opened:
            assert camera().camera_num == number
            assert opened.info().name == name
    with pytest.raises(SourceUnavailable, match=r'no camera is called "front"; there are 0 \(imx708\), 1 \(ov5647\)'):
        source(path="front")
    plan.cameras = plan.cameras[2:]
    with pytest.raises(SourceUnavailable, match="ribbon cable"):
        source()


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("picamera2", r"^not installed \(apt install python3-picamera2\)$"),
        ("pykms", "for pykms is missing"),
        ("", "^cannot be imported: ValueError: numpy.dtype size changed$"),
    ],
)
def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch, missing: str, sentence: str) -> None:
    """Without picamera2, or with one that is broken, there is a sentence and no traceback."""

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "picamera2":
                if missing:
                    raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
                raise ValueError("numpy.dtype size changed")

    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with pytest.raises(SourceUnavailable, match=sentence):
        source()


@pytest.mark.usefixtures("plan")
def test_controls() -> None:
    """Controls reach the camera by libcamera's names, lists as tuples."""
    with closing(source()) as opened:
        opened.set_controls(
            {"Brightness": 0.5, "ExposureTime": 0, "ColourGains": [1.5, 2], "ScalerCrop": [0, 0, 640, 480]}
        )
        camera().shoot()
        opened.read()
        assert camera().set == [
            {"Brightness": 0.5, "ExposureTime": 0, "ColourGains": (1.5, 2), "ScalerCrop": (0, 0, 640, 480)}
        ]
        assert "ExposureTime" in (opened.info().controls or ())


@pytest.mark.parametrize(
    ("controls", "error", "sentence"),
    [
        (
            {"Brightnes": 1},
            Unsupported,
            r"controls\.Brightnes: this camera has no such control; the nearest is Brightness",
        ),
        ({"Brightness": "bright"}, BadMessage, r'controls\.Brightness: expected a number from -1 to 1, got "bright"'),
        ({"Brightness": 1.5}, BadMessage, "expected a number from -1 to 1, got 1.5"),
        ({"Brightness": float("nan")}, BadMessage, "got nan"),
        ({"Brightness": True}, BadMessage, "got true"),
        ({"ExposureTime": 1000.5}, BadMessage, "expected a whole number from 0 to 66666, got 1000.5"),
        ({"ExposureTime": True}, BadMessage, "got true"),
        ({"AeEnable": 1}, BadMessage, "expected true or false, got 1"),
        ({"ColourGains": 1.5}, BadMessage, "expected a list of 2 values, got 1.5"),
        ({"ColourGains": [1.5]}, BadMessage, "expected a list of 2 values"),
        ({"ScalerCrop": [0, 0, "a", 1]}, BadMessage, "expected a whole number"),
        ({}, BadMessage, "at least one control"),
    ],
)
@pytest.mark.usefixtures("plan")
def test_wrong_controls_never_reach_the_camera(
    controls: dict[str, object], error: type[Exception], sentence: str
) -> None:
    """What libcamera would choke on later is refused at once, with what was wrong, and the camera goes on."""
    with closing(source()) as opened:
        with pytest.raises(error, match=sentence):
            opened.set_controls(controls)
        camera().shoot(value=3)
        assert opened.read().y[0, 0] == 3
        assert camera().set == []


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "sentence"),
    [
        ("Size", [640, 480], [640], "controls.New: expected a list of 2 values, got [640]"),
        ("String", "cinema", 3, "controls.New: expected a text, got 3"),
        ("Bool", True, "yes", 'controls.New: expected true or false, got "yes"'),
        ("Byte", 3, 0.5, "controls.New: expected a whole number from -2147483648 to 2147483647, got 0.5"),
    ],
)
def test_controls_of_every_type_are_checked(kind: str, right: object, wrong: object, sentence: str) -> None:
    """Those too that no camera of today has."""
    known = {"New": Control(kind)}
    assert checked({"New": right}, known) == {"New": tuple(right) if isinstance(right, list) else right}
    with pytest.raises(BadMessage) as raised:
        checked({"New": wrong}, known)
    assert str(raised.value) == sentence


def test_a_layout_that_cannot_be_read_is_told(plan: Plan) -> None:
    """A camera gave another than it was asked for."""
    plan.layout = "XBGR8888"
    with pytest.raises(SourceUnavailable, match=r"^the camera gives XBGR8888, which is neither YUV420 nor NV12$"):
        source()


def test_a_camera_that_may_not_be_opened_is_told_as_that(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libcamera does not list it, and says nothing."""
    plan.cameras = []
    node = str(tmp_path / "media0")
    monkeypatch.setattr("pi_stream.sources.pi.libcamera.camera_nodes", lambda: [node])  # which nobody may open
    with pytest.raises(SourceUnavailable, match=f"^no camera found, but {node} may not be opened; add this user"):
        list_cameras()


def test_a_camera_that_is_busy_is_told_with_the_program_that_has_it(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a person knows what to end."""
    monkeypatch.setattr("pi_stream.sources.pi.libcamera.holders", lambda _: "rpicam-vid (process 7)")
    plan.acquire = "Failed to acquire camera: Device or resource busy"
    with pytest.raises(SourceUnavailable, match=r"^the camera is busy: rpicam-vid \(process 7\) uses it; end that"):
        source()


def test_a_control_of_a_type_that_cannot_be_set_is_told() -> None:
    """A library that is newer than we are may have such."""
    with pytest.raises(Unsupported, match=r"^controls\.New: values of the type Matrix cannot be set$"):
        checked({"New": 1}, {"New": Control("Matrix")})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Could not open any dmaHeap device", "the camera's memory is not available (Could not open any dmaHeap"),
        ("/dev/media0: Permission denied", "the camera may not be opened (/dev/media0: Permission denied)"),
        ("Failed to allocate buffers", "there is not enough camera memory (Failed to allocate buffers)"),
        ("strange", "the camera does not start: strange"),
    ],
)
def test_what_libcamera_says_when_it_is_asked_for_cameras_is_told(plan: Plan, said: str, told: str) -> None:
    """It may already fail there."""
    plan.listing = said
    with pytest.raises(SourceUnavailable) as raised:
        list_cameras()
    assert told in str(raised.value)
