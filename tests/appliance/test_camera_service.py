"""The service with the real picamera2, in a container; its viewers, a browser among them, on this machine."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import websockets
from playwright.async_api import Browser

import pi_stream
from tests.appliance.bars import RGB, what_is_wrong
from tests.appliance.container import Container
from tests.appliance.serving import PATIENCE, Serving
from tests.browser.pages import open_page, pixels, wait_for_frames, watch

VIRTUAL_CAMERAS = Path(__file__).parent / "virtual" / "virtual.yaml"
_OFFLINE = 0x04  # of a frame's flags, see docs/protocol.md
_FAULTS = "/run/virtual-camera"
_HOLD = """
import ctypes, signal
from picamera2 import Picamera2
ctypes.CDLL(None).prctl(15, b"timelapse", 0, 0, 0)  # PR_SET_NAME: what `ps` calls it
camera = Picamera2()
camera.start()
print("has it", flush=True)
signal.sigwait([signal.SIGTERM])
camera.close()
"""

# What JPEG may be off by, and where two bars meet in it: eight blocks of 16 pixels, each of which has both colours.
_WITHIN = {"jpeg": (8, 0.15), "png": (4, 0.02), "i420": (4, 0.02), "rgba": (4, 0.02)}


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is to be seen in a container."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def connect(url: str) -> websockets.connect:
    """A viewer's connection."""
    return websockets.connect(url.replace("http", "ws") + "ws", max_size=2**26, compression=None, proxy=None)


async def taken(connection: websockets.ClientConnection, count: int) -> AsyncIterator[str]:
    """The next answers to messages that carried an id."""
    async with asyncio.timeout(PATIENCE):
        async for message in connection:
            if isinstance(message, str) and "re" in json.loads(message):
                yield message
                count -= 1
                if not count:
                    return


async def offline_frame(url: str) -> tuple[str, int, int]:
    """A viewer's view of a service without a camera: the reason it is told, and the size of the picture it gets."""
    async with connect(url) as connection:
        welcome = json.loads(await connection.recv())
        await connection.send(json.dumps({"type": "watch", "accept": ["rgba"]}))
        async for message in connection:
            if isinstance(message, bytes):
                assert message[5] & _OFFLINE
                return welcome["source"]["reason"], *np.frombuffer(message[12:16], "<u2").tolist()
    raise AssertionError("the connection ended before a frame came")


@pytest.mark.asyncio(loop_scope="session")
async def test_the_bars_in_a_browser(camera: Container, browser: Browser) -> None:
    """The camera's colours are on the canvas, in every encoding, and the page says which camera it is."""
    service = Serving(camera)
    service.until(lambda health: health["ok"] and health["source"] == "picamera2")
    async with open_page(browser, service.url) as page:
        await wait_for_frames(page)
        await watch(page, encoding="jpeg", quality="80")  # and not "auto", which would make pictures smaller under load
        for encoding, (tolerance, edges) in _WITHIN.items():
            await watch(page, encoding=encoding)
            await wait_for_frames(page, f"data.encoding === '{encoding}' && canvas.width === 1280")
            picture = (await pixels(page))[..., :3]
            assert what_is_wrong(picture, RGB, tolerance, edges) == "", encoding
        assert "picamera2" in await page.inner_text("body")
    service.stop()
    assert "Traceback" not in service.log()


async def test_no_camera_and_then_one(camera: Container) -> None:
    """The offline picture says what to check; a camera that appears is taken without anybody's help."""
    camera.write(f"{_FAULTS}/absent", "")
    service = Serving(camera)
    reason, width, height = await offline_frame(service.url)
    assert reason.startswith("no camera found; check both ends of the ribbon cable")
    assert (width, height) == (1280, 720)
    assert service.health()["status"] == 503
    camera.run("rm", f"{_FAULTS}/absent")
    assert service.until(lambda health: health["ok"])["status"] == 200


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ((), "timelapse"),
        (("DynamicUser=yes", "SupplementaryGroups=video", "ProtectProc=invisible"), "a program"),
    ],
    ids=["as root", "in a unit that sees no others"],
)
async def test_a_camera_that_another_program_has(camera: Container, properties: tuple[str, ...], name: str) -> None:
    """The offline picture names the program, as far as it is seen; when that ends the camera is taken."""
    camera.write("/dev/media0", "", mode=0o660)
    camera.run("chgrp", "video", "/dev/media0")
    camera.write("/srv/hold.py", _HOLD)
    camera.run("systemd-run", "--unit=timelapse", "--quiet", "--collect", "python3", "/srv/hold.py")
    until(lambda: "has it" in camera.run("journalctl", "--unit=timelapse", "--output=cat"))
    service = Serving(camera, properties=properties)
    pid = camera.run("systemctl", "show", "--property=MainPID", "--value", "timelapse").strip()
    reason, *_ = await offline_frame(service.url)
    assert reason == f"the camera is busy: {name} (process {pid}) uses it; end that, and the picture comes by itself"
    camera.run("systemctl", "stop", "timelapse")
    service.until(lambda health: bool(health["ok"]))


