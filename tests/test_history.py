"""Settings of earlier versions: understood as they are, and brought up to date when somebody asks for it."""

import tomllib
from pathlib import Path

import pytest

from pi_stream import cli
from pi_stream.config import files as config_files
from pi_stream.config.migrations import MOVED, Moves, current_names, rewrite
from pi_stream.errors import SettingError
from tests.test_config import SHIPPED

# Of a future that may never be: so far no setting was renamed.
_MOVES: Moves = {"stream.quality": "stream.goodness", "camera.fps": "stream.rate", "overlay.max_captions": None}
_OLD = """# Mine.
[camera]
fps = 15  # for the dark
width = 640

[stream]
# as good as it gets
quality = 95

[overlay]
max_captions = 3
"""
_NEW = """# Mine.
[camera]
width = 640

[stream]
rate = 15  # for the dark
# as good as it gets
goodness = 95

[overlay]
# max_captions = 3  # overlay.max_captions is gone
"""


def test_no_setting_was_ever_renamed() -> None:
    """And what is in the table some day leads from names that are none to names that are."""
    known = {f"{section}.{key}" for section, keys in tomllib.loads(SHIPPED.read_text()).items() for key in keys}
    assert not known & set(MOVED)
    assert known >= {new for new in MOVED.values() if new is not None}


def test_old_names_are_understood() -> None:
    """The values go where they belong today, and each is told."""
    table, said = current_names(tomllib.loads(_OLD), _MOVES)
    assert table == {"camera": {"width": 640}, "stream": {"goodness": 95, "rate": 15}}
    assert said == [
        "stream.quality is called stream.goodness now",
        "camera.fps is called stream.rate now",
        "overlay.max_captions is no setting any more",
    ]


def test_a_file_is_rewritten_with_its_comments_and_its_order() -> None:
    """Only the lines that must change do; once is enough."""
    text, said = rewrite(_OLD, _MOVES)
    assert text == _NEW
    assert len(said) == 3
    assert rewrite(text, _MOVES) == (text, [])


def test_the_new_name_counts_where_both_are_there() -> None:
    """The old line stays, as a comment."""
    text, _ = rewrite("[stream]\nquality = 95\ngoodness = 50\n", _MOVES)
    assert tomllib.loads(text) == {"stream": {"goodness": 50}}
    assert "# quality = 95" in text


def test_a_section_that_is_missing_is_made() -> None:
    """At the end."""
    text, _ = rewrite("[camera]\nfps = 15", _MOVES)
    assert tomllib.loads(text) == {"camera": {}, "stream": {"rate": 15}}


@pytest.mark.parametrize(
    "text",
    ["stream.quality = 95\n", "stream = {quality = 95}\n", "[camera]\nfps = [\n15\n]\n", '[stream]\n"quality" = 95\n'],
)
def test_what_cannot_be_rewritten_for_sure_is_left_to_a_person(text: str) -> None:
    """It is understood all the same, and the sentence names what to change."""
    with pytest.raises(SettingError, match=r"only a person can change: \w+\.\w+ is called stream\.\w+ now"):
        rewrite(text, _MOVES)


def _moves(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in (current_names, rewrite):
        monkeypatch.setattr(
            f"pi_stream.config.files.{function.__name__}", lambda given, function=function: function(given, _RENAMED)
        )


_RENAMED: Moves = {"stream.goodness": "stream.quality"}


def test_a_file_of_an_older_version_works_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is written to it."""
    _moves(monkeypatch)
    path = tmp_path / "config.toml"
    path.write_text("[stream]\ngoodness = 50\n")
    assert config_files.load(path).stream.quality == 50
    assert f"{path}: stream.goodness is called stream.quality now; `pi-stream migrate-config {path}`" in caplog.text
    assert path.read_text() == "[stream]\ngoodness = 50\n"


def test_the_command_rewrites_the_file_and_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its owner and mode; a second time there is nothing to do, and the backup stays what it is."""
    _moves(monkeypatch)
    path = tmp_path / "config.toml"
    path.write_text("# mine\n[stream]\ngoodness = 50\n")
    path.chmod(0o640)
    assert cli.main(["migrate-config", str(path)]) == 0
    assert path.read_text() == "# mine\n[stream]\nquality = 50\n"
    assert (tmp_path / "config.toml.bak").read_text() == "# mine\n[stream]\ngoodness = 50\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert "stream.goodness is called stream.quality now" in capsys.readouterr().out
    assert cli.main(["migrate-config", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: nothing to migrate\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.toml", "config.toml.bak"]


def test_line_ends_stay_and_a_link_goes_on_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is rewritten where it lies, as whatever editor wrote it has it; a mark at its beginning goes."""
    _moves(monkeypatch)
    file, link = tmp_path / "there" / "pi.toml", tmp_path / "config.toml"
    file.parent.mkdir()
    file.write_bytes(b"\xef\xbb\xbf# mine\r\n[stream]\r\ngoodness = 50\r\n")
    link.symlink_to("there/pi.toml")
    assert cli.main(["migrate-config", str(link)]) == 0
    assert link.is_symlink()
    assert file.read_bytes() == b"# mine\r\n[stream]\r\nquality = 50\r\n"
    assert (tmp_path / "config.toml.bak").read_bytes().endswith(b"goodness = 50\r\n")


def test_a_line_is_what_toml_takes_for_one() -> None:
    """Not what Unicode does: a comment goes on behind a separator of paragraphs."""
    text = "# one\u2029stream.quality = 95\n[stream]\nquality = 50\n"
    assert rewrite(text, _MOVES)[0] == "# one\u2029stream.quality = 95\n[stream]\ngoodness = 50\n"


def test_the_command_refuses_what_would_be_wrong_afterwards(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is wrong, missing or no TOML is one line and exit code 2, and stays as it is."""
    path = tmp_path / "config.toml"
    for text, words in (
        ("[camera]\nfsp = 5\n", "[camera] fsp: unknown"),
        ("[camera\n", "expected TOML"),
        (None, "No such"),
    ):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        assert cli.main(["migrate-config", str(path)]) == 2
        told = capsys.readouterr().err
        assert words in told
        assert told.count("\n") == 1
        assert text is None or path.read_text() == text
    assert list(tmp_path.iterdir()) == []
