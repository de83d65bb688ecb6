"""The files that systemd is given, as far as they can be judged without one that runs."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pi_stream.app.maintenance import longest_silence_s
from pi_stream.config.settings import Config

DEPLOY = Path(__file__).parent.parent / "deploy"
UNIT = DEPLOY / "pi-stream.service"


def _settings(path: Path) -> dict[str, list[str]]:
    """Every assignment of a unit file, in order."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_its_exposure_is_at_most_one_and_a_half() -> None:
    """By systemd's own count; its threshold is ten times that."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("this machine has no systemd-analyze")
    command = [analyze, "security", "--offline=true", "--threshold=15", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_the_watchdog_waits_as_long_as_the_default_settings_need() -> None:
    """No less, or it would end what mends itself; and no more, or a hang would last longer."""
    assert _settings(UNIT)["WatchdogSec"] == [f"{longest_silence_s(Config()):g}s"]


def test_the_drop_in_for_installing_by_hand_changes_what_it_must() -> None:
    """A program elsewhere (the first, empty ExecStart takes the unit's away), and a reload that Debian 12 knows."""
    drop_in = _settings(DEPLOY / "hand-install.conf")
    assert drop_in["ExecStart"] == ["", "/opt/pi-stream/venv/bin/pi-stream serve"]
    assert (drop_in["Type"], drop_in["ExecReload"]) == (["notify"], ["/bin/kill -HUP $MAINPID"])
    install = (DEPLOY.parent / "docs" / "install.md").read_text(encoding="utf-8")
    assert "deploy/hand-install.conf" in install
    assert drop_in["ExecStart"][1].split()[0] in install


def test_the_socket_unit_listens_where_the_settings_do() -> None:
    """At the default port."""
    parser = configparser.ConfigParser()
    parser.read(DEPLOY / "pi-stream.socket", encoding="utf-8")
    assert parser["Socket"]["ListenStream"] == str(Config().server.port)
