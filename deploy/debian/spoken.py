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
    """`pi-stream NAME`; the name is "" for what comes before any command."""

    name: str
    text: str
    usage: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Setting:
    """A line of config.toml: `key = default  # text`, under [section]."""

    section: str
    key: str
    default: str
    text: str


def commands() -> Iterator[Command]:
    """All of them, in the order of --help."""
    every = parser()
    yield _command("", every.description or "", every)
    for action in every._actions:  # argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):
            texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, each in action.choices.items():
                yield _command(name, texts[name], each)


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


def _command(name: str, text: str, each: argparse.ArgumentParser) -> Command:
    usage = " ".join(each.format_usage().removeprefix("usage: ").split())
    return Command(name, text, usage, tuple(_arguments(each)))


def _arguments(each: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in each._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
        text = (action.help or "") % {"prog": each.prog, "default": action.default}
        yield Argument(tuple(action.option_strings), value, text, tuple(map(str, action.choices or ())))
