"""Time: whether the clock is right. A Pi without a battery starts in the past until the network tells it the time."""

import subprocess
import time

from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("time")

_BORN = 1_767_225_600  # seconds since 1970 at the beginning of 2026: before this was written
# systemd-timesyncd makes this file when it has set the clock. adjtimex would say it too, but the service's sandbox
# ends whoever calls it.
_TIMESYNC = "/run/systemd/timesync"  # a folder while it runs
_SET = f"{_TIMESYNC}/synchronized"
_FROM_NETWORK = "`sudo timedatectl set-ntp true`, and the Pi needs the internet, or a router that gives the time."


def clock_is_set(machine: Machine, now: float | None = None) -> bool | None:
    """Whether the clock was set from the network, as far as files say; None: they do not. `now`: seconds since 1970."""
    if (time.time() if now is None else now) < _BORN:
        return False
    if machine.path(_SET).exists():
        return True
    return False if machine.path(_TIMESYNC).exists() else None


def time_sync(machine: Machine, now: float | None = None) -> list[Finding]:
    """The clock; `now`, in seconds since 1970, is the machine's own unless given."""
    now = time.time() if now is None else now
    today = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    if now < _BORN:
        what = f"the clock says {today}; captions with a time show that, and secure connections fail"
        return [_say.fault(what, _FROM_NETWORK)]
    if (is_set := clock_is_set(machine, now)) is not None:
        return [_set(today) if is_set else _not_set(today)]
    if not machine.path("/run/systemd/system").exists():
        return [_say.unknown(f"{today}; without systemd, who sets the clock is not known")]
    try:
        answer = machine.ask("timedatectl", "show", "--property=NTPSynchronized", "--value")
    except subprocess.CalledProcessError:
        answer = None  # it asks a service over D-Bus, which does not let everybody in
    if answer in ("yes", "no"):
        return [_set(today) if answer == "yes" else _not_set(today)]
    return [_say.unknown(f"{today}; whether it is set from the network is not known")]


def _set(today: str) -> Finding:
    return _say.ok(f"{today}, set from the network")


def _not_set(today: str) -> Finding:
    return _say.warning(f"{today}, not set from the network, so it may be wrong", _FROM_NETWORK)
