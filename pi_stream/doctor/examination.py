"""An examination: every check on a thread of its own, and none waited for longer than the rest can bear."""

import subprocess
import threading
import time
from collections.abc import Callable, Mapping

from pi_stream.doctor.finding import Finding

PATIENCE = 6.0  # seconds for all checks together; a Zero 2 W needs two or three of them to load libcamera

Look = Callable[[], list[Finding]]

# What a machine that is not as expected makes a check raise. All else is a bug of ours, and is let out.
_EXPECTED = (OSError, ValueError, LookupError, ImportError, subprocess.SubprocessError)


class Doctor:
    """Examines as often as it is asked to, with what `checks` gives for it: checks by area.

    A check that hangs, in a driver for one, is left behind with its thread, and is not started again until it has come
    back: there is never more than one thread for an area.
    """

    def __init__(self, checks: Callable[[], Mapping[str, Look]], patience: float = PATIENCE) -> None:
        self._checks = checks
        self._patience = patience
        self._away: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def examine(self) -> list[Finding]:
        """All findings, in the order of the checks. Blocks, at most for the doctor's patience; on any thread."""
        with self._lock:
            end = time.monotonic() + self._patience
            checks = self._checks()
            self._away = {area: thread for area, thread in self._away.items() if thread.is_alive()}
            looks = {area: _Look(area, look) for area, look in checks.items() if area not in self._away}
            findings: list[Finding] = []
            for area in checks:
                if area not in looks:
                    findings.append(_hangs(area, "still hangs in the look before"))
                    continue
                looks[area].thread.join(max(0.0, end - time.monotonic()))
                if looks[area].thread.is_alive():
                    self._away[area] = looks[area].thread
                    findings.append(_hangs(area, f"gave no answer in {self._patience:g} s"))
                else:
                    findings += looks[area].outcome()
            return findings


class _Look:
    """One check under way."""

    def __init__(self, area: str, look: Look) -> None:
        self._area = area
        self._look = look
        self._found: list[Finding] = []
        self._error: Exception | None = None
        # A daemon, for a check that hangs in the kernel must not keep the process from ending.
        self.thread = threading.Thread(target=self._run, name=f"doctor: {area}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._found = self._look()
        except Exception as error:
            self._error = error  # `outcome` raises it, or puts it into words

    def outcome(self) -> list[Finding]:
        match self._error:
            case None:
                return self._found
            case subprocess.TimeoutExpired(cmd=command, timeout=timeout):
                return [_hangs(self._area, f"got no answer from {_program(command)} in {timeout:g} s")]
            case subprocess.CalledProcessError(cmd=command, stderr=stderr):
                last = ((stderr or "").strip().splitlines() or ["it says nothing"])[-1]
                return [Finding(self._area, "unknown", f"{_program(command)} failed: {last}")]
            case PermissionError(filename=name):
                return [Finding(self._area, "unknown", f"{name} may not be read by this user", _AS_ROOT)]
            case error if isinstance(error, _EXPECTED):
                return [Finding(self._area, "unknown", f"it cannot be looked at: {error}")]
            case error:
                raise error


_AS_ROOT = "`sudo pi-stream doctor` may look at everything."


def _program(command: list[str]) -> str:
    return command[0].rsplit("/", 1)[-1]


def _hangs(area: str, what: str) -> Finding:
    return Finding(area, "warning", f"this check {what}", "If that stays so, a driver hangs: `sudo reboot`.")
