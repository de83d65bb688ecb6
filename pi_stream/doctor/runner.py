"""Runs the checks, each on a thread of its own, with one time limit for all of them."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping

from pi_stream.doctor.finding import Finding

CHECKS_TIMEOUT_S = 6.0  # for all checks together; a Zero 2 W needs two or three of them to load libcamera

Check = Callable[[], list[Finding]]

# What a check raises on a machine that is not as expected. Any other exception is a bug, and is raised.
_EXPECTED = (OSError, ValueError, LookupError, ImportError, subprocess.SubprocessError)


class Doctor:
    """Runs the checks as often as it is asked to; `checks` returns them by area, anew for each run.

    A check that hangs, in a driver for example, is left behind with its thread, and is not started again until that
    thread has ended: there is never more than one thread for an area. `timeout_s`: seconds for one run.
    """

    def __init__(self, checks: Callable[[], Mapping[str, Check]], timeout_s: float = CHECKS_TIMEOUT_S) -> None:
        self._checks = checks
        self._timeout_s = timeout_s
        self._hanging: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def run_checks(self) -> list[Finding]:
        """Return all findings, in the order of the checks. Blocks for up to the time limit. Any thread may call it."""
        with self._lock:
            end = time.monotonic() + self._timeout_s
            checks = self._checks()
            self._hanging = {area: thread for area, thread in self._hanging.items() if thread.is_alive()}
            running = {area: _RunningCheck(area, check) for area, check in checks.items() if area not in self._hanging}
            findings: list[Finding] = []
            for area in checks:
                if area not in running:
                    findings.append(_hangs(area, "still hangs since the last run"))
                    continue
                running[area].thread.join(max(0.0, end - time.monotonic()))
                if running[area].thread.is_alive():
                    self._hanging[area] = running[area].thread
                    findings.append(_hangs(area, f"gave no result within {self._timeout_s:g} s"))
                else:
                    findings += running[area].result()
            return findings


class _RunningCheck:
    """One check, on a thread that is started at once."""

    def __init__(self, area: str, check: Check) -> None:
        self._area = area
        self._check = check
        self._findings: list[Finding] = []
        self._error: Exception | None = None
        # A daemon thread, because a check that hangs in the kernel must not keep the process from ending.
        self.thread = threading.Thread(target=self._run, name=f"doctor: {area}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._findings = self._check()
        except Exception as error:
            self._error = error  # `result` raises it, or makes a finding of it

    def result(self) -> list[Finding]:
        match self._error:
            case None:
                return self._findings
            case subprocess.TimeoutExpired(cmd=command, timeout=timeout):
                return [_hangs(self._area, f"got no answer from {_program(command)} within {timeout:g} s")]
            case subprocess.CalledProcessError(cmd=command, stderr=stderr):
                reason = ((stderr or "").strip().splitlines() or ["no error message"])[-1]
                return [Finding(self._area, "unknown", f"{_program(command)} failed: {reason}")]
            case PermissionError(filename=name):
                return [Finding(self._area, "unknown", f"this user cannot read {name}", _AS_ROOT)]
            case error if isinstance(error, _EXPECTED):
                return [Finding(self._area, "unknown", f"it cannot be checked: {error}")]
            case error:
                raise error


_AS_ROOT = "`sudo pi-stream doctor` can read everything."


def _program(command: list[str]) -> str:
    return command[0].rsplit("/", 1)[-1]


def _hangs(area: str, what: str) -> Finding:
    return Finding(area, "warning", f"this check {what}", "If this persists, a driver hangs: `sudo reboot`.")
