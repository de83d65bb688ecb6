"""Announcing the page on the network."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pi_stream import cli


def test_port_0_is_not_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Port 0 is a different port at each start: an error, with exit code 2."""
    (tmp_path / "config.toml").write_text("[server]\nport = 0\n")
    assert cli.main(["announce", "--config", str(tmp_path / "config.toml")]) == 2
    assert "expected a fixed port to announce, got 0" in capsys.readouterr().err


def test_without_avahis_program_the_fix_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit code 1."""
    monkeypatch.setenv("PATH", os.devnull)
    assert cli.main(["announce", "--config", os.devnull]) == 1
    assert capsys.readouterr().err.endswith("fix it with `apt install avahi-utils`\n")


@pytest.mark.parametrize(("tls", "kind"), [("off", "_http._tcp"), ("self-signed", "_https._tcp")])
def test_avahis_program_is_given_name_kind_and_port(tmp_path: Path, tls: str, kind: str) -> None:
    """The process becomes it: nothing of Python is left in memory."""
    program = tmp_path / "avahi-publish-service"
    program.write_text('#!/bin/sh\necho "$$ $*"\n')
    program.chmod(0o755)
    (tmp_path / "config.toml").write_text(f"[tls]\nmode = '{tls}'\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "pi_stream", "announce", "--config", str(tmp_path / "config.toml")],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    told, _ = process.communicate(timeout=60)
    assert re.fullmatch(rf"{process.pid} --no-fail pi-stream on \S+ {kind} 8000 path=/\n", told)


def test_the_unit_of_the_announcement_is_bound_to_the_service() -> None:
    """systemd begins and ends them together."""
    unit = (Path(__file__).parent.parent / "deploy" / "pi-stream-announce.service").read_text().splitlines()
    assert {"PartOf=pi-stream.service", "WantedBy=pi-stream.service", "ExecStart=/usr/bin/pi-stream announce"} <= set(
        unit
    )
