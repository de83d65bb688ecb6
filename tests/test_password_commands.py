"""`pi-stream password` and `pi-stream token`, as processes and on a terminal of their own."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pi_stream.auth import store
from pi_stream.auth.credentials import MAX_TOKENS, Credentials
from pi_stream.auth.rights import Right
from pi_stream.cli import main
from tests.running import PATIENCE


def _run(state: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pi_stream", *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "STATE_DIRECTORY": str(state)},
        check=False,
    )


def _kept(state: Path) -> Credentials:
    keys = store.load(state / store.NAME)
    assert keys is not None
    return keys


def test_a_password_is_set_changed_and_removed(tmp_path: Path) -> None:
    """From standard input, for scripts; what it was is nowhere."""
    state = tmp_path / "new"
    answer = _run(state, "password", "--stdin", said="correct horse\n")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "was set" in answer.stdout
    assert 'mode = "password"' in answer.stdout
    assert _run(state, "password", "--view", "--stdin", said="only looking\n").returncode == 0
    keys = _kept(state)
    for password, right in (("correct horse", Right.CONTROL), ("only looking", Right.VIEW)):
        grant = keys.by_password(password)
        assert grant is not None
        assert grant.right is right
    secret = keys.secret
    assert _run(state, "password", "--view", "--remove").returncode == 0
    assert set(_kept(state).passwords) == {"control"}
    assert _kept(state).secret == secret
    answer = _run(state, "password", "--view", "--remove")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "there is no password to view" in answer.stderr


@pytest.mark.parametrize("said", ["", "short\n", "x" * 201 + "\n"])
def test_a_password_that_is_none_is_refused(tmp_path: Path, said: str) -> None:
    """In one line that says how long it may be, and nothing is changed."""
    answer = _run(tmp_path, "password", "--stdin", said=said)
    assert answer.returncode == 2
    assert "expected 8 to 200 characters" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_it_is_not_asked_for(tmp_path: Path) -> None:
    """Rather than waiting for ever."""
    answer = _run(tmp_path, "password")
    assert answer.returncode == 2
    assert "--stdin" in answer.stderr


@pytest.mark.parametrize(("again", "code"), [("correct horse", 0), ("correct hose", 2)])
def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(tmp_path: Path, again: str, code: int) -> None:
    """On a real one."""
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pi_stream", "password", "--state", str(tmp_path)],
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    try:
        os.close(its)
        shown = b""
        for prompt, answer in ((b"New password: ", "correct horse"), (b"Repeat the password: ", again)):
            while prompt not in shown:
                shown += os.read(mine, 1000)
            os.write(mine, f"{answer}\n".encode())
        while process.poll() is None:
            try:
                shown += os.read(mine, 1000)
            except OSError:  # EIO: it has closed its side
                break
        assert process.wait(PATIENCE) == code
        assert b"hor" not in shown
    finally:
        process.kill()
        process.wait()
        os.close(mine)
    assert (tmp_path / store.NAME).exists() is (code == 0)


def test_a_token_is_shown_once_listed_and_removed(tmp_path: Path) -> None:
    """Alone on standard output, for a script to take."""
    made = _run(tmp_path, "token", "add", "doorbell", "--view")
    assert made.returncode == 0
    text = made.stdout.strip()
    grant = _kept(tmp_path).by_token(text)
    assert grant is not None
    assert grant.right is Right.VIEW
    assert _run(tmp_path, "token", "add", "cron").returncode == 0
    listed = _run(tmp_path, "token", "list").stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [["cron", "control"], ["doorbell", "view"]]
    assert text not in listed
    assert _run(tmp_path, "token", "remove", "doorbell").returncode == 0
    assert _kept(tmp_path).by_token(text) is None
    answer = _run(tmp_path, "token", "remove", "doorbell")
    assert answer.returncode == 2
    assert "there is no token 'doorbell'" in answer.stderr


def test_tokens_have_names_and_a_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each refusal says what it may be."""
    for number in range(MAX_TOKENS):
        assert main(["token", "add", f"t{number}", "--state", str(tmp_path)]) == 0
    for name, words in (("one-more", "which is the limit"), ("a b", "letters, digits"), ("", "letters, digits")):
        assert main(["token", "add", name, "--state", str(tmp_path)]) == 2
        assert words in capsys.readouterr().err
    assert main(["token", "add", "t1", "--state", str(tmp_path)]) == 0  # in place of the old one
    assert len(_kept(tmp_path).tokens) == MAX_TOKENS


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its name, and no traceback."""
    (tmp_path / "file").write_text("")
    assert main(["token", "add", "x", "--state", str(tmp_path / "file" / "state")]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err
