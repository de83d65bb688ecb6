"""What systemd is told of this service, in the datagrams of sd_notify(3).

systemd-python sends them where it is installed (Debian: python3-systemd). A virtual environment often lacks it, and
`Type=notify` without a word would count as a start that failed: then they are sent by hand, which is as simple.
"""

import importlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

_SENDING = 1.0  # seconds for a manager whose queue is full
_LONGEST = 500  # characters of a status; `systemctl status` shows it on one line


class Notify:
    """Tells the service manager how the service is. Without one (`send` is None) every method does nothing."""

    def __init__(self, send: Callable[[str], object] | None = None) -> None:
        self.note = ""  # added to each status: what a person should know until the next reload
        self._send = send
        self._status = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Notify":
        """To the socket in $NOTIFY_SOCKET, if there is one."""
        address = environment.get("NOTIFY_SOCKET")
        if not address:
            return cls()
        try:
            daemon = importlib.import_module("systemd.daemon")
        except ImportError:
            log.info("systemd is told without systemd-python, which is not installed (apt install python3-systemd)")
            return cls(lambda text: _send(address, text))
        return cls(daemon.notify)

    def tell(self, *lines: str) -> None:
        """Send assignments, such as WATCHDOG=1. That nobody takes them is logged: the service goes on without."""
        if self._send is None:
            return
        try:
            self._send("\n".join(lines))
        except OSError as error:
            log.warning("systemd cannot be told %s: %s", lines[0], error.strerror or error)

    def status(self, text: str) -> None:
        """One line on how the service is; what systemd knows already is not sent again."""
        if (line := self._line(text)) != self._status:
            self._status = line
            self.tell(f"STATUS={line}")

    def ready(self) -> None:
        """The service does its work, after a start or a reload."""
        self.tell("READY=1")

    def reloading(self) -> None:
        """It takes over changed settings, until `ready`."""
        # systemd wants to know which of several reloads this is: CLOCK_MONOTONIC, in microseconds.
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It comes to its end."""
        self.tell("STOPPING=1", "STATUS=stopping")

    def _line(self, text: str) -> str:
        line = " ".join("; ".join(part for part in (text, self.note) if part).split())
        return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _send(address: str, text: str) -> None:
    """One datagram; an address that begins with "@" is in the abstract namespace: unix(7)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.settimeout(_SENDING)
        line.connect("\0" + address[1:] if address.startswith("@") else address)
        line.sendall(text.encode())
