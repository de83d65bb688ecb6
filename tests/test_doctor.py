"""The doctor as a whole: its time limit, its output on a terminal and as JSON, and the list in docs/doctor.md."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pi_stream.config.settings import Config
from pi_stream.doctor import Doctor, DoctorContext, Finding, Machine, checks, worst
from pi_stream.doctor.table import summary, table
from pi_stream.health import doctor_report
from pi_stream.health.doctor_report import DoctorReports
from tests.launchers import NOBODY_KNOWN, or_skip
from tests.machines import Tree, laptop, pi_4, pi_5, zero_2
from tests.running import PATIENCE, free_port, http, process, running

DOCS = Path(__file__).parent.parent / "docs" / "doctor.md"
FINE = Finding("camera", "ok", "imx708 (libcamera)")
HOT = Finding("temperature", "warning", "84 °C", "Give it air.")
GONE = Finding("camera", "fault", "no camera was found", "Press the ribbon in; `rpicam-hello --list-cameras` lists it.")


def doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`pi-stream doctor`, here."""
    return subprocess.run(
        [sys.executable, "-m", "pi_stream", "doctor", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


# --- the runs


def test_a_check_that_hangs_is_a_warning_and_keeps_nobody_waiting() -> None:
    """The others are told in their order; the one that hangs is not begun again before it has come back."""
    calls, free = [], threading.Event()

    def hangs() -> list[Finding]:
        calls.append(1)
        free.wait(PATIENCE)
        return [HOT]

    try:
        ill = Doctor(lambda: {"temperature": hangs, "camera": lambda: [FINE]}, timeout_s=0.2)
        for words in ("gave no result within 0.2 s", "still hangs"):
            begun = time.monotonic()
            first, second = ill.run_checks()
            assert time.monotonic() - begun < PATIENCE / 2
            assert (first.area, first.level) == ("temperature", "warning")
            assert words in first.what
            assert second == FINE
        assert len(calls) == 1
    finally:
        free.set()
    deadline = time.monotonic() + PATIENCE
    while ill.run_checks() != [HOT, FINE]:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("error", "level", "words"),
    [
        (subprocess.TimeoutExpired(["/usr/bin/vcgencmd", "get_throttled"], 2.0), "warning", "vcgencmd within 2 s"),
        (subprocess.CalledProcessError(1, ["/usr/bin/systemctl"], stderr="a\nno bus\n"), "unknown", "failed: no bus"),
        (PermissionError(13, "Permission denied", "/proc/locks"), "unknown", "cannot read /proc/locks"),
        (ValueError("invalid literal for int()"), "unknown", "invalid literal"),
        (OSError(5, "Input/output error"), "unknown", "Input/output error"),
    ],
)
def test_what_cannot_be_looked_at_is_told_and_the_rest_goes_on(error: Exception, level: str, words: str) -> None:
    """A machine may be as it likes."""

    def fails() -> list[Finding]:
        raise error

    first, second = Doctor(lambda: {"power": fails, "camera": lambda: [FINE]}).run_checks()
    assert (first.area, first.level, second) == ("power", level, FINE)
    assert words in first.what


def test_a_bug_of_a_check_is_not_hidden() -> None:
    """It is for us to fix, not for whoever asked."""

    def wrong() -> list[Finding]:
        raise TypeError("a mistake of ours")

    with pytest.raises(TypeError, match="a mistake of ours"):
        Doctor(lambda: {"power": wrong}).run_checks()


@pytest.mark.parametrize("build", [pi_5, pi_4, zero_2, laptop, Tree])
def test_every_machine_can_be_looked_at(tmp_path: Path, build: Callable[[Path], Tree]) -> None:
    """Each finding is of its check's area; what is not right has a fix, or says why there is none."""
    looks = checks(build(tmp_path).machine, DoctorContext(state=tmp_path))
    for area, look in looks.items():
        for finding in look():
            assert finding.area == area
            assert finding.what
            assert (finding.fix is None) == (finding.level == "ok") or finding.level == "unknown"


def test_a_machine_that_shows_nothing_is_no_crash(tmp_path: Path) -> None:
    """An empty root: no /proc, no /sys."""
    machine = Machine(root=tmp_path, run=lambda *_, **__: None)
    findings = Doctor(lambda: checks(machine, DoctorContext(state=tmp_path))).run_checks()
    assert {each.area for each in findings} >= {"memory", "system"}


# --- on a terminal


def test_the_table_is_aligned_and_wrapped() -> None:
    """The fix stands below what it fixes; a command is not cut inside a word."""
    assert list(table([GONE, HOT], width=60, colour=False)) == [
        "fault    camera       no camera was found",
        "                      > Press the ribbon in; `rpicam-hello",
        "                        --list-cameras` lists it.",
        "warning  temperature  84 °C",
        "                      > Give it air.",
    ]
    assert summary([FINE, GONE, GONE, HOT]) == "2 faults, 1 warning; everything else is ok."
    assert summary([FINE]) == "Everything is ok."
    assert worst([FINE, HOT]) == "warning"
    assert worst([HOT, GONE, FINE]) == "fault"
    assert worst([]) == "ok"


def test_colour_is_for_terminals() -> None:
    """Where it is wanted only the level has one."""
    assert next(table([HOT], width=60, colour=True)).startswith("\033[33mwarning  \033[0mtemperature")


def test_the_command_says_how_this_machine_is() -> None:
    """Every area, without colour where nobody looks, in a few seconds, and with nothing else on the side."""
    answer = doctor("--set", f"server.port={free_port()}", "--set", "camera.source=synthetic")
    assert answer.returncode == 0, answer.stdout
    assert answer.stderr == ""
    assert "\033" not in answer.stdout
    areas = checks(Machine(), DoctorContext(state=Path("/")))
    for area in areas:
        assert f"  {area}  " in answer.stdout
    assert "is free" in answer.stdout


@pytest.mark.parametrize(("no_color", "colours"), [("", True), ("1", False)])
def test_a_terminal_has_colour_unless_it_wants_none(no_color: str, colours: bool) -> None:
    """A real terminal; NO_COLOR says what it wants."""
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "pi_stream", "doctor", "--set", "camera.source=synthetic"],
            env={**os.environ, "NO_COLOR": no_color},
            stdout=theirs,
        )
    finally:
        os.close(theirs)
    told = bytearray()
    with os.fdopen(ours, "rb", buffering=0) as terminal, suppress(OSError):  # EIO: the other end was closed
        while part := terminal.read(4096):
            told += part
    assert child.wait(PATIENCE) == 0
    assert (b"\033[32mok" in told) is colours
    assert b"system" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [("[camera]\nwidth = 641", "got 641"), ('[camera]\npath = "/no/film.mp4"', "no such file: /no/film.mp4")],
)
def test_wrong_settings_are_a_fault_and_the_other_looks_are_made_all_the_same(
    tmp_path: Path, text: str, words: str
) -> None:
    """Exit code 1; the JSON says which."""
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    answer = doctor("--json", "--config", str(file))
    assert answer.returncode == 1
    report = json.loads(answer.stdout)
    assert report["verdict"] == "fault"
    assert {each["area"] for each in report["findings"]} == set(checks(Machine(), DoctorContext(state=tmp_path)))
    (wrong,) = [each for each in report["findings"] if each["area"] == "settings"]
    assert words in wrong["what"]


