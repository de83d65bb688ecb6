"""With source = "auto" a camera that comes after the start is taken: a machine finds its cameras in its own time."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from pi_stream.app import maintenance
from pi_stream.config.settings import CameraSettings
from pi_stream.lib.daemon_thread import TimeLimitedCall
from pi_stream.sources import SourceSpec, choice, choose_source_async, is_better
from pi_stream.sources.webcam.devices import Device
from tests.running import PATIENCE, http, messages_until, running
from tests.stand_in_picamera2 import Plan, installed


class Nodes:
    """What is in /dev of cameras, in the place of what is really there: no machine for tests can be given a camera."""

    def __init__(self) -> None:
        self.there: list[str] = []
        self.looks: asyncio.Queue[None] = asyncio.Queue()

    def __call__(self) -> list[str]:
        self.looks.put_nowait(None)
        return list(self.there)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """None at first; they are looked at often."""
    nodes = Nodes()
    monkeypatch.setattr(maintenance, "camera_nodes", nodes)
    monkeypatch.setattr(maintenance, "_LOOK_PERIOD_S", 0.01)
    monkeypatch.setattr(choice, "capture_devices", lambda: [Device(path, "C920", "uvcvideo") for path in nodes.there])
    return nodes


async def test_a_camera_that_comes_late_is_taken(tmp_path: Path, nodes: Nodes) -> None:
    """Before it, there is a picture, which is made up."""
    plan = Plan(cameras=[])
    with installed(plan):
        async with running(tmp_path, "camera.source=auto") as service, service.socket() as viewer:
            assert (await messages_until(viewer, "welcome"))["source"]["kind"] == "synthetic"
            plan.cameras += Plan().cameras
            nodes.there.append("/dev/media0")
            news = await messages_until(viewer, "source", kind="picamera2")
            assert (news["online"], news["reason"]) == (False, "a camera came, and it is opened")
            assert service.stream.supervisor.state().why == "libcamera finds a camera"


async def test_who_names_a_source_keeps_it(tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is even looked for, whatever is plugged in."""
    looked_for: list[str] = []

    async def noted(settings: CameraSettings) -> SourceSpec:
        looked_for.append(settings.source)
        return await choose_source_async(settings)

    async with running(tmp_path, "camera.source=synthetic") as service:
        monkeypatch.setattr("pi_stream.app.cameras.choose_source_async", noted)
        nodes.there.append("/dev/video0")
        async with asyncio.timeout(PATIENCE):
            for _ in range(nodes.looks.qsize() + 3):
                await nodes.looks.get()
        assert looked_for == []
        assert service.stream.supervisor.kind == "synthetic"


async def test_a_libcamera_that_says_nothing_holds_no_page_up_and_is_heard_when_it_does(
    tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the next source is taken, and nobody else is sent to ask it."""
    answers, asked = threading.Event(), list[str]()
    with installed(Plan()) as library:

        def silent() -> list[dict[str, Any]]:
            asked.append(threading.current_thread().name)
            answers.wait(PATIENCE)
            return library.plan.cameras

        monkeypatch.setattr(library, "global_camera_info", staticmethod(silent))
        monkeypatch.setattr(choice, "_libcamera", TimeLimitedCall("libcamera", choice._find_camera, timeout_s=0.05))
        try:
            async with running(tmp_path, "camera.source=auto") as service, service.socket() as viewer:
                async with http(service) as session, session.get("api/status") as answer:
                    source = (await answer.json())["source"]
                assert source["kind"] == "synthetic"
                assert source["refused"][0] == "picamera2: libcamera gave no answer within 0.05 s"
                nodes.there.append("/dev/media0")
                async with asyncio.timeout(PATIENCE):
                    for _ in range(nodes.looks.qsize() + 5):  # so many times it was time for another look
                        await nodes.looks.get()
                assert asked == ["time-limited call"]
                answers.set()
                await messages_until(viewer, "source", kind="picamera2")
        finally:
            answers.set()


def test_what_is_better() -> None:
    """The camera on the ribbon, then a webcam, then the picture that is made up."""
    assert is_better("picamera2", "v4l2")
    assert is_better("v4l2", "synthetic")
    assert not is_better("synthetic", "v4l2")
    assert not is_better("v4l2", "v4l2")
