"""What somebody who has just set up a camera has still to do, for the page to say: little, and cheap to find out.

The doctor looks for what is wrong; this is what is right with a new machine and still wants somebody.
"""

import os
import socket
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from pi_stream.doctor import Machine, clock_is_set
from pi_stream.media.source_state import SourceState

# As Raspberry Pi OS, Debian, and a machine that was given none, are called.
_NAMES_FOR_ALL = frozenset({"", "debian", "localhost", "raspberrypi"})
_RENAME = {"raspberrypi": "raspi-config nonint do_hostname"}  # it also corrects /etc/hosts


class Step(Struct, frozen=True):
    """One thing to do, the same for as long as it has its `id`.

    `title` is what to do in a few words, `what` a sentence on how it is now, and `how` one on what changes it, with
    commands between backticks.
    """

    id: Literal["camera", "password", "name", "clock"]
    title: str
    what: str
    how: str


def of_service(state: Callable[[], SourceState], *, open_to_all: bool) -> Callable[[], list[Step]]:
    """Finds out for a running service; `state` is what its camera says about itself.

    Nothing is to be done where systemd did not give it a folder for its state: whoever tries pi-stream at a terminal
    is not setting up an appliance.
    """
    if "STATE_DIRECTORY" not in os.environ:
        return list

    def find_out() -> list[Step]:
        hostname = socket.gethostname().split(".")[0]
        return next_steps(Machine(), open_to_all=open_to_all, source=state(), hostname=hostname)

    return find_out


def next_steps(machine: Machine, *, open_to_all: bool, source: SourceState, hostname: str) -> list[Step]:
    """What there is to do, the most wanted first.

    `open_to_all`: no password is asked for. `source` is what the camera says of itself. Reads two small files.
    """
    return [
        step
        for step in (_camera(source), _password() if open_to_all else None, _name(hostname), _clock(machine))
        if step is not None
    ]


def _camera(source: SourceState) -> Step | None:
    """Only where a picture was made up because there was no camera; one that fails is told on the picture itself."""
    if source.kind != "synthetic" or not source.refused:
        return None
    return Step(
        "camera",
        "connect a camera",
        f"There was none at the start, so the picture is made up ({'; '.join(source.refused)}).",
        "Switch the machine off, connect a camera, and switch it on again; the doctor says what else may be wrong.",
    )


def _password() -> Step:
    return Step(
        "password",
        "set a password",
        "Everybody in this network can look, and can write on the picture.",
        'On the camera\'s machine: `sudo pi-stream password`; then write `mode = "password"` below [auth] in '
        "/etc/pi-stream/config.toml, and `sudo systemctl restart pi-stream`.",
    )


def _name(hostname: str) -> Step | None:
    if hostname.lower() not in _NAMES_FOR_ALL:
        return None
    command = _RENAME.get(hostname.lower(), "hostnamectl set-hostname")
    return Step(
        "name",
        "give it a name",
        f'It is called "{hostname}", as every new machine of its kind; two in one network are hard to tell apart.',
        f"On the camera's machine: `sudo {command} NAME`, then `sudo reboot`; the page is then at NAME.local.",
    )


def _clock(machine: Machine) -> Step | None:
    if clock_is_set(machine) is not False:  # None: nobody knows, so nothing is said
        return None
    return Step(
        "clock",
        "let it set its clock",
        "Its clock is not set yet, so captions with a time may show a wrong one.",
        "It sets itself as soon as it reaches the internet, or a router that gives the time.",
    )
