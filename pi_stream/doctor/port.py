"""Port: whether it is free for the page, or which program uses it."""

import pwd
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.device_users import is_pi_stream, open_files, program_name, unit_of
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_area = Area("port")

_LISTENING = "0A"  # TCP_LISTEN in the kernel's net/tcp_states.h
_FIRST_UNPRIVILEGED = 1024  # unless the kernel says otherwise
_SYSTEMD_PID = 1  # holds the ports of all socket units


class _Listener(NamedTuple):
    port: int
    user: int
    inode: str


def check_port(machine: Machine, context: DoctorContext) -> list[Finding]:
    """Check which program listens on the port of the settings."""
    number = context.port
    if context.serving:
        return [_area.ok("open, by this service")]
    if number == 0:
        return [_area.ok("any free port: the settings have port = 0")]
    listeners = [each for each in _listeners(machine) if each.port == number]
    if listeners:
        return [_taken(machine, number, listeners)]
    first = machine.number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if number < (_FIRST_UNPRIVILEGED if first is None else first) and machine.user != "root":
        return [
            _area.warning(
                f"{number} is free, but only root may listen on it",
                "Choose a port from 1024 up, or start pi-stream by its systemd unit.",
            )
        ]
    return [_area.ok(f"{number} is free")]


def _taken(machine: Machine, number: int, listeners: list[_Listener]) -> Finding:
    sockets = {f"socket:[{each.inode}]" for each in listeners}
    pids = sorted({pid for pid, target in open_files(machine) if target in sockets})
    own = [pid for pid in pids if is_pi_stream(machine, pid)]
    if own:
        return _area.ok(f"{number} is served by pi-stream ({own[0]})")
    change = "Or set another [server] port in the settings."
    programs = [pid for pid in pids if pid != _SYSTEMD_PID]
    if programs:
        pid = programs[0]
        unit = unit_of(machine, pid)
        stop = f"`sudo systemctl disable --now {unit}`" if unit else f"`sudo kill {pid}`"
        return _area.fault(f"{number} is in use by {program_name(machine, pid)} ({pid})", f"Stop it: {stop}. {change}")
    if _has_own_socket_unit(machine, number):
        return _area.ok(f"{number} is held by systemd, which starts pi-stream on the first connection")
    if pids:
        return _area.unknown(
            f"{number} is held by systemd for a socket unit, which may be pi-stream's own",
            f"`systemctl list-sockets` shows which. {change}",
        )
    owner = _user_name(listeners[0].user)
    if owner == "pi-stream":
        return _area.ok(f"{number} is served by pi-stream")
    return _area.unknown(
        f"{number} is in use by a program of {owner}, which may be pi-stream itself",
        f"`sudo pi-stream doctor` shows which. {change}",
    )


def _has_own_socket_unit(machine: Machine, number: int) -> bool:
    """Whether pi-stream's own socket unit has the port; false if systemd cannot be asked."""
    try:
        output = machine.run("systemctl", "show", "pi-stream.socket", "--property=ActiveState,Listen")
    except subprocess.SubprocessError:
        return False
    lines = (output or "").splitlines()
    return "ActiveState=active" in lines and any(
        line.startswith("Listen=") and line.endswith(f":{number} (Stream)") for line in lines
    )


def _listeners(machine: Machine) -> Iterator[_Listener]:
    """Read /proc/net/tcp and tcp6.

    Their columns are: number, local address:port in hexadecimal, remote, state, two queues, timer, retries, user,
    timeout, inode (Documentation/networking/proc_net_tcp.rst of Linux).
    """
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in (machine.text(name) or "").splitlines()[1:]:
            words = line.split()
            if len(words) >= 10 and words[3] == _LISTENING:
                yield _Listener(int(words[1].rpartition(":")[2], 16), int(words[7]), words[9])


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
