"""The port, where systemd listens on it before the service runs (socket activation, sd_listen_fds(3))."""

import os
import socket
from collections.abc import MutableMapping

from pi_stream.errors import SettingError

_FIRST = 3  # SD_LISTEN_FDS_START: after standard input, output and error


def activation_socket(environment: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """The listening TCP socket that this process was given, if it was.

    It is taken once, and what announced it leaves the environment. Raises SettingError for more than one, and for
    one of another kind.
    """
    count = environment.pop("LISTEN_FDS", "0")
    meant = environment.pop("LISTEN_PID", "") == str(os.getpid())
    environment.pop("LISTEN_FDNAMES", None)
    if not meant or count == "0":
        return None
    if count != "1":
        raise SettingError(f"the .socket unit: expected one ListenStream, got {count} sockets")
    try:
        os.set_inheritable(_FIRST, False)
        given = socket.socket(fileno=_FIRST)
    except OSError as error:
        raise SettingError(f"the .socket unit: expected a listening TCP port, got none: {error.strerror}") from None
    listens = given.type == socket.SOCK_STREAM and given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if given.family not in (socket.AF_INET, socket.AF_INET6) or not listens:
        family = given.family.name if isinstance(given.family, socket.AddressFamily) else str(given.family)
        given.close()
        raise SettingError(f"the .socket unit: expected a listening TCP port, got another socket ({family})")
    return given
