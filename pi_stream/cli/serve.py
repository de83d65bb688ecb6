"""`pi-stream serve`: the service itself."""

import argparse
import asyncio
import faulthandler
import sys
from typing import TYPE_CHECKING

from pi_stream import __version__
from pi_stream.cli.options import Commands, add_assignments, add_config
from pi_stream.config import files as config_files
from pi_stream.config.settings import Config
from pi_stream.errors import PiStreamError
from pi_stream.features import CONFIG
from pi_stream.systemd import activation_socket
from pi_stream.systemd.journal import set_up_log

if TYPE_CHECKING:
    from pi_stream.server.app import Server
    from pi_stream.server.context import AppContext


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("serve", help="capture, draw captions, and serve the page")
    add_config(parser, text=f"the settings file (default: {config_files.SYSTEM_CONFIG}, if it exists)")
    add_assignments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""

    def read() -> Config:
        return config_files.load(options.config, options.assignments, CONFIG)

    set_up_log(sys.stderr)
    settings = read()
    faulthandler.enable()  # on the watchdog's SIGABRT it prints the stack of every thread
    listener = activation_socket()

    # A terminal that is closed sends SIGHUP; then the service ends, as every program does, instead of reloading.
    in_terminal = sys.stdin is not None and sys.stdin.isatty()

    from pi_stream.app.service import serve

    try:
        asyncio.run(
            serve(
                settings,
                state=config_files.state_folder(),
                ready=_print_ready,
                read_again=None if in_terminal else read,
                listener=listener,
            )
        )
    except BaseExceptionGroup as group:
        expected, bugs = group.split(PiStreamError)
        if expected is None or bugs is not None:
            raise
        raise _first_error(expected) from None
    return 0


def _print_ready(context: "AppContext", server: "Server") -> None:
    """Print where the page is, what the source of each camera is, and how to recognise the certificate."""
    print(f"pi-stream {__version__} is ready. Open one of these in a browser:")
    for url in server.urls:
        print(f"  {url}")
    for stream in context.streams.values():
        source = stream.supervisor.state()
        what = "Source" if len(context.streams) == 1 else f"Source of {stream.name}"
        print(f"{what}: {source.kind} ({source.why})")
        for reason in source.refused:
            print(f"  not {reason}")
        if not source.online:
            print(f"  offline now: {source.reason}")
    if (identity := context.identity) is not None:
        from pi_stream.cli import certificate_lines  # not earlier: its libraries are large

        print(*certificate_lines.summary(identity.certificate, server.urls, own=identity.self_signed), sep="\n")
        if sys.stdout.isatty():  # not in a journal
            print(*certificate_lines.qr_code(server.urls), sep="\n")
    print("Stop with Ctrl-C.", flush=True)


def _first_error(group: BaseExceptionGroup[PiStreamError]) -> PiStreamError:
    """The first error inside the nested groups that task groups raise."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, PiStreamError)  # noqa: S101 - `split` let nothing else through
    return error
