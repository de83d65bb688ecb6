"""Refusals because of a limit: counted for /metrics, and logged at most once a minute for each limit."""

import logging
from collections import Counter
from collections.abc import Iterable

from pi_stream.config.settings import LimitSettings

log = logging.getLogger(__name__)

NAMES = (
    "stream.max_viewers",
    "stream.max_per_address",
    "overlay.max_captions",
    *(f"limits.{name}" for name in LimitSettings.__struct_fields__ if name not in ("caption_text", "text_pixels")),
)
"""The settings that are limits, as section.key. Without two above which a request is invalid."""


class RefusalCounter:
    """The number of refusals of each limit; `more` are limits that are not in NAMES."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys((*NAMES, *more), 0))

    def count(self, limit: str, address: str, what: str) -> None:
        """Count one, of a client at `address`; `what` is a sentence that names the limit."""
        self.counts[limit] += 1
        # By this field, `log_rate_limit` treats all lines of one limit as equal, whatever the addresses.
        log.warning("%s: %s", address, what, extra={"PI_STREAM_LIMIT": limit, "PI_STREAM_VIEWER": address})
