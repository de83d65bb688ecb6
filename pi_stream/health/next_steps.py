"""What is left to do on a new appliance, for the page to show: few steps, and cheap to find.

The doctor reports what is wrong; a step is something that is normal on a new machine, and that its owner should change.
"""

import os
import socket
from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from pi_stream.doctor import Machine
from pi_stream.lib.utc_clock import clock_is_set
from pi_stream.media.source_state import SourceState

# The names of machines that were given none, of Debian and of Raspberry Pi OS.
_DEFAULT_HOSTNAMES = frozenset({"", "debian", "localhost", "raspberrypi"})
_RENAME = {"raspberrypi": "raspi-config nonint do_hostname"}  # it also corrects /etc/hosts


class Step(Struct, frozen=True):
    """One thing to do; `id` says which, and stays the same.

    `title` is what to do in a few words, `what` a sentence on the present state, and `how` says how to change it, with
    commands between backticks.
    """

    id: Literal["camera", "password", "name", "clock"]
    title: str
    what: str
    how: str


def for_service(sources: Callable[[], Mapping[str, SourceState]], *, open_to_all: bool) -> Callable[[], list[Step]]:
    """Return a function that finds the steps of a running service; `sources` returns what each camera reports.

    There are none if systemd gave the service no state folder: then it runs at a terminal, and is no appliance.
    """
    if "STATE_DIRECTORY" not in os.environ:
        return list

    def find() -> list[Step]:
        hostname = socket.gethostname().split(".")[0]
        return next_steps(Machine(), open_to_all=open_to_all, sources=sources(), hostname=hostname)

    return find


def next_steps(machine: Machine, *, open_to_all: bool, sources: Mapping[str, SourceState], hostname: str) -> list[Step]:
    """Return the steps, the most important first. Reads two small files.

    `open_to_all`: the service asks for no password. `sources` is what each camera reports, by its name.
    """
    return [
        step
        for step in (_camera(sources), _password() if open_to_all else None, _name(hostname), _clock(machine))
        if step is not None
    ]


def _camera(sources: Mapping[str, SourceState]) -> Step | None:
    """Only for a test picture that is shown because no camera was found; a camera that fails says so on its picture."""
    missing = {name: source for name, source in sources.items() if source.kind == "synthetic" and source.refused}
    if not missing:
        return None
    reasons = "; ".join(dict.fromkeys(reason for source in missing.values() for reason in source.refused))
    place = f" for {', '.join(missing)}" if len(sources) > 1 else ""
    return Step(
        "camera",
        "connect a camera",
        f"No camera was found at the start{place}, so a test picture is shown ({reasons}).",
        "Switch the machine off, connect a camera, and switch it on again; the doctor reports other problems.",
    )


def _password() -> Step:
    return Step(
        "password",
        "set a password",
        "Everyone on this network can view the picture and write on it.",
        'On the camera\'s machine: `sudo pi-stream password`; then write `mode = "password"` below [auth] in '
        "/etc/pi-stream/config.toml, and `sudo systemctl restart pi-stream`.",
    )


def _name(hostname: str) -> Step | None:
    if hostname.lower() not in _DEFAULT_HOSTNAMES:
        return None
    command = _RENAME.get(hostname.lower(), "hostnamectl set-hostname")
    return Step(
        "name",
        "rename the machine",
        f'Its name is "{hostname}", like that of every new machine; two of the same name are hard to tell apart.',
        f"On the camera's machine: `sudo {command} NAME`, then `sudo reboot`; the page is then at NAME.local.",
    )


def _clock(machine: Machine) -> Step | None:
    if clock_is_set(machine.root) is not False:  # None: it is not known
        return None
    return Step(
        "clock",
        "set the clock",
        "The clock is not set yet, so captions with a time may show a wrong one.",
        "The machine sets it as soon as it reaches the internet, or a router that offers NTP.",
    )
