"""How late the event loop is: how long a frame, a message or an ack waits before it is handled."""

import asyncio
from collections import deque

from pi_stream.lib import clock

_PERIOD_S = 0.1  # between two samples; ten wake-ups a second cost too little to measure
_MAX_SAMPLES = 600  # the last minute


class LoopLag:
    """Sleeps repeatedly, and records how late it wakes up. `run` must be a task."""

    def __init__(self) -> None:
        self._late: deque[int] = deque(maxlen=_MAX_SAMPLES)  # microseconds

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            due = clock.now() + round(_PERIOD_S * 1e6)
            await asyncio.sleep(_PERIOD_S)
            self._late.append(max(0, clock.now() - due))

    def quantile_s(self, share: float) -> float | None:
        """The lateness in seconds that this share (0 to 1) of the last minute's samples did not exceed, or None."""
        if not self._late:
            return None
        late = sorted(self._late)
        return late[min(len(late) - 1, int(share * len(late)))] / 1e6
