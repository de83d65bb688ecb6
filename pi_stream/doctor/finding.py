"""The doctor's findings: each belongs to one area, and says how to fix a problem."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

# unknown: it could not be checked; it may be right or wrong.
Level = Literal["ok", "warning", "fault", "unknown"]
LEVELS: tuple[Level, ...] = ("fault", "warning", "unknown", "ok")  # the worst first


class Finding(Struct, frozen=True):
    """The result of one check.

    `what` says what was found, and `fix` how to fix it; commands in them are between backticks. `fix` is None if
    `level` is "ok".
    """

    area: str
    level: Level
    what: str
    fix: str | None = None

    def __post_init__(self) -> None:
        # Names of programs, webcams and files come from others; escape sequences in them would reach the terminal.
        force_setattr(self, "what", _printable(self.what))
        if self.fix is not None:
            force_setattr(self, "fix", _printable(self.fix))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


class Area:
    """Makes the findings of one area."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ok(self, what: str) -> Finding:
        """It is as it should be."""
        return Finding(self.name, "ok", what)

    def warning(self, what: str, fix: str) -> Finding:
        """It works, but not as well as it could, or not for long."""
        return Finding(self.name, "warning", what, fix)

    def fault(self, what: str, fix: str) -> Finding:
        """Because of this there is no picture, or a wrong one."""
        return Finding(self.name, "fault", what, fix)

    def unknown(self, what: str, fix: str | None = None) -> Finding:
        """It could not be checked; `fix` says how it could be."""
        return Finding(self.name, "unknown", what, fix)


def worst(findings: list[Finding]) -> Level:
    """The worst level among the findings; "ok" if there are none."""
    return next((level for level in LEVELS if any(each.level == level for each in findings)), "ok")
