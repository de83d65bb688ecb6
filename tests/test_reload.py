"""Settings that change while pi-stream runs, and what its service manager hears meanwhile."""

import asyncio
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from pi_stream.config.files import load
from pi_stream.config.reload import change
from pi_stream.config.settings import Config
from pi_stream.features import CONFIG, NEED_RESTART
from tests.running import PATIENCE, Process, http, messages_until, next_frame, process, say

_SMALL = "[server]\nhost = '127.0.0.1'\nport = 0\n[camera]\nsource = 'synthetic'\nwidth = 320\nheight = 180\n"


@dataclass
class Manager:
    """A service manager, as far as it listens."""

    socket: socket.socket
    heard: list[str] = field(default_factory=list)
    _waiting: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.socket.getsockname()}

    async def until(self, wanted: Callable[[str], bool]) -> str:
        """The next assignment that is wanted; all are kept in `heard`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while True:
                if not self._waiting:
                    self._waiting += (await loop.sock_recv(self.socket, 4096)).decode().split("\n")
                self.heard.append(self._waiting.pop(0))
                if wanted(self.heard[-1]):
                    return self.heard[-1]

    def status(self) -> str:
        """The last one heard."""
        return [line for line in self.heard if line.startswith("STATUS=")][-1]

    async def hears(self, beginning: str) -> str:
        """The next that begins so."""
        return await self.until(lambda line: line.startswith(beginning))


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield Manager(listener)


@asynccontextmanager
async def _service(folder: Path, manager: Manager, text: str = "", **extra: str) -> AsyncIterator[tuple[Process, Path]]:
    """pi-stream with this file of settings, and the file."""
    config = folder / "config.toml"
    config.write_text(_SMALL + text)
    async with process(folder, config=config, environment={**manager.environment, **extra}) as service:
        yield service, config


def test_every_setting_is_taken_over_or_needs_a_restart() -> None:
    """Those that need one exist, and are the ones that the documentation names."""
    names = {f"{section}.{key}" for section, keys in msgspec.to_builtins(CONFIG()).items() for key in keys}
    assert names > NEED_RESTART
    text = (Path(__file__).parent.parent / "docs" / "appliance.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in NEED_RESTART)


def test_what_needs_a_restart_keeps_its_value() -> None:
    """And comes up again at the next reload, for it is still wanted."""
    wanted = msgspec.convert({"camera": {"width": 640, "fps": 15}, "server": {"port": 80}}, Config)
    changed = change(Config(), wanted)
    assert changed.waiting == ("camera.width", "server.port")
    assert changed.taken == {"camera.fps"}
    assert (changed.config.camera.width, changed.config.camera.fps, changed.config.server.port) == (1280, 15, 8000)
    assert change(changed.config, wanted).waiting == changed.waiting


def _config(text: str, folder: Path) -> Config:
    path = folder / "cameras.toml"
    path.write_text(text)
    return load(path)


def test_a_reload_adds_removes_and_reopens_cameras(tmp_path: Path) -> None:
    """Each camera by its name; those that stay as they are, are not touched."""
    old = _config("[cameras.garden]\nfps = 5\n[cameras.hall]\n[cameras.attic]\nidle_stop = 3", tmp_path)
    new = _config("[cameras.garden]\nfps = 6\n[cameras.attic]\nidle_stop = 4\n[cameras.yard]\npath = '/x'", tmp_path)
    changed = change(old, new)
    assert (changed.added, changed.removed, changed.renamed, changed.reopened) == (
        ("yard",),
        ("hall",),
        {},
        ("garden",),
    )
    assert changed.taken == {"cameras.garden.fps", "cameras.attic.idle_stop", "cameras.hall", "cameras.yard"}
    assert changed.config == new
    assert changed.waiting == ()


def test_a_camera_with_another_name_and_else_the_same_settings_is_renamed(tmp_path: Path) -> None:
    """The first camera by its `name`, others by their section; the title may change with it."""
    old = _config("[camera]\nname = 'door'\n[cameras.garden]\nfps = 5", tmp_path)
    new = _config("[camera]\nname = 'gate'\n[cameras.yard]\nfps = 5\ntitle = 'Back yard'", tmp_path)
    changed = change(old, new)
    assert changed.renamed == {"door": "gate", "garden": "yard"}
    assert (changed.added, changed.removed, changed.reopened) == ((), (), ())


def test_a_name_that_another_camera_had_is_no_rename(tmp_path: Path) -> None:
    """The first camera may take another's place, or two may change theirs: each stays the camera of its name."""
    old = _config("[camera]\nname = 'door'\n[cameras.garden]\nfps = 5", tmp_path)
    alone = change(old, _config("[camera]\nname = 'garden'\nfps = 5", tmp_path))
    assert (alone.renamed, alone.removed, alone.added, alone.reopened) == ({}, ("door",), (), ())
    swapped = change(old, _config("[camera]\nname = 'garden'\nfps = 5\n[cameras.door]", tmp_path))
    assert (swapped.renamed, swapped.removed, swapped.added, swapped.reopened) == ({}, (), (), ())
    assert list(swapped.config.all_cameras) == ["garden", "door"]


