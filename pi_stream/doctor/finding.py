"""What the doctor says: findings, each of one area, each with what would fix it."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import force_setattr

# unknown: it could not be looked at; it may be right or wrong.
Level = Literal["ok", "warning", "fault", "unknown"]
LEVELS: tuple[Level, ...] = ("fault", "warning", "unknown", "ok")  # the worst first


class Finding(Struct, frozen=True):
    """One thing that was looked at.

    `what` was found is a sentence, and so is `fix`; commands in them stand between backticks. Where `level` is "ok"
    there is nothing to fix.
    """

    area: str
    level: Level
    what: str
    fix: str | None = None

    def __post_init__(self) -> None:
        # Programs, webcams and files have names of anybody's choice, which could steer the terminal that shows them.
        force_setattr(self, "what", _plain(self.what))
        if self.fix is not None:
            force_setattr(self, "fix", _plain(self.fix))


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


class Area:
    """Makes the findings of one area, which it is called by in every place where people read of it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ok(self, what: str) -> Finding:
        """As it should be."""
        return Finding(self.name, "ok", what)

    def warning(self, what: str, fix: str) -> Finding:
        """It works, but not as well as it could, or not for long."""
        return Finding(self.name, "warning", what, fix)

    def fault(self, what: str, fix: str) -> Finding:
        """Because of this there is no picture, or a wrong one."""
        return Finding(self.name, "fault", what, fix)

    def unknown(self, what: str, fix: str | None = None) -> Finding:
        """It could not be looked at; `fix` is how it could."""
        return Finding(self.name, "unknown", what, fix)


def worst(findings: list[Finding]) -> Level:
    """The level of them all: "ok" where there is nothing but that."""
    return next((level for level in LEVELS if any(each.level == level for each in findings)), "ok")
