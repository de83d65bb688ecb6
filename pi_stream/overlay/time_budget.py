"""A limit for work that must not take more than a share of the time. No I/O."""


class TimeBudget:
    """`share` (0 to 1) of the time that passes may be spent. Unspent time is saved, up to `max_credit_us` microseconds.

    Work may start while there is any credit. If it takes more than that, the next work has to wait longer. One thread
    at a time.
    """

    def __init__(self, share: float, max_credit_us: float) -> None:
        self._share = share
        self._max_credit_us = max_credit_us
        self._credit_us = max_credit_us
        self._updated: int | None = None

    def has_credit(self, now: int) -> bool:
        """Whether work may start at `now`, in microseconds of a monotonic clock."""
        if self._updated is not None:
            self._credit_us = min(self._credit_us + (now - self._updated) * self._share, self._max_credit_us)
        self._updated = now
        return self._credit_us > 0

    def spend(self, microseconds: float) -> None:
        """Subtract what was spent."""
        self._credit_us -= microseconds
