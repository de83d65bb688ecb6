"""`pi-stream password`: set or remove the password to view, or the password to control."""

import argparse
import getpass
import sys

from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import MAX_CHARACTERS, MIN_CHARACTERS, hash_password
from pi_stream.cli import credentials_file
from pi_stream.cli.options import Commands, add_state
from pi_stream.errors import SettingError


def add_parser(commands: Commands) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "password", help="set or remove a password: to control captions and camera, or to view"
    )
    parser.add_argument("--view", action="store_true", help="the password that allows viewing, but no changes")
    add_state(parser)
    parser.add_argument("--stdin", action="store_true", help="read the password from standard input, one line")
    parser.add_argument("--remove", action="store_true", help="remove the password")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Change the file of passwords. Raises SettingError if the password cannot be used, or the file not written."""
    file, right = credentials_file.path(options), credentials_file.right(options)
    new = None if options.remove else hash_password(_read_password(from_stdin=options.stdin))
    with store.exclusive(file.parent):
        credentials = store.load(file) or Credentials()
        if new is None and right not in credentials.passwords:
            raise SettingError(f"{file}: there is no password to {right}")
        store.save(file, credentials.with_password(right, new))
    print(
        f"The password to {right} was {'set' if new else 'removed'} in {file}. "
        "Sessions that began with the old password have ended."
    )
    print('The service asks for passwords if the settings have mode = "password" below [auth].')
    return 0


def _read_password(*, from_stdin: bool) -> str:
    """Read a new password from standard input or the terminal. Raises SettingError if it cannot be used."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise SettingError("password: standard input is not a terminal; use --stdin to read the password from it")
    else:
        password = getpass.getpass("New password: ")
        if getpass.getpass("Repeat the password: ") != password:
            raise SettingError("password: the two passwords differ; nothing was changed")
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise SettingError(f"password: expected {MIN_CHARACTERS} to {MAX_CHARACTERS} characters, got {len(password)}")
    return password
