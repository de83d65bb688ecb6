"""The order of a channel's frames and their losses: the one place that decides both.

A frame reaches a channel on one of two ways: it is offered on the event loop and encoded by the pool, or it was encoded
ahead, on the thread that captured it, and arrives as a packet. Frames may overtake each other between the two ways.
`FrameOrder` decides what is still worth encoding, what is delivered, and which frames count as lost.
"""

from collections.abc import Callable

from pi_stream.lib.slot import Slot
from pi_stream.media.frame import Frame, Packet, newer


class FrameOrder:
    """For one channel. Belongs to the event loop.

    `miss` is called with the moment of capture (microseconds) of each frame that is lost, to count it for those
    subscriptions that wanted it. `lost` counts all of them.
    """

    def __init__(self, miss: Callable[[int], None]) -> None:
        self.latest: Packet | None = None  # delivered last
        self.lost = 0
        self._miss = miss
        self._slot: Slot[Frame] = Slot()  # the newest frame that waits for the pool
        self._waiting_captured = 0  # when that frame was captured
        self._encoding_captured: int | None = None  # when the frame was captured that the pool encodes now

    def offer(self, frame: Frame) -> None:
        """Let a frame that somebody wants wait for the pool, in place of an older one."""
        if self._slot.full:
            self._lose(self._waiting_captured)
        self._slot.poll()
        self._slot.put(frame)
        self._waiting_captured = frame.captured

    def is_late(self, frame: Frame) -> bool:
        """Whether this frame, or a newer one, was delivered already. One that is newer counts this one as lost."""
        if self.latest is None or newer(frame.seq, self.latest.seq):
            return False
        if frame.seq != self.latest.seq:
            self._lose(self.latest.captured)
        return True

    async def next(self) -> Frame:
        """Wait for the next frame to encode; `finish` or `fail` must follow."""
        frame = await self._slot.take()
        self._encoding_captured = frame.captured
        return frame

    def finish(self, frame: Frame) -> bool:
        """The pool has encoded this frame; returns whether it is to be delivered."""
        self._encoding_captured = None
        return self.latest is None or newer(frame.seq, self.latest.seq)

    def fail(self) -> None:
        """The pool could not encode the frame that it had."""
        if self._encoding_captured is not None:
            self._lose(self._encoding_captured)
        self._encoding_captured = None

    def arrive(self, packet: Packet, overtaken: int) -> None:
        """A packet that was encoded ahead is to be delivered; `overtaken` earlier ones never arrived.

        Older frames that wait for the pool, or are with it, are lost.
        """
        self.lost += overtaken
        waiting = self._slot.poll()
        if waiting is not None and waiting.seq != packet.seq:
            self._lose(waiting.captured)
        if self._encoding_captured is not None:
            self._lose(self._encoding_captured)
            self._encoding_captured = None  # it is counted

    def clear(self) -> None:
        """Let go of everything that is large, and of whoever counts losses: together they would be a cycle."""
        self.latest = None
        self._slot.poll()
        self._miss = _ignore

    def _lose(self, captured: int) -> None:
        self.lost += 1
        self._miss(captured)


def _ignore(captured: int) -> None:
    """Nobody counts the losses of a channel that has ended."""
