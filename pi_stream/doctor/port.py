"""Port: whether the page can be served, or is already, or by whom it is taken."""

import pwd
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.device_users import called, is_ours, opened, unit_of
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("port")

_LISTENING = "0A"  # TCP_LISTEN in the kernel's net/tcp_states.h
_FIRST_FREE = 1024  # the first port for which no right is needed, where the kernel does not say another
_SYSTEMD = 1  # the process that holds the ports of all socket units


class _Listener(NamedTuple):
    port: int
    user: int
    inode: str


def port(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """Who listens on the port of the settings."""
    number = patient.port
    if patient.serving:
        return [_say.ok("it is open: this comes from it")]
    if number == 0:
        return [_say.ok("any that is free: the settings say port = 0")]
    listeners = [each for each in _listeners(machine) if each.port == number]
    if listeners:
        return [_taken(machine, number, listeners)]
    first = machine.number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if number < (_FIRST_FREE if first is None else first) and machine.user != "root":
        return [
            _say.warning(
                f"{number} is free, but only root may listen there",
                "Choose one from 1024 up, or let systemd's unit start pi-stream.",
            )
        ]
    return [_say.ok(f"{number} is free")]


def _taken(machine: Machine, number: int, listeners: list[_Listener]) -> Finding:
    sockets = {f"socket:[{each.inode}]" for each in listeners}
    pids = sorted({pid for pid, target in opened(machine) if target in sockets})
    ours = [pid for pid in pids if is_ours(machine, pid)]
    if ours:
        return _say.ok(f"{number} is served by pi-stream ({ours[0]})")
    another = "Or choose another: [server] port in the settings."
    programs = [pid for pid in pids if pid != _SYSTEMD]
    if programs:
        pid = programs[0]
        unit = unit_of(machine, pid)
        stop = f"`sudo systemctl disable --now {unit}`" if unit else f"`sudo kill {pid}`"
        return _say.fault(f"{number} is taken by {called(machine, pid)} ({pid})", f"End it: {stop}. {another}")
    if _is_for_us(machine, number):
        return _say.ok(f"{number} is held by systemd, which starts pi-stream when somebody comes")
    if pids:
        return _say.unknown(
            f"{number} is held by systemd for a socket unit, which may be pi-stream's own",
            f"`systemctl list-sockets` says which it is. {another}",
        )
    owner = _name(listeners[0].user)
    if owner == "pi-stream":
        return _say.ok(f"{number} is served by pi-stream")
    return _say.unknown(
        f"{number} is taken by a program of {owner}, which may be pi-stream itself",
        f"`sudo pi-stream doctor` says which it is. {another}",
    )


def _is_for_us(machine: Machine, number: int) -> bool:
    """Whether pi-stream's own socket unit has the port; not, too, where nobody can be asked."""
    try:
        answer = machine.ask("systemctl", "show", "pi-stream.socket", "--property=ActiveState,Listen")
    except subprocess.SubprocessError:
        return False
    said = (answer or "").splitlines()
    return "ActiveState=active" in said and any(
        line.startswith("Listen=") and line.endswith(f":{number} (Stream)") for line in said
    )


def _listeners(machine: Machine) -> Iterator[_Listener]:
    """/proc/net/tcp: number, local address:port in hexadecimal, remote, state, two queues, timer, retries, user,
    timeout, inode (Linux' Documentation/networking/proc_net_tcp.rst)."""
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in (machine.text(name) or "").splitlines()[1:]:
            words = line.split()
            if len(words) >= 10 and words[3] == _LISTENING:
                yield _Listener(int(words[1].rpartition(":")[2], 16), int(words[7]), words[9])


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
