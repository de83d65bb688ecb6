"""What somebody has still to do who has just set up a camera, and that it is only told of an appliance."""

from pathlib import Path
from typing import Any

import pytest

from pi_stream.doctor import Machine
from pi_stream.health.next_steps import next_steps
from pi_stream.media.source_state import SourceInfo, SourceState
from tests.running import http, running


def state(kind: str, *refused: str) -> SourceState:
    """What a source of this kind says."""
    info = SourceInfo(kind=kind, width=64, height=64)
    return SourceState.of(info, online=True, reason=None, resting=False, why="a test", refused=refused, measured_fps=30)


PICTURE = state("picamera2")
NO_CAMERA = state("synthetic", "picamera2: no camera", "v4l2: no webcam")


def there(root: Path, **told: Any) -> dict[str, str]:
    """The steps' ids with all that they say, of a machine where nothing is to be done unless `told`."""
    usual = {"open_to_all": False, "sources": {"camera": PICTURE}, "hostname": "doorcam"}
    steps = next_steps(Machine(root=root), **{**usual, **told})
    return {step.id: f"{step.title}: {step.what} {step.how}" for step in steps}


def test_where_all_is_done_nothing_is_said(tmp_path: Path) -> None:
    """A machine without systemd's clock included: what nobody knows is not asked for."""
    assert there(tmp_path) == {}


def test_a_camera_is_wanted_only_where_the_picture_was_made_up_for_lack_of_one(tmp_path: Path) -> None:
    """With what was looked for; whoever chose the made-up picture wants no camera."""
    (said,) = there(tmp_path, sources={"camera": NO_CAMERA}).values()
    assert "picamera2: no camera; v4l2: no webcam" in said
    assert there(tmp_path, sources={"camera": state("synthetic")}) == {}
    assert there(tmp_path, sources={"camera": state("v4l2", "picamera2: no camera")}) == {}


def test_of_several_cameras_those_that_are_missing_are_named(tmp_path: Path) -> None:
    """Their reasons once each, although each camera has them."""
    (said,) = there(tmp_path, sources={"door": NO_CAMERA, "garden": PICTURE, "yard": NO_CAMERA}).values()
    assert "at the start for door, yard, so a test picture is shown (picamera2: no camera; v4l2: no webcam)" in said


def test_a_password_is_wanted_where_none_is_asked_for(tmp_path: Path) -> None:
    """With the command that sets one."""
    assert "`sudo pi-stream password`" in there(tmp_path, open_to_all=True)["password"]


@pytest.mark.parametrize(
    ("hostname", "command"),
    [("raspberrypi", "sudo raspi-config nonint do_hostname NAME"), ("debian", "sudo hostnamectl set-hostname NAME")],
)
def test_a_name_is_wanted_where_it_is_everybodys(tmp_path: Path, hostname: str, command: str) -> None:
    """With the command that the system has for it."""
    said = there(tmp_path, hostname=hostname)["name"]
    assert f'"{hostname}"' in said
    assert command in said


def test_the_clock_is_told_of_only_while_it_waits_for_the_network(tmp_path: Path) -> None:
    """systemd-timesyncd says so by a folder, and by a file in it once the clock is set."""
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    assert set(there(tmp_path)) == {"clock"}
    (tmp_path / "run/systemd/timesync/synchronized").touch()
    assert there(tmp_path) == {}


@pytest.mark.asyncio
async def test_an_appliance_says_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GET /api/next of a service that systemd started, open as a new one is."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    async with running(tmp_path) as service, http(service) as session, session.get("api/next") as answer:
        steps = (await answer.json())["steps"]
    assert "password" in [step["id"] for step in steps]
    assert all(set(step) == {"id", "title", "what", "how"} for step in steps)


@pytest.mark.asyncio
async def test_who_tries_it_at_a_terminal_is_told_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same service, without systemd."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    async with running(tmp_path) as service, http(service) as session, session.get("api/next") as answer:
        assert await answer.json() == {"steps": []}
