"""`pi-stream announce`: multicast DNS service discovery of the page (RFC 6762, 6763), through avahi.

This process replaces itself with avahi's own program, which is small, and which announces the page again when
avahi-daemon restarts or when another machine takes the same name. A service file for avahi-daemon would be read once,
by a daemon that does not read our settings.
"""

import argparse
import os
import shutil
import socket
from typing import Literal, NoReturn

from pi_stream.cli.options import Commands, add_config
from pi_stream.config import files as config_files
from pi_stream.errors import MissingLibrary, SettingError
from pi_stream.features import CONFIG

_PROGRAM = "avahi-publish-service"
_SERVICE_TYPES = {"http": "_http._tcp", "https": "_https._tcp"}  # the types that browsers look for: RFC 6335, clause 8


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("announce", help="announce the page on the network, through avahi, until stopped")
    add_config(parser, text="the settings file with the port (default: as for serve)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> NoReturn:
    """Announce the page of these settings."""
    settings = config_files.load(options.config, kind=CONFIG)
    announce(settings.server.port, "http" if settings.tls.mode == "off" else "https")


def announce(port: int, scheme: Literal["http", "https"]) -> NoReturn:
    """Become avahi's program, which announces the page at `port` (1 to 65535) of this machine until it is stopped.

    Raises SettingError for port 0, which is a different port at each start, and MissingLibrary if avahi's program is
    not installed.
    """
    if port == 0:
        raise SettingError(
            "[server] port: expected a fixed port to announce, got 0, which is a different port at each start"
        )
    program = shutil.which(_PROGRAM)
    if program is None:
        raise MissingLibrary(f"{_PROGRAM} is not installed; fix it with `apt install avahi-utils`")
    name = f"pi-stream on {socket.gethostname()}"
    arguments = [_PROGRAM, "--no-fail", name, _SERVICE_TYPES[scheme], str(port), "path=/"]
    os.execv(program, arguments)  # noqa: S606 - no shell is the point