def test_a_device_that_is_named_by_a_link_is_not_taken_for_a_film(tmp_path: Path) -> None:
    """Wherever the link lies: source "auto" looks at what it leads to."""
    link = tmp_path / "camera"
    link.symlink_to("/dev/null")
    (settings,) = [
        each
        for each in json.loads(doctor("--json", "--set", f"camera.path={link}").stdout)["findings"]
        if each["area"] == "settings"
    ]
    assert settings["level"] == "ok"


def test_a_missing_font_is_not_told_twice() -> None:
    """The finding says it; the overlay's warning in the log does not come on top."""
    answer = doctor("--set", "camera.source=synthetic", PATH="/nowhere")
    assert answer.stderr == ""
    assert "no font for" in answer.stdout
    assert "fonts-noto-cjk" in answer.stdout


async def test_the_doctor_knows_a_pi_stream_that_runs(tmp_path: Path) -> None:
    """Its port is not taken by a stranger."""
    number = free_port()
    async with process(tmp_path, f"server.port={number}") as service:
        answer = await asyncio.to_thread(doctor, "--json", "--set", f"server.port={number}")
    (port,) = [each for each in json.loads(answer.stdout)["findings"] if each["area"] == "port"]
    assert (port["level"], port["what"]) == ("ok", f"{number} is served by pi-stream ({service.process.pid})")