def test_the_size_of_a_camera_that_stays_waits_for_a_restart(tmp_path: Path) -> None:
    """One that is added has the size it asks for."""
    old = _config("[cameras.garden]\nwidth = 640", tmp_path)
    new = _config("[cameras.garden]\nwidth = 320\n[cameras.yard]\nwidth = 320", tmp_path)
    changed = change(old, new)
    assert changed.waiting == ("cameras.garden.width",)
    assert {name: each.width for name, each in changed.config.all_cameras.items()} == {
        "camera": 1280,
        "garden": 640,
        "yard": 320,
    }


async def test_ready_is_told_when_there_is_a_picture_and_a_port(tmp_path: Path, manager: Manager) -> None:
    """Then how it goes, and at last that it stops."""
    async with _service(tmp_path, manager) as (service, _):
        await manager.hears("READY=1")
        said = r"STATUS=(synthetic picture is online|[\d.]+ fps from synthetic picture), no viewers"
        assert re.fullmatch(said, manager.status())
        async with http(service) as session, session.get("healthz") as answer:
            assert answer.status == 200
        async with _socket(service) as connection:
            await messages_until(connection, "welcome")
            while not (await manager.hears("STATUS=")).endswith(", 1 viewer"):
                pass
        assert await service.stop() == 0
        await manager.hears("STOPPING=1")


def _socket(service: Process):  # type: ignore[no-untyped-def]  # the library's own connection
    import websockets

    return websockets.connect(service.url.replace("http", "ws") + "ws", max_size=2**26, proxy=None)


async def test_a_source_that_is_away_is_ready_too_and_the_status_says_why(tmp_path: Path, manager: Manager) -> None:
    """It is knowingly absent: the page says so, and it is tried again."""
    text = "source = 'v4l2'\npath = '/dev/nothing'\n"
    config = tmp_path / "config.toml"
    config.write_text(_SMALL.replace("source = 'synthetic'\n", text))
    beats = {**manager.environment, "WATCHDOG_USEC": "1000000"}
    async with process(tmp_path, "camera.stall_timeout=0.5", config=config, environment=beats):
        await manager.hears("READY=1")
        assert "no picture from v4l2, no viewers: there is no /dev/nothing" in "".join(manager.heard)
        for _ in range(3):
            await manager.hears("WATCHDOG=1")


async def test_the_watchdog_is_fed_while_frames_come_and_while_the_source_rests(
    tmp_path: Path, manager: Manager
) -> None:
    """A second of rest is followed by signs of life all the same."""
    async with _service(tmp_path, manager, "idle_stop = 0.5\n", WATCHDOG_USEC="8000000"):
        await manager.hears("WATCHDOG=1")
        await manager.until(lambda line: " rests " in line)
        for _ in range(3):
            await manager.hears("WATCHDOG=1")


async def test_a_slow_source_is_given_a_longer_watchdog(tmp_path: Path, manager: Manager) -> None:
    """A frame every ten seconds is what the settings ask for."""
    async with _service(tmp_path, manager, "fps = 0.1\n", WATCHDOG_USEC="8000000"):
        assert await manager.hears("WATCHDOG_USEC=") == "WATCHDOG_USEC=23500000"
        await manager.hears("READY=1")


async def test_a_hangup_takes_settings_over_and_viewers_stay(tmp_path: Path, manager: Manager) -> None:
    """The source is opened again with another rate, the quality is another one, and the port needs a restart."""
    async with _service(tmp_path, manager) as (service, config), _socket(service) as connection:
        await manager.hears("READY=1")
        await say(connection, "watch", accept=["jpeg"])
        assert (await messages_until(connection, "watching"))["quality"] == 80
        await next_frame(connection)
        config.write_text(
            _SMALL.replace("port = 0", "port = 1") + "fps = 12\n[stream]\nquality = 50\nmax_viewers = 1\n"
        )
        service.process.send_signal(signal.SIGHUP)
        await manager.hears("RELOADING=1")
        assert (await manager.hears("MONOTONIC_USEC=")).partition("=")[2].isdecimal()
        await manager.hears("READY=1")
        assert "needs a restart: server.port" in manager.status()
        watching = await messages_until(connection, "watching", quality=50)
        assert watching["fps"] == 12
        await messages_until(connection, "source", online=False)
        await messages_until(connection, "source", online=True)
        await next_frame(connection)
        async with http(service) as session:
            async with session.get("api/status") as answer:
                status = await answer.json()
            async with session.get("ws") as answer:
                assert answer.status == 503, "stream.max_viewers"
        assert status["source"]["fps"] == 12
        assert [each["watching"] for each in status["viewers"]] == ["jpeg 320x180 q50"]


