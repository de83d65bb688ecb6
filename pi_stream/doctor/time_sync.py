"""Time: whether the clock is right. A Pi without a battery starts in the past, and sets its clock from the network."""

import subprocess
import time

from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine
from pi_stream.lib.utc_clock import EARLIEST_TIME_S, clock_is_set

_area = Area("time")

_FIX = "`sudo timedatectl set-ntp true`; the Pi then needs the internet, or a router that offers NTP."


def check_time(machine: Machine, now: float | None = None) -> list[Finding]:
    """Check the clock; `now`, in seconds since 1970, is the machine's own unless given."""
    now = time.time() if now is None else now
    today = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    if now < EARLIEST_TIME_S:
        what = f"the clock is at {today}; captions with a time show that, and https connections fail"
        return [_area.fault(what, _FIX)]
    if (is_set := clock_is_set(machine.root, now)) is not None:
        return [_set(today) if is_set else _not_set(today)]
    if not machine.path("/run/systemd/system").exists():
        return [_area.unknown(f"{today}; without systemd it is not known whether the clock was set")]
    try:
        output = machine.run("timedatectl", "show", "--property=NTPSynchronized", "--value")
    except subprocess.CalledProcessError:
        output = None  # it asks a service over D-Bus, which not every user may use
    if output in ("yes", "no"):
        return [_set(today) if output == "yes" else _not_set(today)]
    return [_area.unknown(f"{today}; it is not known whether the clock was set from the network")]


def _set(today: str) -> Finding:
    return _area.ok(f"{today}, set from the network")


def _not_set(today: str) -> Finding:
    return _area.warning(f"{today}, not set from the network, so it may be wrong", _FIX)
