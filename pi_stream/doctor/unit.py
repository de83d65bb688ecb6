"""Service: what systemd says of pi-stream's unit."""

import subprocess

from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.patient import Patient

_say = Area("service")

_UNIT = "pi-stream.service"
_ASKED = ("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "NRestarts", "StatusText")
_LOG = "`journalctl -u pi-stream -b -n 50` says why"


def unit(machine: Machine, patient: Patient) -> list[Finding]:
    """Whether it runs, starts with the machine, and had to be started again."""
    if not machine.path("/run/systemd/system").exists():
        return [_say.ok("there is no systemd here: `pi-stream serve` is started by hand")]
    try:
        answer = machine.ask("systemctl", "show", _UNIT, f"--property={','.join(_ASKED)}")
    except subprocess.CalledProcessError:
        if not patient.serving:
            raise
        # D-Bus lets not every system's short-lived users in, and as such a one the unit runs.
        return [_say.ok("it runs: this comes from it")]
    if answer is None:
        return [_say.unknown("systemctl was not found")]
    said = dict(line.partition("=")[::2] for line in answer.splitlines())
    if said.get("LoadState") != "loaded":
        return [_say.ok("no unit is installed: `pi-stream serve` is started by hand")]
    return [_state(said), *_start(said)]


def _state(said: dict[str, str]) -> Finding:
    state, restarts = said.get("ActiveState", ""), int(said.get("NRestarts") or 0)
    if state == "failed":
        return _say.fault(f"it failed ({said.get('Result', 'unknown')})", f"{_LOG}; `sudo systemctl restart pi-stream`")
    if state == "activating" and said.get("SubState") == "auto-restart":
        return _say.fault(f"it fails again and again ({said.get('Result', 'unknown')})", f"{_LOG}.")
    if state in ("active", "activating", "reloading"):
        told = said.get("StatusText") or ("it runs" if state == "active" else "it is starting")
        if restarts:
            return _say.warning(f"{told}; it was started again {restarts} times after a fault", f"{_LOG}.")
        return _say.ok(told)
    return _say.warning("it does not run", "`sudo systemctl start pi-stream`")


def _start(said: dict[str, str]) -> list[Finding]:
    if said.get("UnitFileState") in ("disabled", "masked"):
        return [_say.warning("it does not start with the machine", "`sudo systemctl enable pi-stream`")]
    return []
