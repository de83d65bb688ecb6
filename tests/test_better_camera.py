"""With source = "auto" a camera that comes after the start is taken: a machine finds its cameras in its own time."""

import asyncio
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pi_stream.app import maintenance
from pi_stream.config.settings import CameraSettings
from pi_stream.lib.daemon_thread import TimeLimitedCall
from pi_stream.sources import SourceSpec, allocate_async, inventory
from pi_stream.sources.choice import is_better
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
    monkeypatch.setattr(
        inventory, "capture_devices", lambda: [Device(path, "C920", "uvcvideo") for path in nodes.there]
    )
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

    async def noted(wanted: Mapping[str, CameraSettings], **named: Any) -> dict[str, SourceSpec]:
        looked_for.extend(wanted)
        return await allocate_async(wanted, **named)

    async with running(tmp_path, "camera.source=synthetic") as service:
        monkeypatch.setattr("pi_stream.app.cameras.allocate_async", noted)
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
        monkeypatch.setattr(
            inventory, "_libcamera", TimeLimitedCall("libcamera", inventory._list_cameras, timeout_s=0.05)
        )
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


async def test_a_second_camera_takes_what_the_first_has_not(tmp_path: Path, nodes: Nodes) -> None:
    """Also when it comes later; and what each has stays its own."""
    nodes.there.append("/dev/video0")
    names = ("camera.source=auto", "cameras.garden.source=auto", "cameras.shed.source=v4l2")
    with installed(Plan(cameras=[])):
        async with running(tmp_path, *names) as service, service.socket("cameras/garden/ws") as viewer:
            source = (await messages_until(viewer, "welcome"))["source"]
            assert source["kind"] == "synthetic"
            assert source["refused"][1] == "v4l2: every camera is in use: /dev/video0 (C920) by camera"
            shed = service.context.streams["shed"].supervisor
            assert shed.spec.unavailable == "every camera is in use: /dev/video0 (C920) by camera"
            nodes.there.append("/dev/video2")
            await messages_until(viewer, "source", kind="v4l2", online=False)
            nodes.there.append("/dev/video4")
            async with asyncio.timeout(PATIENCE):
                while shed.spec.unavailable:
                    await nodes.looks.get()
            paths = [stream.supervisor.spec.path for stream in service.context.streams.values()]
            assert paths == ["/dev/video0", "/dev/video2", "/dev/video4"]


async def test_a_camera_that_is_added_gets_another_device_than_the_one_that_was_alone(
    tmp_path: Path, nodes: Nodes
) -> None:
    """Which was to open any webcam that comes, and from then on opens its own."""
    nodes.there += ["/dev/video0", "/dev/video2"]
    alone = ["camera.source=auto"]
    added = [*alone, "cameras.garden.source=auto"]
    with installed(Plan(cameras=[])):
        async with running(tmp_path, *alone, after_reload=added) as service:
            assert service.stream.supervisor.spec.path == ""
            signal.raise_signal(signal.SIGHUP)
            async with asyncio.timeout(PATIENCE):
                while len(service.context.streams) == 1:
                    await nodes.looks.get()
            paths = {name: stream.supervisor.spec.path for name, stream in service.context.streams.items()}
            assert paths == {"camera": "/dev/video0", "garden": "/dev/video2"}


def test_what_is_better() -> None:
    """The camera on the ribbon, then a webcam, then the picture that is made up."""
    assert is_better("picamera2", "v4l2")
    assert is_better("v4l2", "synthetic")
    assert not is_better("synthetic", "v4l2")
    assert not is_better("v4l2", "v4l2")
