"""What settings were called in earlier versions, and how a file that still says so is brought up to date. No I/O.

An old name goes on to be understood. The file is rewritten by `pi-stream migrate-config` only, line by line, so that
comments and order stay; the outcome is read again and compared, and what such simple means cannot do is refused.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from pi_stream.errors import SettingError

Moves = Mapping[str, str | None]

MOVED: Moves = {}
"""Old name to new, both as section.key; to None for what is gone. Since 0.1.0 no setting was renamed or removed."""

_SECTION = re.compile(r"\s*\[\s*(?P<name>[\w-]+)\s*\]\s*(#.*)?$")
_KEY = re.compile(r"(?P<before>\s*)(?P<name>[\w-]+)(?P<after>\s*=.*)$")


def current_names(table: Mapping[str, Any], moved: Moves = MOVED) -> tuple[dict[str, Any], list[str]]:
    """The settings of a file under the names of today, and a sentence for each that had another.

    Where a file has both, the new name counts.
    """
    today: dict[str, Any] = {name: dict(keys) if isinstance(keys, dict) else keys for name, keys in table.items()}
    said = []
    for old, new in moved.items():
        section, _, key = old.partition(".")
        if not isinstance(today.get(section), dict) or key not in today[section]:
            continue
        value = today[section].pop(key)
        if not today[section]:
            del today[section]
        if new is None:
            said.append(f"{old} is no setting any more")
            continue
        said.append(f"{old} is called {new} now")
        target, _, name = new.partition(".")
        today.setdefault(target, {}).setdefault(name, value)
    return today, said


def rewrite(text: str, moved: Moves = MOVED) -> tuple[str, list[str]]:
    """A file's text under the names of today, and what was changed.

    Raises SettingError, and tomllib.TOMLDecodeError for what is no TOML, when it has to be done by hand.
    """
    wanted, said = current_names(tomllib.loads(text), moved)
    if not said:
        return text, []
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    for old, new in moved.items():
        _move(lines, old, new)
    rewritten = newline.join(lines) + newline
    try:
        got = tomllib.loads(rewritten)
    except tomllib.TOMLDecodeError:
        got = {}
    if {name: keys for name, keys in got.items() if keys} != wanted:
        raise SettingError(f"it is written in a way that only a person can change: {'; '.join(said)}")
    return rewritten, said


def _move(lines: list[str], old: str, new: str | None) -> None:
    section, _, key = old.partition(".")
    at = _find(lines, section, key)
    if at is None:
        return
    target, _, name = (new or "").partition(".")
    line = _KEY.sub(rf"\g<before>{name}\g<after>", lines[at])
    if new is None or _find(lines, target, name) is not None:
        lines[at] = f"# {lines[at].strip()}  # {old} is {'gone' if new is None else f'{new}, which is set'}"
    elif target == section:
        lines[at] = line
    else:
        del lines[at]
        head = _head(lines, target)
        if head is None:
            lines += ["", f"[{target}]"]
            head = len(lines) - 1
        lines.insert(head + 1, line)


def _find(lines: list[str], section: str, key: str) -> int | None:
    """The line that sets a key."""
    now = ""
    for number, line in enumerate(lines):
        if found := _SECTION.match(line):
            now = found["name"]
        elif now == section and (found := _KEY.match(line)) and found["name"] == key:
            return number
    return None


def _head(lines: list[str], section: str) -> int | None:
    """The line that begins a section."""
    return next((n for n, line in enumerate(lines) if (m := _SECTION.match(line)) and m["name"] == section), None)