async def test_a_wrong_file_changes_nothing_and_the_status_says_what_is_wrong(tmp_path: Path, manager: Manager) -> None:
    """Until it is mended and read again."""
    async with _service(tmp_path, manager) as (service, config):
        await manager.hears("READY=1")
        for wrong, words in (
            ("fsp = 5\n", "[camera] fsp: unknown"),
            ("path = 'nowhere.mp4'\n", "camera.path: no such file: nowhere.mp4"),
        ):
            text = _SMALL.replace("'synthetic'", "'file'") if "path" in wrong else _SMALL
            config.write_text(text + wrong)
            service.process.send_signal(signal.SIGHUP)
            await manager.hears("RELOADING=1")
            await manager.hears("READY=1")
            assert "settings not reloaded: " in manager.status()
            assert words in manager.status()
            async with http(service) as session, session.get("healthz") as answer:
                assert answer.status == 200
        config.write_text(_SMALL)
        service.process.send_signal(signal.SIGHUP)
        await manager.hears("READY=1")
        assert "settings not" not in manager.status()
        assert await service.stop() == 0


async def test_the_kind_of_source_is_taken_over_and_so_are_origins_and_captions(
    tmp_path: Path, manager: Manager
) -> None:
    """A film takes the place of the test picture."""
    film = Path(__file__).parent / "media" / "bunny.mp4"
    origin = {"Origin": "http://home.lan"}
    async with _service(tmp_path, manager) as (service, config), http(service) as session:
        await manager.hears("READY=1")
        async with session.post("api/captions", json={"text": "x"}, headers=origin) as answer:
            assert answer.status == 403
        text = _SMALL.replace("'synthetic'", f"'file'\npath = '{film}'").replace(
            "port", "origins=['http://home.lan']\nport"
        )
        config.write_text(text + "[overlay]\nmax_captions = 1\n")
        service.process.send_signal(signal.SIGHUP)
        await manager.until(lambda line: "fps from bunny.mp4" in line)
        for expected in (201, 503):
            async with session.post("api/captions", json={"text": "x"}, headers=origin) as answer:
                assert answer.status == expected


async def test_the_doctor_looks_with_the_settings_that_were_taken_over(tmp_path: Path, manager: Manager) -> None:
    """At once, although what it found is otherwise shown for a while."""
    film = Path(__file__).parent / "media" / "bunny.mp4"
    async with _service(tmp_path, manager) as (service, config), http(service) as session:
        await manager.hears("READY=1")
        for source in ("synthetic", "file"):
            async with session.get("api/doctor") as answer:
                (camera,) = [each for each in (await answer.json())["findings"] if each["area"] == "camera"]
            assert camera["what"] == f'no device is needed: the settings have source = "{source}"'
            config.write_text(_SMALL.replace("'synthetic'", f"'file'\npath = '{film}'"))
            service.process.send_signal(signal.SIGHUP)
            await manager.hears("RELOADING=1")
            await manager.hears("READY=1")


_ACTIVATE = """
import os, socket, sys
given = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
for number, each in enumerate(given):
    os.dup2(each.fileno(), 10 + number)
for number in range(len(given)):
    os.dup2(10 + number, 3 + number)
os.environ.update(LISTEN_FDS=str(len(given)), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


async def test_a_port_that_is_open_already_is_taken(tmp_path: Path) -> None:
    """As systemd hands it over; the settings' own port is not asked for."""
    launcher = (sys.executable, "-c", _ACTIVATE, "1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with process(tmp_path, f"server.port={port}", launcher=launcher) as service:
            assert str(port) not in service.url
            async with http(service) as session, session.get("healthz") as answer:
                assert answer.status == 200
            assert await service.stop() == 0


async def test_two_ports_are_one_too_many(tmp_path: Path) -> None:
    """One line, and no picture at one of them only."""
    launcher = (sys.executable, "-c", _ACTIVATE, "2")
    with pytest.raises(AssertionError, match="expected one ListenStream, got 2 sockets"):
        async with process(tmp_path, launcher=launcher):
            pytest.fail("it started")


async def test_nobody_who_watches_is_dropped_by_many_reloads(tmp_path: Path, manager: Manager) -> None:
    """Twenty hangups, some of them while the last one is still at work."""
    async with _service(tmp_path, manager) as (service, config), _socket(service) as connection:
        await manager.hears("READY=1")
        await say(connection, "watch", accept=["jpeg"])
        for number in range(20):
            config.write_text(_SMALL + f"fps = {10 + number}\n")
            service.process.send_signal(signal.SIGHUP)
            await manager.hears("RELOADING=1")
        await manager.hears("STATUS=29 fps")
        await next_frame(connection)
        assert await service.stop() == 0
