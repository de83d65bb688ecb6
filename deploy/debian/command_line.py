"""The commands, options and settings of pi-stream, read from its parser and config.toml, for manual and completion."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pi_stream.cli import parser


@dataclass(frozen=True)
class Argument:
    """An option, or a positional argument, which has no names. `value` is its metavar, "" for a flag."""

    names: tuple[str, ...]
    value: str
    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """`pi-stream NAME`. The name is "" for the program itself, and has two words for an action such as `token add`.

    `actions` are the second words that a command has, such as "add".
    """

    name: str
    text: str
    usage: str
    arguments: tuple[Argument, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """A line of config.toml: `key = default  # text`, under [section]."""

    section: str
    key: str
    default: str
    text: str


def commands() -> Iterator[Command]:
    """Yield all commands, in the order of --help; actions such as `token add` follow their command."""
    root = parser()
    yield from _commands("", root.description or "", root)


def settings(file: Path) -> Iterator[Setting]:
    """Yield the settings of a config.toml, in its order. Raises ValueError for a line that it cannot read."""
    section = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.fullmatch(r"(\w+) = (.*?)\s+# (.*)", line):
            yield Setting(section, *found.groups())
        elif line and not line.startswith("#"):
            raise ValueError(f"{file}: expected [section], a comment or key = value  # comment, got: {line}")


def _commands(name: str, text: str, parser: argparse.ArgumentParser) -> Iterator[Command]:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    # argparse has no public way to list them.
    subparsers = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    actions = tuple(word for action in subparsers for word in action.choices)
    yield Command(name, text, usage, tuple(_arguments(parser)), actions)
    for action in subparsers:
        texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for word, subparser in action.choices.items():
            yield from _commands(f"{name} {word}".strip(), texts[word], subparser)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
        text = (action.help or "") % {"prog": parser.prog, "default": action.default}
        yield Argument(tuple(action.option_strings), value, text, tuple(map(str, action.choices or ())))
