"""Notifications to systemd: the datagrams of sd_notify(3).

systemd-python sends them if it is installed (Debian: python3-systemd). A virtual environment often lacks it, and with
`Type=notify` systemd would take a service that sends nothing for one that failed to start. Then they are sent directly.
"""

import importlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

_SEND_TIMEOUT_S = 1.0  # for a service manager whose queue is full
_MAX_STATUS_CHARACTERS = 500  # `systemctl status` shows it on one line


class Notify:
    """Sends the state of the service to the service manager; does nothing if `send` is None."""

    def __init__(self, send: Callable[[str], object] | None = None) -> None:
        self.note = ""  # added to each status, such as an error of the last reload
        self._send = send
        self._status = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Notify":
        """Send to the socket in $NOTIFY_SOCKET, if there is one."""
        address = environment.get("NOTIFY_SOCKET")
        if not address:
            return cls()
        try:
            daemon = importlib.import_module("systemd.daemon")
        except ImportError:
            log.info("systemd-python is not installed (apt install python3-systemd): systemd is notified without it")
            return cls(lambda text: _send(address, text))
        return cls(daemon.notify)

    def tell(self, *lines: str) -> None:
        """Send assignments, such as WATCHDOG=1. A failure is logged, and does not stop the service."""
        if self._send is None:
            return
        try:
            self._send("\n".join(lines))
        except OSError as error:
            log.warning("systemd cannot be notified of %s: %s", lines[0], error.strerror or error)

    def status(self, text: str) -> None:
        """Send one line on the state of the service; the same line is not sent twice."""
        if (line := self._line(text)) != self._status:
            self._status = line
            self.tell(f"STATUS={line}")

    def ready(self) -> None:
        """The service is ready, after a start or a reload."""
        self.tell("READY=1")

    def reloading(self) -> None:
        """The service reloads its settings, until `ready`."""
        # systemd needs the time of the reload on CLOCK_MONOTONIC, in microseconds.
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service stops."""
        self.tell("STOPPING=1", "STATUS=stopping")

    def _line(self, text: str) -> str:
        line = " ".join("; ".join(part for part in (text, self.note) if part).split())
        return line if len(line) <= _MAX_STATUS_CHARACTERS else line[: _MAX_STATUS_CHARACTERS - 1] + "…"


def _send(address: str, text: str) -> None:
    """Send one datagram. An address that begins with "@" is in the abstract namespace: unix(7)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(_SEND_TIMEOUT_S)
        connection.connect("\0" + address[1:] if address.startswith("@") else address)
        connection.sendall(text.encode())
