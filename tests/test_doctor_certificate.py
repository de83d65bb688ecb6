"""What the doctor says of the certificate."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import aiohttp
import pytest

from pi_stream.doctor import CertificateInfo, Doctor, DoctorContext, Finding
from pi_stream.doctor.certificate import check_certificate
from pi_stream.errors import SettingError
from pi_stream.health import doctor_report
from pi_stream.tls import files
from tests.certificates import DAY, issue
from tests.running import running

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def _look(ends: timedelta, mode: Literal["self-signed", "files"] = "files", begins: timedelta = -DAY) -> Finding:
    shown = CertificateInfo(frozenset({"garage.local"}), NOW + begins, NOW + ends, "AB:CD")
    (found,) = check_certificate(DoctorContext(state=Path("/"), tls=mode, certificate=lambda: shown), NOW)
    return found


def test_a_certificate_that_is_right_is_told_with_its_names_end_and_fingerprint() -> None:
    """So that it can be compared with what a browser shows."""
    found = _look(60 * DAY)
    assert found.level == "ok"
    assert found.what == "for garage.local, until 2027-01-24; its fingerprint is AB:CD"


@pytest.mark.parametrize(
    ("ends", "begins", "level", "words"),
    [
        (timedelta(0), -DAY, "fault", "it expired on 2026-11-25"),
        (10 * DAY, -DAY, "warning", "until 2026-12-05"),
        (60 * DAY, DAY, "warning", "not valid before 2026-11-26"),
    ],
)
@pytest.mark.parametrize(("mode", "fix"), [("files", "reload pi-stream"), ("self-signed", "restart pi-stream")])
def test_one_that_is_not_valid_or_not_for_long_is_told_with_what_renews_it(
    ends: timedelta, begins: timedelta, level: str, words: str, mode: Literal["self-signed", "files"], fix: str
) -> None:
    """In either mode another command."""
    found = _look(ends, mode, begins)
    assert found.level == level
    assert words in found.what
    assert fix in (found.fix or "")


def test_without_tls_and_before_the_first_start_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is wrong."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    for mode, words in (("off", "served over http"), ("self-signed", "when it starts")):
        (found,) = doctor_report.for_terminal(None, [f"tls.mode={mode}"])._checks()["certificate"]()
        assert found.level == "ok"
        assert words in found.what
    assert list(tmp_path.iterdir()) == []


def test_wrong_files_are_a_fault_and_closed_ones_are_roots_to_look_at(tmp_path: Path) -> None:
    """The service may be able to read what this user cannot."""
    issued = issue(tmp_path, "a.example", ends=-DAY / 2)
    doctor = doctor_report.for_terminal(None, issued.settings)
    (found,) = doctor._checks()["certificate"]()
    assert (found.level, "expired on" in found.what) == ("fault", True)

    def closed() -> CertificateInfo:
        try:
            raise PermissionError(13, "Permission denied", "key.pem")
        except PermissionError:
            raise SettingError("[tls] key: key.pem cannot be read") from None

    context = DoctorContext(state=tmp_path, tls="files", certificate=closed)
    (found,) = Doctor(lambda: {"certificate": lambda: check_certificate(context)}).run_checks()
    assert found.level == "unknown"
    assert found.what == "this user cannot read key.pem"


async def test_the_page_of_a_service_tells_it_too(tmp_path: Path) -> None:
    """By GET /api/doctor, as it is shown at the time."""
    issued = issue(tmp_path, "a.example", "localhost")
    async with running(tmp_path, *issued.settings) as service, aiohttp.ClientSession(service.url) as session:
        fingerprint = files.load(str(issued.certificate), str(issued.key)).fingerprint
        issued.key.unlink()
        async with session.get("api/doctor", ssl=False) as answer:
            findings = (await answer.json())["findings"]
    (found,) = [each for each in findings if each["area"] == "certificate"]
    assert found["level"] == "ok"
    assert found["what"].endswith(fingerprint)
