"""The server's clock, which is monotonic, and UTC."""

import time
from datetime import UTC, datetime


def now() -> int:
    """Microseconds on the server's clock: monotonic, of arbitrary origin, not changed when the system's time is set."""
    return time.monotonic_ns() // 1000


def utc() -> str:
    """The time in UTC, as `2026-01-31T12:00:00.000000Z`; it may jump, so do not measure with it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
