"""A share of the time, for what must not take more of it. Without I/O."""


class TimeBudget:
    """`share` (0 to 1) of the time that passes may be spent; what is not is saved, up to `most` microseconds.

    Whoever is still in credit may spend more than is there, and waits the longer afterwards.
    """

    def __init__(self, share: float, most: float) -> None:
        self._share = share
        self._most = most
        self._credit = most
        self._at: int | None = None

    def some(self, now: int) -> bool:
        """Whether anything is left at `now`, in microseconds of a clock that never jumps."""
        if self._at is not None:
            self._credit = min(self._credit + (now - self._at) * self._share, self._most)
        self._at = now
        return self._credit > 0

    def spend(self, microseconds: float) -> None:
        """Note what was spent."""
        self._credit -= microseconds
