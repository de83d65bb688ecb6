"""The two rights, and grants of them."""

from dataclasses import dataclass
from enum import IntEnum


class Right(IntEnum):
    """What a request may do; each right includes those before it."""

    NOTHING = 0
    VIEW = 1  # see pictures, captions, viewers and status
    CONTROL = 2  # change what others see: captions, camera, names, chat

    @property
    def word(self) -> str:
        """The name in settings, files and messages, such as "view"."""
        return self.name.lower()

    @property
    def includes(self) -> tuple[str, ...]:
        """The names of all rights that it includes."""
        return tuple(right.word for right in (Right.VIEW, Right.CONTROL) if right <= self)


@dataclass(frozen=True)
class Grant:
    """A right, what gave it, and until when.

    `by` names the password, token or link that gave it, and changes when that changes; None: everyone has it. `until`
    is in seconds since 1970; None: as long as `by` is valid.
    """

    right: Right
    by: str | None = None
    until: float | None = None


EVERYTHING = Grant(Right.CONTROL)
