"""A camera that fails in every way, under the whole running service: what viewers read, and that it comes back."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import websockets

from pi_stream.protocol import parse_packet
from tests.faulty import Faults
from tests.running import PATIENCE, Process, http, messages_until, next_frame, process, say

_STALL = 1.5  # seconds without a frame until a camera counts as hung
_CAMERA = ("camera.source=picamera2", f"camera.stall_timeout={_STALL}", "camera.idle_stop=0")


@asynccontextmanager
async def faulty(folder: Path, *assignments: str) -> AsyncIterator[tuple[Process, Faults]]:
    """The service on a camera that is well until told otherwise."""
    faults = Faults(folder / "faults")
    async with process(
        folder, *_CAMERA, *assignments, environment=faults.environment, module="tests.faulty"
    ) as service:
        yield service, faults


async def _frame(connection: websockets.ClientConnection, *, offline: bool) -> None:
    """Wait for a picture of the camera's, or for one that says why there is none."""
    async with asyncio.timeout(PATIENCE):
        while parse_packet(await next_frame(connection))[0].offline is not offline:
            pass


async def _reason(session: aiohttp.ClientSession, begin: str) -> str:
    """What /healthz says as soon as it begins like this."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with session.get("healthz") as answer:
                reason = (await answer.json())["reason"] or ""
                if reason.startswith(begin):
                    assert answer.status == 503
                    return str(reason)
            await asyncio.sleep(0.05)


_GARBAGE = "the camera gave garbage: expected 103680 bytes, got"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("raises",), "the camera failed while it gave pictures: Camera frontend has timed out!"),
        (("hangs",), "no frame from the camera for 1.5 s; is the ribbon cable loose?"),
        (("absent",), "no camera found; check both ends of the ribbon cable"),
        (("short",), f"{_GARBAGE} 100 x uint8"),
        (("dtype",), f"{_GARBAGE} 1048576 x float32"),
        (("stride", "raises"), "the camera gives rows of 64 bytes for 320 pixels"),
    ],
    ids=["raises", "hangs", "vanishes", "short", "dtype", "stride"],
)
async def test_viewers_read_the_reason_and_the_picture_comes_back_by_itself(
    tmp_path: Path, names: tuple[str, ...], reason: str
) -> None:
    """In the picture, in a message and in /healthz; meanwhile all else is answered, by the same process."""
    async with faulty(tmp_path) as (service, faults), service.socket() as viewer, http(service) as session:
        await say(viewer, "watch", accept=["jpeg"])
        await _frame(viewer, offline=False)
        faults.put(*names)
        await messages_until(viewer, "source", online=False)
        await _frame(viewer, offline=True)
        told = await _reason(session, reason)
        async with session.get("snapshot.jpg") as answer:
            assert answer.status == 503
        await say(viewer, "caption.put", id=1, caption={"text": "still here"})
        await messages_until(viewer, "ok", re=1)
        faults.mend(*names)
        await messages_until(viewer, "source", online=True)
        await _frame(viewer, offline=False)
        async with session.get("healthz") as answer:
            assert answer.status == 200
        assert await service.stop() == 0
        said = "".join(service.lines)
        assert f"picamera2 is offline: {told}" in said
        assert "Traceback" not in said


async def test_a_camera_that_only_a_new_process_can_free_ends_this_one(tmp_path: Path) -> None:
    """Viewers read first what is wrong with it; the exit code asks for another start, and one line says why."""
    async with faulty(tmp_path) as (service, faults), service.socket() as viewer:
        await say(viewer, "watch", accept=["jpeg"])
        await _frame(viewer, offline=False)
        faults.put("stuck", "hangs")
        await messages_until(viewer, "source", online=False)
        await _frame(viewer, offline=True)
        async with asyncio.timeout(PATIENCE):
            await viewer.wait_closed()
        assert viewer.close_code == 1001
        assert await service.ended() == 75
        assert service.lines[-1] == (
            "pi-stream: the source did not close within 2 s; only a new process can free it, so this one ends\n"
        )
        assert "Traceback" not in "".join(service.lines)


async def test_a_camera_that_slows_down_is_shown_as_slow_as_it_is(tmp_path: Path) -> None:
    """One frame a second is no fault: each is shown, its number told, and full speed comes back."""
    async with faulty(tmp_path, "camera.stall_timeout=5") as (service, faults), service.socket() as viewer:
        await say(viewer, "watch", accept=["jpeg"])
        await _frame(viewer, offline=False)
        faults.put("slow")
        async with asyncio.timeout(PATIENCE):
            while not 0.5 < (await messages_until(viewer, "stats"))["source_fps"] < 2:
                pass
        for _ in range(2):
            assert not parse_packet(await next_frame(viewer))[0].offline
        faults.mend("slow")
        async with asyncio.timeout(PATIENCE):
            while (await messages_until(viewer, "stats"))["source_fps"] < 5:
                pass
        assert await service.stop() == 0
        assert not re.search("offline|Traceback", "".join(service.lines))


async def test_a_bug_in_the_camera_s_source_ends_the_process_with_its_traceback(tmp_path: Path) -> None:
    """It is let out, whatever closes badly after it."""
    async with faulty(tmp_path) as (service, faults):
        faults.put("bug", "stuck")
        assert await service.ended() == 1
        assert "ZeroDivisionError: a bug" in "".join(service.lines)


async def test_a_stop_does_not_wait_for_a_libcamera_that_hangs_while_it_looks_for_cameras(tmp_path: Path) -> None:
    """Neither before there is a page nor later, when something is plugged in and it is asked again."""
    faults = Faults(tmp_path / "faults")
    service = partial(process, tmp_path, "camera.source=auto", environment=faults.environment, module="tests.faulty")
    faults.put("silent")
    async with service(until="libcamera hangs") as early:
        assert await early.stop() == 0
    faults.mend("silent")
    faults.put("absent")
    async with service() as later:
        faults.put("silent", "plugged")
        await later.says("libcamera hangs")
        assert await later.stop() == 0
        assert "Traceback" not in "".join(later.lines)


async def test_a_stop_while_a_camera_is_still_opening_is_a_stop_like_any(tmp_path: Path) -> None:
    """It is no fault that systemd would have to mend by another start."""
    faults = Faults(tmp_path / "faults")
    faults.put("opening")
    environment, until = faults.environment, "libcamera hangs while it opens"
    async with process(tmp_path, *_CAMERA, environment=environment, module="tests.faulty", until=until) as service:
        assert await service.stop() == 0


async def test_a_camera_that_comes_back_has_the_controls_that_were_asked_for(tmp_path: Path) -> None:
    """Focus and exposure are not lost with a loose cable, nor at a rest."""
    async with faulty(tmp_path) as (service, faults), service.socket() as viewer:
        await say(viewer, "controls", id=1, controls={"Brightness": 0.5})
        await messages_until(viewer, "ok", re=1)
        await say(viewer, "controls", id=2, controls={"ExposureTime": 10000})
        await messages_until(viewer, "ok", re=2)
        await service.says("libcamera is given {'ExposureTime': 10000}")
        faults.put("raises")
        await messages_until(viewer, "source", online=False)
        faults.mend("raises")
        await messages_until(viewer, "source", online=True)
        await service.says("libcamera is given {'Brightness': 0.5}")
        await service.says("libcamera is given {'ExposureTime': 10000}")
