"""The two rights there are, and what somebody was granted."""

from dataclasses import dataclass
from enum import IntEnum


class Right(IntEnum):
    """Each includes those before it."""

    NOTHING = 0
    VIEW = 1  # look: pictures, captions, who is there, how the service is
    CONTROL = 2  # change whatever others notice: captions, camera, names, the conversation

    @property
    def word(self) -> str:
        """As settings, files and the wire have it: "view"."""
        return self.name.lower()

    @property
    def includes(self) -> tuple[str, ...]:
        """The words of all that it allows."""
        return tuple(right.word for right in (Right.VIEW, Right.CONTROL) if right <= self)


@dataclass(frozen=True)
class Grant:
    """What somebody may do, why, and until when.

    `by` names the password, token or link that gave it, and changes when that does; None: it is everybody's. `until` is
    in seconds since 1970; None: for as long as `by` is valid.
    """

    right: Right
    by: str | None = None
    until: float | None = None


EVERYTHING = Grant(Right.CONTROL)
