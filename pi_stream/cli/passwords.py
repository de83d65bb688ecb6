"""`pi-stream password` and `pi-stream token`: who may look, and who may change anything."""

import argparse
import getpass
import sys
import time
from pathlib import Path

from msgspec import ValidationError, convert

from pi_stream.auth import store
from pi_stream.auth.credentials import MOST_TOKENS, Credentials, TokenName, Which
from pi_stream.auth.passwords import LONGEST, SHORTEST, hashed
from pi_stream.config import files as config_files
from pi_stream.errors import SettingError


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Both, with their options."""
    password = commands.add_parser("password", help="set the password that changes captions and camera, or looks")
    _common(password, "the password only allows to look, instead of to look and to change")
    password.add_argument("--stdin", action="store_true", help="read it from standard input, which is one line")
    password.add_argument("--remove", action="store_true", help="take the password away")
    password.set_defaults(run=_password)

    token = commands.add_parser("token", help="make and remove tokens, with which scripts log in")
    actions = token.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make one, and show it once; replaces one of that name")
    add.add_argument("name", metavar="NAME", help="what it is for, such as doorbell")
    _common(add, "the token only allows to look, instead of to look and to change")
    add.set_defaults(run=_add)
    remove = actions.add_parser("remove", help="end one, and what it let in")
    remove.add_argument("name", metavar="NAME")
    _common(remove)
    remove.set_defaults(run=_remove)
    listing = actions.add_parser("list", help="names, rights and dates")
    _common(listing)
    listing.set_defaults(run=_list)


def _common(parser: argparse.ArgumentParser, view: str = "") -> None:
    if view:
        parser.add_argument("--view", action="store_true", help=view)
    parser.add_argument("--state", type=Path, metavar="FOLDER", help="where the service keeps its state")


def _file(options: argparse.Namespace) -> Path:
    folder: Path = options.state or config_files.service_folder()
    return folder / store.NAME


def _password(options: argparse.Namespace) -> int:
    file, which = _file(options), _which(options)
    new = None if options.remove else hashed(_asked(options))
    with store.alone(file.parent):
        keys = store.load(file) or Credentials()
        if new is None and which not in keys.passwords:
            raise SettingError(f"{file}: there is no password to {which}")
        store.save(file, keys.with_password(which, new))
    print(
        f"The password to {which} was {'set' if new else 'removed'} in {file}; who was logged in with another is out."
    )
    print('It is asked for where the settings have: [auth] mode = "password".')
    return 0


def _asked(options: argparse.Namespace) -> str:
    """A new password. Raises SettingError when it cannot be one."""
    if options.stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise SettingError("password: there is no terminal to ask at; say --stdin to read it from standard input")
    else:
        password = getpass.getpass("New password: ")
        if getpass.getpass("Once more: ") != password:
            raise SettingError("password: the two were not the same; nothing was changed")
    if not SHORTEST <= len(password) <= LONGEST:
        raise SettingError(f"password: expected {SHORTEST} to {LONGEST} characters, got {len(password)}")
    return password


def _add(options: argparse.Namespace) -> int:
    file = _file(options)
    try:
        name = convert(options.name, TokenName)
    except ValidationError:
        raise SettingError(
            f"token: expected a name of 1 to 40 letters, digits, dots, hyphens or underscores, got {options.name!r}"
        ) from None
    with store.alone(file.parent):
        keys = store.load(file) or Credentials()
        if len(keys.tokens) >= MOST_TOKENS and name not in keys.tokens:
            raise SettingError(f"token: there are {MOST_TOKENS}, as many as may be; remove one first")
        keys, text = keys.with_token(name, _which(options), time.strftime("%Y-%m-%d"))
        store.save(file, keys)
    print(text)
    print(f"This is the token {name}, to {_which(options)}. It is not shown again.", file=sys.stderr)
    return 0


def _remove(options: argparse.Namespace) -> int:
    file = _file(options)
    with store.alone(file.parent):
        try:
            store.save(file, (store.load(file) or Credentials()).without_token(options.name))
        except KeyError:
            raise SettingError(f"{file}: there is no token {options.name!r}") from None
    return 0


def _list(options: argparse.Namespace) -> int:
    keys = store.load(_file(options)) or Credentials()
    for name, token in sorted(keys.tokens.items()):
        print(f"{name:40} {token.right:8} {token.made}")
    return 0


def _which(options: argparse.Namespace) -> Which:
    return "view" if options.view else "control"
