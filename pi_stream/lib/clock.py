"""The server's clock: one that never jumps, and the calendar beside it."""

import time
from datetime import UTC, datetime


def now() -> int:
    """Microseconds on the server's clock: monotonic, of arbitrary origin, unmoved when the Pi learns the time."""
    return time.monotonic_ns() // 1000


def utc() -> str:
    """The calendar's time, as `2026-01-31T12:00:00.000000Z`; it may jump, so nothing is measured with it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
