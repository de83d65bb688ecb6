"""How late the event loop is: what a frame, a message or an ack waits for before anyone looks at it."""

import asyncio
from collections import deque

from pi_stream.lib import clock

_PERIOD = 0.1  # seconds between two looks; ten wake-ups a second cost nothing that could be measured
_KEPT = 600  # looks: the last minute


class LoopLag:
    """Asks to be woken again and again, and notes how much too late it was. `run` it."""

    def __init__(self) -> None:
        self._late: deque[int] = deque(maxlen=_KEPT)  # microseconds

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            due = clock.now() + round(_PERIOD * 1e6)
            await asyncio.sleep(_PERIOD)
            self._late.append(max(0, clock.now() - due))

    def seconds(self, share: float) -> float | None:
        """The lateness, in seconds, that this share (0 to 1) of the last minute's looks did not exceed."""
        if not self._late:
            return None
        late = sorted(self._late)
        return late[min(len(late) - 1, int(share * len(late)))] / 1e6
