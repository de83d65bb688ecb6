"""Several cameras in one service: what a reload does with them, and that one does not touch the others."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import websockets

from tests.running import PATIENCE, Process, http, messages_until, next_frame, process, say

_TWO = """
[server]
host = "127.0.0.1"
port = 0
[camera]
name = "door"
source = "synthetic"
width = 320
height = 180
[cameras.garden]
source = "synthetic"
width = 160
height = 90
"""
_YARD = '[cameras.yard]\nsource = "synthetic"\nwidth = 64\nheight = 64\n'


@asynccontextmanager
async def _service(folder: Path, text: str = _TWO) -> AsyncIterator[tuple[Process, Path]]:
    config = folder / "config.toml"
    config.write_text(text)
    async with process(folder, config=config) as service:
        yield service, config


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _captions_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("captions*.json"))


async def _reload(service: Process, config: Path, text: str) -> str:
    """The line of the log that says what became of it."""
    _write(config, text)
    service.process.send_signal(signal.SIGHUP)
    return await service.says("settings")


async def _names(service: Process) -> list[str]:
    async with http(service) as session, session.get("api/cameras") as answer:
        return [camera["name"] for camera in (await answer.json())["cameras"]]


async def _watching(connection: websockets.ClientConnection) -> dict[str, Any]:
    """Watch a camera; its welcome."""
    welcome = await messages_until(connection, "welcome")
    await say(connection, "watch", accept=["jpeg"])
    await next_frame(connection)
    return welcome


async def test_each_camera_has_a_page_a_line_and_captions_of_its_own(tmp_path: Path) -> None:
    """Under /cameras/NAME/; without a name, the first camera's; after a restart, too."""
    async with _service(tmp_path) as (service, _):
        async with http(service) as session:
            async with session.post("cameras/garden/api/captions", json={"text": "roses"}) as answer:
                assert answer.status == 201
            async with session.post("api/captions", json={"text": "bell"}) as answer:
                assert answer.status == 201
        async with service.socket("cameras/garden/ws") as garden, service.socket() as door:
            seen = await _watching(garden), await _watching(door)
        assert [each["camera"] for each in seen] == ["garden", "door"]
        assert [[caption["text"] for caption in each["captions"]] for each in seen] == [["roses"], ["bell"]]
        assert [each["source"]["width"] for each in seen] == [160, 320]
        assert [each["title"] for each in seen[0]["cameras"]] == ["Door", "Garden"]
        async with http(service) as session:
            async with session.get("cameras/attic/api/captions") as answer:
                error = (await answer.json())["error"]
                assert answer.status == 404
                assert "door, garden" in error["message"]
            async with session.get("healthz") as answer:
                assert answer.status == 200
    kept = json.loads((tmp_path / "captions-garden.json").read_text())
    assert [caption["text"] for caption in kept["captions"]] == ["roses"]


async def test_a_reload_adds_and_removes_a_camera_while_others_are_watched(tmp_path: Path) -> None:
    """Whoever watches the one that goes is told; the others' pictures go on on the same connection."""
    async with _service(tmp_path) as (service, config):
        async with service.socket("cameras/garden/ws") as garden, service.socket() as door:
            await _watching(garden)
            await _watching(door)
            without = _TWO[: _TWO.index("[cameras.garden]")]
            assert "cameras.garden, cameras.yard" in await _reload(service, config, without + _YARD)
            async with asyncio.timeout(PATIENCE):
                await garden.wait_closed()
            assert (garden.close_code, garden.close_reason) == (1001, "the camera garden was removed from the settings")
            for _ in range(3):
                await next_frame(door)
        assert await _names(service) == ["door", "yard"]
        async with service.socket("cameras/yard/ws") as yard:
            assert (await _watching(yard))["source"]["width"] == 64
        assert await service.stop() == 0


async def test_a_renamed_camera_keeps_its_viewers_and_captions(tmp_path: Path) -> None:
    """Its page has another address; whoever looks already sees on."""
    async with _service(tmp_path) as (service, config):
        async with service.socket("cameras/garden/ws") as garden:
            await _watching(garden)
            await say(garden, "caption.put", id=1, caption={"text": "roses"})
            await messages_until(garden, "ok")
            await _reload(service, config, _TWO.replace("garden", "roses").replace('"door"', '"gate"'))
            for _ in range(3):
                await next_frame(garden)
        assert await _names(service) == ["gate", "roses"]
        async with service.socket("cameras/roses/ws") as roses:
            assert [caption["text"] for caption in (await _watching(roses))["captions"]] == ["roses"]
        assert await service.stop() == 0
    assert _captions_files(tmp_path) == ["captions-roses.json"]


async def test_two_cameras_that_change_places_keep_their_captions(tmp_path: Path) -> None:
    """The first camera is another one from now on, and after a restart; no caption is lost."""
    garden = _TWO[_TWO.index("[cameras.garden]") :].replace("[cameras.garden]", '[camera]\nname = "garden"')
    door = '[cameras.door]\nsource = "synthetic"\nwidth = 320\nheight = 180\n'
    swapped = _TWO[: _TWO.index("[camera]")] + garden + door
    async with _service(tmp_path) as (service, config):
        async with http(service) as session:
            for name in ("garden", "door"):
                async with session.post(f"cameras/{name}/api/captions", json={"text": name}) as answer:
                    assert answer.status == 201
        async with service.socket("cameras/garden/ws") as viewer:
            await _watching(viewer)
            await _reload(service, config, swapped)
            await next_frame(viewer)
        assert await _names(service) == ["garden", "door"]
        assert await service.stop() == 0
    async with _service(tmp_path, swapped) as (service, _):
        for path, name in (("ws", "garden"), ("cameras/door/ws", "door")):
            async with service.socket(path) as viewer:
                assert [caption["text"] for caption in (await _watching(viewer))["captions"]] == [name]


async def test_wrong_cameras_in_a_reload_change_nothing(tmp_path: Path) -> None:
    """A sentence in the log, and all goes on."""
    async with _service(tmp_path) as (service, config):
        said = await _reload(service, config, _TWO + '[cameras.film]\nsource = "file"\npath = "/no/such/film.mp4"\n')
        assert "stay as they were" in said
        assert "film" in said
        assert await _names(service) == ["door", "garden"]


async def test_a_camera_that_is_away_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    """/healthz says which one and why; its own says so, the other's is well."""
    away = '[cameras.hall]\nsource = "v4l2"\npath = "/dev/nothing"\n'
    async with _service(tmp_path, _TWO + away) as (service, _), http(service) as session:
        assert any("hall: v4l2 is offline: there is no /dev/nothing" in line for line in service.lines)
        async with session.get("healthz") as answer:
            health = await answer.json()
            assert answer.status == 503
        assert health["reason"] == "hall: there is no /dev/nothing; is the camera plugged in?"
        assert [(each["name"], each["ok"]) for each in health["cameras"]] == [
            ("door", True),
            ("garden", True),
            ("hall", False),
        ]
        for name, status in (("door", 200), ("hall", 503)):
            async with session.get(f"cameras/{name}/healthz") as answer:
                assert answer.status == status
        async with session.get("metrics") as answer:
            lines = (await answer.text()).splitlines()
        assert 'pi_stream_source_online{camera="hall"} 0' in lines
        assert 'pi_stream_source_online{camera="garden"} 1' in lines
        async with service.socket("cameras/garden/ws") as garden:
            await _watching(garden)
