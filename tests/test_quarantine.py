"""Damaged files are renamed, and not lost."""

import os
from pathlib import Path

from pi_stream.lib.quarantine import quarantine


def test_five_damaged_files_are_kept_and_the_oldest_goes(tmp_path: Path) -> None:
    """Under names that say which file it was."""
    path = tmp_path / "captions.json"
    for number in range(1, 7):
        path.write_text(str(number))
        assert quarantine(path).startswith("it is kept as captions.json.damaged-")
        newest = max(tmp_path.iterdir(), key=lambda each: each.read_text())
        os.utime(newest, (number, number))
    assert sorted(each.read_text() for each in tmp_path.iterdir()) == ["2", "3", "4", "5", "6"]


def test_a_file_that_cannot_be_renamed_is_reported(tmp_path: Path) -> None:
    """In the words for the log; nothing is raised."""
    assert quarantine(tmp_path / "none") == "it cannot be renamed (No such file or directory)"
