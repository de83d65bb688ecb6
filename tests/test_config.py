"""The settings."""

import asyncio
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from pi_stream.config import files as config_files
from pi_stream.config.files import load
from pi_stream.config.settings import Config, title_of
from pi_stream.errors import SettingError
from pi_stream.features import CONFIG
from tests.launchers import NOBODY_KNOWN, or_skip

HERE = Path(__file__).parent
SHIPPED = HERE.parent / "config.toml"


def test_the_shipped_file_holds_every_setting_with_its_default_and_a_comment() -> None:
    """config.toml is the documentation: it may neither lack a key, nor differ, nor stay silent about one."""
    text = SHIPPED.read_text(encoding="utf-8")
    table, defaults = tomllib.loads(text), msgspec.to_builtins(CONFIG())
    assert {name: set(section) for name, section in table.items()} == {
        name: set(section) for name, section in defaults.items()
    }
    assert load(SHIPPED, kind=CONFIG) == CONFIG()
    assert all("#" in line for line in text.splitlines() if " = " in line.split("#")[0])


def _file(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[camera]\nwidht = 640", ["[camera] widht", "unknown", "the nearest is", '"width"']),
        ("[camera]\nport = 640", ["[camera] port", "unknown", '"port" of [server]']),
        ('[server]\nmode = "password"', ["[server] mode", "unknown", '"mode" of [auth] or [tls]']),
        ("[camra]\nwidth = 640", ["[camra]", "unknown", '"camera"']),
        ("[camera]\nwidth = 641", ["[camera] width", "expected an even whole number from 64 to 8192", "got 641"]),
        ("[camera]\nfps = 'fast'", ["[camera] fps", "expected a number from 0.1 to 240", 'got "fast"']),
        ("[camera]\nrotation = 90", ["[camera] rotation", "expected one of 0, 180", "got 90"]),
        ("[stream]\nquality = 0", ["[stream] quality", "expected a whole number from 1 to 100", "got 0"]),
        ("camera = 3", ["[camera]", "expected an object", "got 3"]),
        ("[camera\n", ["expected TOML"]),
        ("[camera]\npath = '/dev/video0\\u0000'".replace("'", '"'), ["[camera] path", "4096 characters", "got"]),
        ("[camera]\npath = '\\u001b[2J'".replace("'", '"'), ["[camera] path", "4096 characters", "got"]),
        (f"[camera]\nfps = {'9' * 5000}", ["expected TOML", "a number that is too long"]),
        (f"[camera]\nfps = 0x{'f' * 5000}", ["expected TOML", "a number that is too long"]),
        (f"path = {'[' * 100_000}", ["expected TOML", "nested too deep"]),
        (f"{'.'.join('a' * 3000)} = 1", ["expected TOML", "nested too deep"]),
        (f"{'.'.join('a' * 600)} = 1", ["[a]", "unknown"]),
    ],
)
def test_a_wrong_setting_is_one_line_with_file_section_key_expected_and_got(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    """Whoever wrote it can mend it with nothing but that line."""
    path = _file(tmp_path, text)
    with pytest.raises(SettingError) as caught:
        load(path)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    for word in words:
        assert word in line


def test_files_that_cannot_be_read_are_told_by_name(tmp_path: Path) -> None:
    """A missing file, a folder and a file that is no text are three sentences, not three tracebacks."""
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    for path, word in (
        (tmp_path / "none.toml", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "latin.toml", "UTF-8"),
    ):
        with pytest.raises(SettingError, match=word) as caught:
            load(path)
        assert str(path) in str(caught.value)


def test_assignments_stand_over_the_file_and_are_toml_or_else_text(tmp_path: Path) -> None:
    """--set wins over the file; what is no TOML is a plain text."""
    path = _file(tmp_path, "[camera]\nfps = 10\nheight = 480")
    read = load(path, ["camera.fps=15", "camera.path=film.mp4", "camera.source=file", 'server.host="::1"'])
    assert (read.camera.fps, read.camera.height) == (15, 480)
    assert (read.camera.path, read.camera.source, read.server.host) == ("film.mp4", "file", "::1")


def test_an_assignment_that_looks_like_a_number_may_be_a_text() -> None:
    """Where the setting is one; where it is a number, a wrong one is told as a number."""
    assert load(None, ["camera.path=0"]).camera.path == "0"
    with pytest.raises(SettingError, match=r"--set camera.fps: \[camera\] fps: expected a number .* got 1000$"):
        load(None, ["camera.fps=1000"])


@pytest.mark.parametrize("text", ["camera", "camera.fps", "fps=3", "=3", "camera.=3", ".fps=3"])
def test_an_assignment_of_another_form_is_told(text: str) -> None:
    """--set wants section.key=value."""
    with pytest.raises(SettingError, match=r"section\.key=value"):
        load(None, [text])


def test_an_assignment_cannot_smuggle_in_other_settings() -> None:
    """A value with a line break is a text, not more TOML."""
    with pytest.raises(SettingError, match=r"camera\] fps"):
        load(None, ["camera.fps=3\n[server]\nport = 1"])


def test_without_a_path_the_systems_file_is_read_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/etc/pi-stream/config.toml, or else the defaults."""
    monkeypatch.setattr(config_files, "SYSTEM_CONFIG", tmp_path / "config.toml")
    assert load() == Config()
    _file(tmp_path, "[server]\nport = 81")
    assert load().server.port == 81


def test_a_systems_file_that_cannot_even_be_looked_for_is_no_reason_for_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a folder that is closed to whoever runs the service: it may say that only this machine may look."""
    monkeypatch.setattr(config_files, "SYSTEM_CONFIG", tmp_path / ("x" * 300))  # too long a name: root, too, is refused
    with pytest.raises(SettingError, match="cannot be read: File name too long"):
        load()


def test_the_state_folder_is_systemds_else_xdgs_else_the_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three places, in this order."""
    monkeypatch.setenv("HOME", "/home/aki")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert config_files.state_folder() == Path("/home/aki/.local/state/pi-stream")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/aki/state")
    assert config_files.state_folder() == Path("/home/aki/state/pi-stream")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/pi-stream")
    assert config_files.state_folder() == Path("/var/lib/pi-stream")


async def test_who_has_no_home_has_the_systems_state_folder() -> None:
    """A container may give a number for a user and no more: no $HOME, and no line in /etc/passwd."""
    launcher = await or_skip(NOBODY_KNOWN, "a user without a name")
    found = await asyncio.to_thread(
        subprocess.run,
        [*launcher, sys.executable, "-c", "from pi_stream.config.files import state_folder; print(state_folder())"],
        env={name: value for name, value in os.environ.items() if name not in ("STATE_DIRECTORY", "XDG_STATE_HOME")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == config_files.SYSTEM_STATE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cameras.garden]\nfps = 1000", ["[cameras.garden] fps: expected a number", "got 1000"]),
        ("[cameras.garden]\nfsp = 10", ["[cameras.garden] fsp: unknown", 'nearest is "fps"']),
        ("[cameras.Garden]", ["[cameras.Garden] name: expected a name of at most 32 of a-z, 0-9 and -"]),
        ("[cameras.'']", ["expected a name, as in [cameras.garden]"]),
        ("[cameras.camera]", ["[cameras.camera]: expected another name", "[camera] has"]),
        ("[camera]\nname = 'door'\n[cameras.door]", ["[cameras.door]: expected another name"]),
        ("[cameras.garden]\nname = 'yard'", ["[cameras.garden] name: expected no name here", '"yard"']),
        ("cameras = 3", ["[cameras]: expected sections such as [cameras.garden], got 3"]),
        ("[cameras]\ngarden = 3", ["[cameras.garden]", "expected"]),
        ("".join(f"[cameras.c{number}]\n" for number in range(16)), ["[cameras]: expected at most 15, got 16"]),
    ],
)
def test_a_wrong_camera_is_one_line_with_its_section(tmp_path: Path, text: str, words: list[str]) -> None:
    """As for any setting."""
    with pytest.raises(SettingError) as caught:
        load(_file(tmp_path, text))
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_cameras_have_names_titles_and_assignments(tmp_path: Path) -> None:
    """The first one is [camera], the others are sections; --set reaches each."""
    path = _file(tmp_path, "[camera]\nname = 'door'\n[cameras.back-yard]\nfps = 5\n[cameras.hall]\ntitle = 'Hallway'")
    read = load(path, ["cameras.hall.fps=7", "cameras.new.source=synthetic"])
    assert list(read.all_cameras) == ["door", "back-yard", "hall", "new"]
    assert [title_of(name, each) for name, each in read.all_cameras.items()] == ["Door", "Back yard", "Hallway", "New"]
    assert read.all_cameras["hall"].fps == 7
    with pytest.raises(SettingError, match=r"expected section\.key=value"):
        load(path, ["cameras.hall=7"])
