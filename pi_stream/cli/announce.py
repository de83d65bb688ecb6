"""Telling the network where the page is: by multicast DNS service discovery (RFC 6762, 6763), through avahi.

avahi's own program does it, and this process becomes that program: it is small, and it says it all again by itself when
avahi-daemon starts anew or another machine has the same name. A file for avahi-daemon would be read once, by a daemon
that does not know of our settings.
"""

import os
import shutil
import socket
from typing import Literal, NoReturn

from pi_stream.errors import MissingLibrary, SettingError

_PROGRAM = "avahi-publish-service"
_KINDS = {"http": "_http._tcp", "https": "_https._tcp"}  # what web browsers browse for: RFC 6335, clause 8


def announce(port: int, scheme: Literal["http", "https"]) -> NoReturn:
    """Announce the page at `port` of this machine, 1 to 65535, for as long as this process lives.

    Raises SettingError for port 0, which nobody knows beforehand, and MissingLibrary where avahi's program is not here.
    """
    if port == 0:
        raise SettingError("[server] port: expected the port to announce, got 0, which is another one at each start")
    program = shutil.which(_PROGRAM)
    if program is None:
        raise MissingLibrary(f"{_PROGRAM} is not here; `apt install avahi-utils` mends it")
    name = f"pi-stream on {socket.gethostname()}"
    os.execv(program, [_PROGRAM, "--no-fail", name, _KINDS[scheme], str(port), "path=/"])  # noqa: S606 - no shell is the point
