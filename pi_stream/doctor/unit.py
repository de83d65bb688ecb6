"""Service: the state of pi-stream's systemd unit, and of the socket unit that may start it instead."""

import subprocess

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_area = Area("service")

_UNIT = "pi-stream.service"
_SOCKET = "pi-stream.socket"
_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "NRestarts",
    "StatusText",
    "TriggeredBy",
)
_LOG = "`journalctl -u pi-stream -b -n 50` shows the reason"


def check_unit(machine: Machine, context: DoctorContext) -> list[Finding]:
    """Check whether it runs, whether it starts at boot, and how often it was restarted."""
    if not machine.path("/run/systemd/system").exists():
        return [_area.ok("this machine has no systemd: start `pi-stream serve` by hand")]
    try:
        output = machine.run("systemctl", "show", _UNIT, _SOCKET, f"--property={','.join(_PROPERTIES)}")
    except subprocess.CalledProcessError:
        if not context.serving:
            raise
        # The unit runs as a dynamic user, which not every system's D-Bus accepts.
        return [_area.ok("it runs; this report comes from it")]
    if output is None:
        return [_area.unknown("systemctl was not found")]
    # A block of lines for each of the two, with an empty line between.
    service, socket = (dict(line.partition("=")[::2] for line in part.splitlines()) for part in _split(output))
    if service.get("LoadState") != "loaded":
        return [_area.ok("no unit is installed: start `pi-stream serve` by hand")]
    if _SOCKET not in service.get("TriggeredBy", "").split():
        socket = {}
    return [_check_state(service, socket), *_check_enabled(service, socket)]


def _split(output: str) -> tuple[str, str]:
    first, _, second = output.partition("\n\n")
    return first, second


def _check_state(service: dict[str, str], socket: dict[str, str]) -> Finding:
    state, restarts = service.get("ActiveState", ""), int(service.get("NRestarts") or 0)
    if state == "failed":
        return _area.fault(
            f"it failed ({service.get('Result', 'unknown')})", f"{_LOG}; `sudo systemctl restart pi-stream`"
        )
    if state == "activating" and service.get("SubState") == "auto-restart":
        return _area.fault(f"it fails repeatedly ({service.get('Result', 'unknown')})", f"{_LOG}.")
    if state in ("active", "activating", "reloading"):
        text = service.get("StatusText") or ("it runs" if state == "active" else "it is starting")
        if restarts:
            return _area.warning(f"{text}; it was restarted {restarts} times after failures", f"{_LOG}.")
        return _area.ok(text)
    if socket.get("ActiveState") == "active":
        return _area.ok(f"systemd starts it on the first connection: {_SOCKET} has the port")
    return _area.warning("it does not run", f"`sudo systemctl start {_started_unit(socket)}`")


def _check_enabled(service: dict[str, str], socket: dict[str, str]) -> list[Finding]:
    if service.get("UnitFileState") in ("disabled", "masked") and socket.get("UnitFileState") != "enabled":
        return [_area.warning("it does not start at boot", f"`sudo systemctl enable {_started_unit(socket)}`")]
    return []


def _started_unit(socket: dict[str, str]) -> str:
    """The unit that starts pi-stream on this machine."""
    return _SOCKET if socket.get("ActiveState") == "active" or socket.get("UnitFileState") == "enabled" else "pi-stream"
