"""The command line: `pi-stream serve` and the other commands, one module each. `pi-stream --help` lists them.

A command's module has `add_parser(commands)`, which adds its name and options, and `run(options)`, which does the work
and returns the exit code. A new command is one module, and one entry in `_COMMANDS`. Modules import large libraries
inside `run`, so that no command waits for the libraries of another.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from pi_stream import __version__
from pi_stream.cli import (
    announce,
    caption,
    certificate,
    check_config,
    doctor,
    migrate_config,
    password,
    serve,
    token,
    watch,
)
from pi_stream.errors import BadMessage, PiStreamError, SettingError, SourceStuck
from pi_stream.systemd.journal import priority, to_journal

# In the order of --help.
_COMMANDS = (serve, check_config, doctor, migrate_config, announce, password, token, certificate, watch, caption)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; `arguments` are those of the process unless given.

    Returns the exit code: 0 success, 1 failure, 2 wrong usage or settings, 75 (EX_TEMPFAIL of sysexits.h) failure that
    another start may cure, 130 interrupted by Ctrl-C. An error that is no PiStreamError is a bug and is raised.
    """
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (SettingError, BadMessage) as error:
        _print_error(error)
        return 2
    except SourceStuck as error:
        _print_error(error)
        return os.EX_TEMPFAIL
    except PiStreamError as error:
        _print_error(error)
        return 1
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells return it
    except BrokenPipeError:  # the program that reads our output, such as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands. The manual page and the shell completion are generated from it, too."""
    root = argparse.ArgumentParser(prog="pi-stream", description="A camera in every browser on the LAN.")
    root.add_argument("--version", action="version", version=f"pi-stream {__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    return root


def _print_error(error: PiStreamError) -> None:
    mark = f"<{priority(logging.ERROR)}>" if to_journal(sys.stderr) else ""  # sd-daemon(3)
    print(f"{mark}pi-stream: {' '.join(str(error).split())}", file=sys.stderr)
