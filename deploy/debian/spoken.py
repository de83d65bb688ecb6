"""What there is to say on the command line, read off pi_stream's own parser and settings, for manual and completion."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pi_stream.cli import parser


@dataclass(frozen=True)
class Argument:
    """An option, or, with no names, a word at its place. `value` is what follows it, or "" for none."""

    names: tuple[str, ...]
    value: str
    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """`pi-stream NAME`; the name is "" for what comes before any command, and has two words for `token add`.

    `actions` are the second words that there are, such as add.
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
    """All of them, in the order of --help; actions such as `token add` after their command."""
    every = parser()
    yield from _commands("", every.description or "", every)


def settings(file: Path) -> Iterator[Setting]:
    """All of config.toml, in its order."""
    section = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
        elif found := re.fullmatch(r"(\w+) = (.*?)\s+# (.*)", line):
            yield Setting(section, *found.groups())
        elif line and not line.startswith("#"):
            raise ValueError(f"{file}: expected [section], a comment or key = value  # comment, got: {line}")


def _commands(name: str, text: str, each: argparse.ArgumentParser) -> Iterator[Command]:
    usage = " ".join(each.format_usage().removeprefix("usage: ").split())
    within = [
        action for action in each._actions if isinstance(action, argparse._SubParsersAction)
    ]  # no other way to ask
    yield Command(
        name, text, usage, tuple(_arguments(each)), tuple(word for action in within for word in action.choices)
    )
    for action in within:
        texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for word, one in action.choices.items():
            yield from _commands(f"{name} {word}".strip(), texts[word], one)


def _arguments(each: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in each._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
        text = (action.help or "") % {"prog": each.prog, "default": action.default}
        yield Argument(tuple(action.option_strings), value, text, tuple(map(str, action.choices or ())))
