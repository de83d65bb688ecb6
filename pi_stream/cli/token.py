"""`pi-stream token`: add, remove and list the tokens with which scripts log in."""

import argparse
import sys
import time

from msgspec import ValidationError, convert

from pi_stream.auth import store
from pi_stream.auth.credentials import MAX_TOKENS, Credentials, TokenName
from pi_stream.cli import credentials_file
from pi_stream.cli.options import Commands, add_state
from pi_stream.errors import SettingError


def add_parser(commands: Commands) -> None:
    """Add the command, its actions and their options."""
    parser = commands.add_parser("token", help="add, remove and list tokens, with which scripts log in")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a token and print it once; replaces a token of the same name")
    add.add_argument("name", metavar="NAME", help="what the token is for, such as doorbell")
    add.add_argument("--view", action="store_true", help="the token allows viewing, but no changes")
    add_state(add)
    add.set_defaults(run=_add)
    remove = actions.add_parser("remove", help="remove a token; connections that it opened are closed")
    remove.add_argument("name", metavar="NAME", help="the token's name")
    add_state(remove)
    remove.set_defaults(run=_remove)
    listing = actions.add_parser("list", help="list names, rights and dates")
    add_state(listing)
    listing.set_defaults(run=_list)


def _add(options: argparse.Namespace) -> int:
    file, right = credentials_file.path(options), credentials_file.right(options)
    try:
        name = convert(options.name, TokenName)
    except ValidationError:
        raise SettingError(
            f"token: expected a name of 1 to 40 letters, digits, dots, hyphens or underscores, got {options.name!r}"
        ) from None
    with store.exclusive(file.parent):
        credentials = store.load(file) or Credentials()
        if len(credentials.tokens) >= MAX_TOKENS and name not in credentials.tokens:
            raise SettingError(f"token: there are {MAX_TOKENS} tokens, which is the limit; remove one first")
        credentials, text = credentials.with_token(name, right, time.strftime("%Y-%m-%d"))
        store.save(file, credentials)
    print(text)
    print(f"This is the token {name}, to {right}. It is not shown again.", file=sys.stderr)
    return 0


def _remove(options: argparse.Namespace) -> int:
    file = credentials_file.path(options)
    with store.exclusive(file.parent):
        try:
            store.save(file, (store.load(file) or Credentials()).without_token(options.name))
        except KeyError:
            raise SettingError(f"{file}: there is no token {options.name!r}") from None
    return 0


def _list(options: argparse.Namespace) -> int:
    credentials = store.load(credentials_file.path(options)) or Credentials()
    for name, token in sorted(credentials.tokens.items()):
        print(f"{name:40} {token.right:8} {token.made}")
    return 0