# --- for the page


async def test_the_service_says_what_the_command_says(tmp_path: Path) -> None:
    """As JSON, never from a cache; of itself it knows that it has the port."""
    async with running(tmp_path) as service, http(service) as session, session.get("api/doctor") as answer:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        report = await answer.json()
    assert report["verdict"] in ("ok", "warning", "unknown")
    assert set(report["findings"][0]) == {"area", "level", "what", "fix"}
    assert {each["area"] for each in report["findings"]} == set(checks(Machine(), DoctorContext(state=tmp_path)))
    (settings,) = [each for each in report["findings"] if each["area"] == "settings"]
    assert settings["level"] == "ok"


async def test_a_user_whom_nobody_knows_may_be_told_how_it_is(tmp_path: Path) -> None:
    """Without a home, and without a line in /etc/passwd: the folder is named, and the service goes on."""
    launcher = await or_skip(NOBODY_KNOWN, "a user without a name")
    async with process(tmp_path, launcher=launcher) as service, http(service) as session:
        async with session.get("api/doctor") as answer:
            assert answer.status == 200
            (storage,) = [each for each in (await answer.json())["findings"] if each["area"] == "storage"]
        assert f"captions are kept in {tmp_path}, " in storage["what"]
        async with session.get("healthz") as answer:
            assert answer.status == 200
        assert await service.stop() == 0


async def test_requests_share_one_run_of_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is made, and for a while after it; then the next one makes a new one."""
    made, go = [], threading.Event()

    def look() -> list[Finding]:
        made.append(1)
        go.wait(PATIENCE)
        return [FINE]

    shared = DoctorReports(Doctor(lambda: {"camera": look}))
    asking = [asyncio.ensure_future(shared.report()) for _ in range(20)]
    await asyncio.sleep(0)
    asking.pop().cancel()  # who goes away takes it from nobody
    go.set()
    assert {report.verdict for report in await asyncio.gather(*asking)} == {"ok"}
    await shared.report()
    assert len(made) == 1
    monkeypatch.setattr(doctor_report, "_REPORT_VALID_S", 0.0)
    shared._valid_until = 0.0
    await shared.report()
    assert len(made) == 2


def test_the_services_doctor_knows_when_the_camera_is_its_own(tmp_path: Path) -> None:
    """So that libcamera is not asked while it takes pictures for us."""
    report = doctor_report.make_report(doctor_report.for_service(Config, tmp_path, lambda: True)._doctor)
    (camera,) = [each for each in report.findings if each.area == "camera" and "libcamera" in each.what]
    assert "in use" in camera.what


async def test_a_report_that_was_discarded_is_made_again() -> None:
    """After a reload the settings may be others."""
    made: list[int] = []

    def check() -> list[Finding]:
        made.append(1)
        return [FINE]

    reports = DoctorReports(Doctor(lambda: {"camera": check}))
    await reports.report()
    await reports.report()
    assert len(made) == 1
    reports.discard()
    await reports.report()
    assert len(made) == 2


def test_a_library_of_the_system_has_no_version() -> None:
    """libturbojpeg is no Python package."""
    assert doctor_report._library("no-such-package") == "the system's library"


def test_the_film_decoder_is_really_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV no film can be shown, and the doctor says so."""
    for name in [each for each in sys.modules if each == "av" or each.startswith(("av.", "pi_stream.sources.films"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError):
        doctor_report._try_encoders()["films"]()


# --- the documentation


def test_the_documentation_lists_the_checks_in_their_order() -> None:
    """No more and no fewer."""
    table = DOCS.read_text(encoding="utf-8").partition("## What it looks at")[2]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert rows[1:] == list(checks(Machine(), DoctorContext(state=Path("/"))))  # the first row is the heading
