"""manual.py pi-stream.1 | pi-stream.toml.5: print a manual page, in the macros of man(7).

It is made from `pi-stream --help` and config.toml, so that it cannot differ from them. Run it at the top of the tree,
with the tree in PYTHONPATH.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from command_line import Argument, commands, settings

from pi_stream import __version__
from pi_stream.config.files import SYSTEM_CONFIG

_DESCRIPTION = """\
pi-stream shows a camera in every browser on the network, a few milliseconds old, and draws the captions that viewers
write. It supports the camera on the ribbon cable of a Raspberry Pi, USB webcams, video files and a test picture."""

_STATUS = (
    ("0", "success"),
    ("1", "failure; a line gives the reason"),
    ("2", "wrong arguments or settings; a line says what is wrong"),
    ("75", "only a new process can free the camera; start pi-stream again, as systemd does"),
)


def main() -> None:
    """Print the page that the argument names."""
    pages = {"pi-stream.1": _commands_page, "pi-stream.toml.5": _settings_page}
    if sys.argv[1:2] and sys.argv[1] in pages:
        print("\n".join(pages[sys.argv[1]]()))
    else:
        sys.exit(f"expected one of {', '.join(pages)}")


def _commands_page() -> Iterator[str]:
    yield from _head("pi-stream", 1, "a camera in every browser on the LAN")
    yield ".SH SYNOPSIS"
    first, *named = commands()
    for command in named:
        if not command.actions:  # a command with actions needs one of them
            yield from (".PP", _text(command.usage))
    yield from (".SH DESCRIPTION", _text(_DESCRIPTION), ".SH OPTIONS")
    for argument in first.arguments:
        yield from _argument(argument)
    yield ".SH COMMANDS"
    for command in named:
        yield from (f'.SS "{_text(command.name)}"', f"{_text(command.text[:1].upper() + command.text[1:])}.")
        for argument in command.arguments:
            if "--help" not in argument.names:  # it is under OPTIONS
                yield from _argument(argument)
    yield ".SH EXIT STATUS"
    for code, meaning in _STATUS:
        yield from (".TP", f".B {code}", _text(meaning))
    yield from (".SH FILES", ".TP", f".I {_text(str(SYSTEM_CONFIG))}", "the settings; see")
    yield from (_reference("pi-stream.toml", 5), ".TP", ".I /var/lib/pi\\-stream", "the state that survives a restart:")
    yield from ("captions, passwords and the certificate", ".SH SEE ALSO", _reference("pi-stream.toml", 5) + ",")
    yield from (_reference("systemctl", 1) + ",", _reference("journalctl", 1))


def _settings_page() -> Iterator[str]:
    yield from _head("pi-stream.toml", 5, "the settings of pi-stream")
    yield from (".SH SYNOPSIS", f".I {_text(str(SYSTEM_CONFIG))}", ".SH DESCRIPTION")
    yield _text("A file in TOML (https://toml.io). Settings that are not in the file have the defaults below.")
    yield from (".PP", ".B pi\\-stream check\\-config", f".I {_text(str(SYSTEM_CONFIG))}")
    yield from ("reports errors in the file, and", ".B systemctl reload pi\\-stream", "applies it.", ".SH SETTINGS")
    section = ""
    for setting in settings(Path("config.toml")):
        if setting.section != section:
            if section == "camera":
                yield f'.SS "{_text("[cameras.NAME]")}"'
                yield _text("One more camera, NAME, with the keys of [camera] but for name.")
            section = setting.section
            yield f'.SS "[{_text(section)}]"'
        yield from (".TP", f"\\fB{_text(setting.key)}\\fR = {_text(setting.default)}", _text(setting.text))
    yield from (".SH SEE ALSO", _reference("pi-stream", 1))


def _head(name: str, number: int, text: str) -> Iterator[str]:
    yield f'.TH "{_text(name.upper())}" {number} "" "pi\\-stream {__version__}"'
    yield from (".SH NAME", f"{_text(name)} \\- {_text(text)}")


def _argument(argument: Argument) -> Iterator[str]:
    value = f"\\fI{_text(argument.value)}\\fR" if argument.value else ""
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in argument.names)
    yield from (".TP", " ".join(part for part in (names, value) if part), _text(argument.text) or "\\&")


def _reference(name: str, number: int) -> str:
    return f"\\fB{_text(name)}\\fR({number})"


def _text(text: str) -> str:
    """Escape a text for troff: its escape character, and its commands at the start of a line."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("'", "\\(aq")
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in plain.splitlines())


main()
