"""Features: their sections of the settings, and how they are run, shown and reloaded."""

from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from pi_stream import cli
from pi_stream.config.files import load
from pi_stream.config.reload import change
from pi_stream.config.settings import Config, config_with
from pi_stream.errors import SettingError


class _Bell(Struct, frozen=True, forbid_unknown_fields=True):
    volume: Annotated[int, Meta(ge=0, le=10)] = 3
    code: Annotated[str, Meta(max_length=8, extra={"secret": True})] = ""
    doors: tuple[str, ...] = ()


_CONFIG = config_with({"bell": _Bell})


def _file(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_features_section_is_read_like_any_other(tmp_path: Path) -> None:
    """From the file and from --set; without it, and where no feature has it, its defaults hold."""
    path = _file(tmp_path, "[bell]\nvolume = 7\n[camera]\nfps = 5\n")
    config = load(path, ["bell.code=abc"], _CONFIG)
    assert config.section(_Bell) == _Bell(7, "abc")
    assert config.camera.fps == 5
    assert load(path, kind=_CONFIG) == load(path, kind=config_with({"bell": _Bell}))
    assert load(Path("/dev/null"), kind=_CONFIG).section(_Bell) == _Bell()
    assert Config().section(_Bell) == _Bell()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[bell]\nvolume = 11", ["[bell] volume", "expected a whole number from 0 to 10", "got 11"]),
        ("[bell]\nvolum = 1", ["[bell] volum", "unknown", 'the nearest is "volume"']),
        ("[bel]\nvolume = 1", ["[bel]", "unknown", 'the nearest is "bell"']),
        ("[camera]\nvolume = 1", ["[camera] volume", "unknown", '"volume" of [bell]']),
        ("[bell]\nfps = 1", ["[bell] fps", "unknown", '"fps" of [camera]']),
    ],
)
def test_a_wrong_setting_of_a_feature_is_told_like_any_other(tmp_path: Path, text: str, words: list[str]) -> None:
    """One line with file, section, key, expected and got."""
    with pytest.raises(SettingError) as caught:
        load(_file(tmp_path, text), kind=_CONFIG)
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_section_of_no_feature_is_unknown(tmp_path: Path) -> None:
    """So is a feature's section to one that is not asked for it."""
    with pytest.raises(SettingError, match=r"\[bell\]: unknown"):
        load(_file(tmp_path, "[bell]\nvolume = 7\n"))


@pytest.mark.parametrize("text", ["[bell]\ncode = 'far too secret'", "[bell]\ncode = 9182736", "bell = 'too secret'"])
def test_a_secret_is_not_quoted(tmp_path: Path, text: str) -> None:
    """Neither by its key, nor by its section."""
    with pytest.raises(SettingError, match="got what is not shown, because it may be secret") as caught:
        load(_file(tmp_path, text), kind=_CONFIG)
    assert "too secret" not in str(caught.value)
    assert "9182736" not in str(caught.value)


@pytest.mark.parametrize("text", ["bell.code=far too secret", "bell=far too secret", "bell.code.x=far too secret"])
def test_a_secret_on_the_command_line_is_not_quoted(text: str) -> None:
    """The log of a service that does not start shows the error."""
    with pytest.raises(SettingError) as caught:
        load(Path("/dev/null"), [text], _CONFIG)
    assert "too secret" not in str(caught.value)


@pytest.mark.parametrize("command", ["serve", "check-config", "migrate-config", "certificate", "announce", "doctor"])
def test_every_command_knows_the_sections_of_features(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings file of a service is theirs, too: an error in it names the feature's key."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path = _file(tmp_path, "[webhook]\nqueu = 100\n")
    argument = [str(path)] if command in ("check-config", "migrate-config") else ["--config", str(path)]
    assert cli.main([command, *argument]) > 0
    printed = capsys.readouterr()
    assert 'the nearest is "queue"' in " ".join((printed.out + printed.err).split())


def test_a_reload_takes_over_a_features_settings_unless_they_need_a_restart() -> None:
    """They are named as section.key, and those that wait keep their value."""
    old, new = (load(Path("/dev/null"), each, _CONFIG) for each in ([], ["bell.volume=4", "bell.code=new"]))
    changed = change(old, new)
    assert changed.taken == {"bell.volume", "bell.code"}
    assert changed.config == new
    changed = change(old, new, frozenset({"bell.volume"}))
    assert changed.taken == {"bell.code"}
    assert changed.waiting == ("bell.volume",)
    assert changed.config.section(_Bell) == _Bell(3, "new")
