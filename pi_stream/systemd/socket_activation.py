"""Socket activation: systemd listens on the port before the service runs (sd_listen_fds(3))."""

import os
import socket
from collections.abc import MutableMapping

from pi_stream.errors import SettingError

_FIRST_FD = 3  # SD_LISTEN_FDS_START: after standard input, output and error


def activation_socket(environment: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """Return the listening TCP socket that systemd passed to this process; None if there is none.

    It also removes systemd's variables from `environment`, so that a second call returns None. Raises SettingError for
    several sockets, and for a socket of another kind.
    """
    count = environment.pop("LISTEN_FDS", "0")
    for_us = environment.pop("LISTEN_PID", "") == str(os.getpid())
    environment.pop("LISTEN_FDNAMES", None)
    if not for_us or count == "0":
        return None
    if count != "1":
        raise SettingError(f"the .socket unit: expected one ListenStream, got {count} sockets")
    try:
        os.set_inheritable(_FIRST_FD, False)
        given = socket.socket(fileno=_FIRST_FD)
    except OSError as error:
        raise SettingError(f"the .socket unit: expected a listening TCP port, got none: {error.strerror}") from None
    listens = given.type == socket.SOCK_STREAM and given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if given.family not in (socket.AF_INET, socket.AF_INET6) or not listens:
        family = given.family.name if isinstance(given.family, socket.AddressFamily) else str(given.family)
        given.close()
        raise SettingError(f"the .socket unit: expected a listening TCP port, got another socket ({family})")
    return given
