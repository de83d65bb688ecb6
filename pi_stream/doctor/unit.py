"""Service: what systemd says of pi-stream's unit, and of the socket unit that may start it instead."""

import subprocess

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("service")

_UNIT = "pi-stream.service"
_SOCKET = "pi-stream.socket"
_ASKED = ("LoadState", "ActiveState", "SubState", "UnitFileState", "Result", "NRestarts", "StatusText", "TriggeredBy")
_LOG = "`journalctl -u pi-stream -b -n 50` says why"


def unit(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """Whether it runs, starts with the machine, and had to be started again."""
    if not machine.path("/run/systemd/system").exists():
        return [_say.ok("there is no systemd here: `pi-stream serve` is started by hand")]
    try:
        answer = machine.ask("systemctl", "show", _UNIT, _SOCKET, f"--property={','.join(_ASKED)}")
    except subprocess.CalledProcessError:
        if not patient.serving:
            raise
        # D-Bus lets not every system's short-lived users in, and as such a one the unit runs.
        return [_say.ok("it runs: this comes from it")]
    if answer is None:
        return [_say.unknown("systemctl was not found")]
    # A block of lines for each of the two, with an empty line between.
    said, socket = (dict(line.partition("=")[::2] for line in part.splitlines()) for part in _two(answer))
    if said.get("LoadState") != "loaded":
        return [_say.ok("no unit is installed: `pi-stream serve` is started by hand")]
    if _SOCKET not in said.get("TriggeredBy", "").split():
        socket = {}
    return [_state(said, socket), *_start(said, socket)]


def _two(answer: str) -> tuple[str, str]:
    first, _, second = answer.partition("\n\n")
    return first, second


def _state(said: dict[str, str], socket: dict[str, str]) -> Finding:
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
    if socket.get("ActiveState") == "active":
        return _say.ok(f"it is started when somebody comes: {_SOCKET} has the port")
    return _say.warning("it does not run", f"`sudo systemctl start {_meant(socket)}`")


def _start(said: dict[str, str], socket: dict[str, str]) -> list[Finding]:
    if said.get("UnitFileState") in ("disabled", "masked") and socket.get("UnitFileState") != "enabled":
        return [_say.warning("it does not start with the machine", f"`sudo systemctl enable {_meant(socket)}`")]
    return []


def _meant(socket: dict[str, str]) -> str:
    """The unit that the owner of this machine starts pi-stream by."""
    return _SOCKET if socket.get("ActiveState") == "active" or socket.get("UnitFileState") == "enabled" else "pi-stream"
