"""How many frames may be on their way to a viewer: the rule that keeps pictures fresh, without I/O.

Newest-wins in the service does not bound latency by itself: the kernel's buffers and the viewer's hold the rest. So a
viewer says which frame it has drawn, and at most `size` that it has not drawn are ever on their way.
"""

from collections import deque

_HALF = 1 << 31
_WHOLE = 1 << 32


class Window:
    """The frames in flight to one viewer. With `size` None nothing is acknowledged and it is always open."""

    def __init__(self, size: int | None = None) -> None:
        self.size = size
        self._flight: deque[tuple[int, int]] = deque()

    @property
    def open(self) -> bool:
        """Whether another frame may be sent."""
        return self.size is None or len(self._flight) < self.size

    @property
    def in_flight(self) -> int:
        """Frames sent and not acknowledged."""
        return len(self._flight)

    def sent(self, seq: int, captured: int) -> None:
        """Note a frame that was handed to the socket, and when it was captured (microseconds)."""
        if self.size is not None:
            self._flight.append((seq, captured))

    def ack(self, seq: int) -> int | None:
        """That frame and all before it were drawn. Returns when the newest of them was captured, if any was in flight.

        seq counts modulo 2**32; what lies less than half of that behind is "before".
        """
        captured = None
        while self._flight and (seq - self._flight[0][0]) % _WHOLE < _HALF:
            captured = self._flight.popleft()[1]
        return captured
