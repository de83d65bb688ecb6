"""When an encoder fails: one frame lost is counted, and who watches is told only if it goes on. Without I/O."""

_LASTING = 1_000_000  # microseconds of nothing but failures; a frame that is lost alone is not seen
_AGAIN = 5_000_000  # microseconds until it is said again: the page shows what it is told for ten seconds


class EncodingFailures:
    """Counts the frames that could not be encoded. `reason` says why, while that goes on."""

    def __init__(self) -> None:
        self.count = 0
        self.reason: str | None = None
        self._since: int | None = None
        self._told = 0

    def failed(self, reason: str, now: int) -> bool:
        """Note a frame that could not be encoded, at `now` (microseconds); whether who watches is to be told."""
        self.count += 1
        if self._since is None:
            self._since = now
        if now - self._since < _LASTING:
            return False
        first, self.reason = self.reason is None, reason
        if not first and now - self._told < _AGAIN:
            return False
        self._told = now
        return True

    def worked(self) -> bool:
        """Note one that could; whether who watches was told otherwise."""
        told = self.reason is not None
        self.reason = self._since = None
        return told