async def test_a_camera_that_is_lost_and_comes_back(camera: Container) -> None:
    """Frames that cease are told of with what to check, then that there is no camera; both pass by themselves."""
    service = Serving(camera)
    service.until(lambda health: health["ok"])
    camera.write(f"{_FAULTS}/lost", "")
    service.until(lambda health: health["reason"] == "no frame from the camera for 1 s; is the ribbon cable loose?")
    camera.write(f"{_FAULTS}/absent", "")
    service.until(lambda health: str(health["reason"]).startswith("no camera found; check both ends"))
    reason, *_ = await offline_frame(service.url)
    assert reason.startswith("no camera found; check both ends")
    camera.run("rm", f"{_FAULTS}/absent", f"{_FAULTS}/lost")
    service.until(lambda health: health["ok"])
    assert "Traceback" not in service.log()


async def test_a_camera_that_may_not_be_opened(camera: Container) -> None:
    """A service whose user is not of the group is told from one without a camera, and so is how to mend it."""
    camera.write("/dev/media0", "", mode=0o660)
    camera.run("chgrp", "video", "/dev/media0")
    settings = "/usr/share/libcamera/pipeline/virtual/virtual.yaml"  # which stands for what libcamera may not open
    camera.run("sh", "-c", f"chgrp video {settings}; chmod 640 {settings}")
    service = Serving(camera, properties=("DynamicUser=yes",))
    reason, *_ = await offline_frame(service.url)
    assert reason == (
        "no camera found, but /dev/media0 may not be opened; add this user to the group: sudo usermod -aG video $USER"
    )
    service.stop()
    in_group = Serving(camera, properties=("DynamicUser=yes", "SupplementaryGroups=video"))
    in_group.until(lambda health: health["ok"])


async def test_controls_from_a_viewer(camera: Container) -> None:
    """What a viewer sets the camera does at once; what it cannot do is answered, and changes nothing."""
    service = Serving(camera)
    service.until(lambda health: health["fps"] > 20)
    async with connect(service.url) as connection:
        for number, limits in enumerate(([200_000, 200_000], [1, 1])):
            controls = {"FrameDurationLimits": limits}
            await connection.send(json.dumps({"type": "controls", "controls": controls, "id": number}))
        answers = [json.loads(text) async for text in taken(connection, 2)]
    assert [answer["type"] for answer in answers] == ["ok", "error"]
    assert "expected a whole number from 16666 to 1000000, got 1" in answers[1]["message"]
    service.until(lambda health: bool(health["ok"]) and 3 < health["fps"] < 7)


async def test_other_settings_after_a_restart(camera: Container) -> None:
    """Another size and rate are what the camera gives after the service was started with them."""
    for width, height, fps in ((1280, 720, 30), (640, 480, 10)):
        service = Serving(camera, f"camera.width={width}", f"camera.height={height}", f"camera.fps={fps}")
        service.until(lambda health: bool(health["ok"]))
        until(lambda: abs(service.health()["fps"] - fps) < 0.3 * fps)  # noqa: B023 - it is called before the next turn
        assert f"{width}x{height}" in service.log()
        service.stop()


async def test_two_cameras_of_libcamera_in_one_service(camera: Container) -> None:
    """Each is opened by its number, shows its own picture, and goes on when the other one rests or is gone."""
    one = VIRTUAL_CAMERAS.read_text(encoding="utf-8")
    two = one[one.index('"Virtual0"') :].replace("Virtual0", "Virtual1").replace('"bars"', '"lines"')
    camera.write("/usr/share/libcamera/pipeline/virtual/virtual.yaml", f"{one}\n{two}")
    service = Serving(camera, "camera.path=0", "cameras.second.source=picamera2", "cameras.second.path=1")
    health = service.until(lambda health: bool(health["ok"]))
    assert [(each["name"], each["source"]) for each in health["cameras"]] == [
        ("camera", "picamera2"),
        ("second", "picamera2"),
    ]
    async with (
        pi_stream.connect(service.url, accept=["png"]) as first,
        pi_stream.connect(service.url, accept=["png"], camera="second") as second,
    ):
        shows_bars: list[tuple[bool, ...]] = []
        for _ in range(3):
            async with asyncio.timeout(PATIENCE):
                pictures = [(await anext(aiter(each))).image() for each in (first, second)]
            shows_bars.append(tuple(what_is_wrong(each, RGB, *_WITHIN["png"]) == "" for each in pictures))
        devices = [each.welcome.source.device for each in (first, second)]
    assert None not in devices
    assert devices[0] != devices[1]
    assert shows_bars in ([(True, False)] * 3, [(False, True)] * 3)  # libcamera says which of them is number 0
