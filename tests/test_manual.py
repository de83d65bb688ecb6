"""What is generated from the command line and the settings: the manual pages and the shell completion."""

import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pi_stream import __version__, cli
from pi_stream.features import CONFIG
from tests.running import PATIENCE

HERE = Path(__file__).parent.parent
BASH, GROFF = shutil.which("bash"), shutil.which("groff")


def commands() -> set[str]:
    """Those that --help lists."""
    found = set(re.findall(r"^    ([a-z-]+)(?: |$)", cli.parser().format_help(), re.MULTILINE))
    assert {"serve", "check-config", "watch"} < found
    return found


def made_by(script: str, *arguments: str) -> str:
    """What one of deploy/debian's scripts writes, run as the package's build does."""
    return subprocess.run(
        [sys.executable, HERE / "deploy" / "debian" / script, *arguments],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def plain(page: str) -> str:
    """A manual page without troff's marks."""
    return re.sub(r"\\f[BIR]|\\&", "", page).replace("\\-", "-").replace("\\(dq", '"').replace("\\(aq", "'")


# --- the manual


def test_the_manual_has_every_command_and_every_option() -> None:
    """pi-stream(1) says what --help says."""
    written = made_by("manual.py", "pi-stream.1")
    assert "\\-\\-config" in written  # a bare - is a hyphen to troff, and no option can be copied from the page
    page = plain(written)
    for command in commands():
        assert f'.SS "{command}"' in page
    assert "\npi-stream token add [-h] [--view] [--state FOLDER] NAME\n" in page
    assert '.SS "token remove"\nRemove a token' in page
    for option in ("--config FILE", "--set SECTION.KEY=VALUE", "--encoding ENCODING", "--ttl TTL", "--version"):
        assert f"\n{option}\n" in page
    assert "may hold fields, such as {time:%H:%M}" in page
    assert f"pi-stream {__version__}" in page


def test_the_manual_has_every_setting_with_its_default() -> None:
    """pi-stream.toml(5) says what config.toml says."""
    page = plain(made_by("manual.py", "pi-stream.toml.5"))
    assert '.SS "[cameras.NAME]"' in page
    for section, keys in msgspec.to_builtins(CONFIG()).items():
        if section == "cameras":
            continue  # it has no keys of its own
        assert f'.SS "[{section}]"' in page
        for key in keys:
            assert re.search(rf"^{key} = .+\n.+", page, re.MULTILINE), key
    assert 'source = "auto"\nauto, picamera2' in page


def test_no_line_of_the_manual_is_taken_for_a_command_of_troffs() -> None:
    """Whatever the texts hold; and troff itself, where it is installed, has nothing to say."""
    for page in ("pi-stream.1", "pi-stream.toml.5"):
        text = made_by("manual.py", page)
        for line in text.splitlines():
            assert not line.startswith(("'", "\\")) or line.startswith(("\\f", "\\&")), line
            assert not line.startswith(".") or re.match(r"\.(TH|SH|SS|TP|PP|B|I)\b", line), line
        if GROFF:
            done = subprocess.run(
                [GROFF, "-man", "-ww", "-z", "-Tutf8"],
                input=text,
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            )
            assert done.stderr == ""


# --- the completion


class Shell:
    """An interactive bash on a terminal of its own, with the completion, where `pi-stream` says what it was given."""

    def __init__(self, folder: Path) -> None:
        (folder / "rc").write_text(
            made_by("completion.py") + '\npi-stream() { printf "<%s>" "$@"; echo .; }\nPS1=ready:\n'
        )
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            arguments = ["bash", "--noprofile", "--rcfile", "rc", "-i"]
            os.execve(BASH or "", arguments, {**os.environ, "TERM": "dumb"})  # noqa: S606 - it is the shell
        os.set_blocking(self._terminal, False)
        self._read_until("ready:")

    def type(self, line: str) -> list[str]:
        """The words that `pi-stream` was given, once the line, with its tabs, is typed."""
        os.write(self._terminal, f"{line}\n".encode())
        told = self._read_until(">.\r\n")
        return re.findall(r"<(.*?)>", told[told.rindex("\n<") :])

    def close(self) -> None:
        """End it."""
        os.close(self._terminal)  # to bash, that is: whoever sat there has gone
        os.waitpid(self.pid, 0)

    def _read_until(self, end: str) -> str:
        told, deadline = "", time.monotonic() + PATIENCE
        while end not in told:
            assert time.monotonic() < deadline, told
            try:
                told += os.read(self._terminal, 65536).decode()
            except BlockingIOError:
                time.sleep(0.01)
        return told


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


@pytest.mark.skipif(not BASH, reason="there is no bash here")
def test_bash_completes_commands_options_settings_and_files(shell: Shell, tmp_path: Path) -> None:
    """On a real terminal, with the real tab key."""
    (tmp_path / "front door.toml").touch()
    for line, words in (
        ("pi-stream ser\t", ["serve"]),
        ("pi-stream che\tfro\t", ["check-config", "front door.toml"]),
        (
            "pi-stream serve --con\tfro\t--se\tcamera.fp\t15",
            ["serve", "--config", "front door.toml", "--set", "camera.fps=15"],
        ),
        ("pi-stream watch http://x --enc\tpng", ["watch", "http://x", "--encoding", "png"]),
        ("pi-stream --vers\t", ["--version"]),
        ("pi-stream tok\trem\tx --st\t", ["token", "remove", "x", "--state"]),
        ("pi-stream caption x y --backg\t'#000000'", ["caption", "x", "y", "--background", "#000000"]),
    ):
        assert shell.type(line) == words


def test_bash_is_offered_every_command() -> None:
    """One that is new in the program is new in the shell."""
    offered = re.search(r'""\) words="(.*?)" ;;', made_by("completion.py"))
    assert offered is not None
    assert commands() <= set(offered[1].split())
