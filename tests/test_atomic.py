"""A file is replaced in one step, or stays what it was."""

import os
from pathlib import Path

import pytest

from pi_stream.lib import atomic_file


def test_what_is_written_is_for_its_owner_alone_unless_told_otherwise(tmp_path: Path) -> None:
    """Whatever the umask, and whatever the file was before."""
    path = tmp_path / "state"
    path.write_bytes(b"old")
    path.chmod(0o644)
    for mode in (0o600, 0o644):
        atomic_file.write(path, b"new", mode=mode)
        assert path.read_bytes() == b"new"
        assert path.stat().st_mode & 0o777 == mode
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_nobodys_link_is_followed(tmp_path: Path) -> None:
    """Who may write into the folder cannot have root write elsewhere by it, nor read what it writes."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"untouched")
    path = tmp_path / "state"
    for link in (path, tmp_path / "state.new"):
        link.symlink_to(elsewhere)
        atomic_file.write(path, b"new")
        assert not path.is_symlink()
    assert path.read_bytes() == b"new"
    assert elsewhere.read_bytes() == b"untouched"


@pytest.mark.parametrize("step", ["fsync", "fchmod", "replace"])
def test_where_a_step_fails_the_old_file_is_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """As on a disk that is full, or that has just become read-only."""
    path = tmp_path / "state"
    atomic_file.write(path, b"old")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step != "replace" else Path, step, fails)
    with pytest.raises(OSError, match="No space left"):
        atomic_file.write(path, b"new")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"state": b"old"}
