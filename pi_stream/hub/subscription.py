"""One who watches a channel: which of its packets it takes, and the newest of them."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pi_stream.errors import EncodingFailed
from pi_stream.lib.slot import Slot
from pi_stream.media.frame import Packet

if TYPE_CHECKING:
    from pi_stream.hub.channel import Channel


class Pace:
    """Which frames somebody takes who wants at most `fps` of them a second."""

    def __init__(self, fps: float) -> None:
        self._period = 1_000_000 / fps
        self._due = 0.0

    def due(self, captured: int) -> bool:
        """Whether the frame of that moment (microseconds) is one to take.

        A quarter of a period of earliness is forgiven: a camera's frames come a little unevenly.
        """
        return captured >= self._due - self._period / 4

    def took(self, captured: int) -> None:
        """Note that it was taken. The beat is kept, so that 20 of 30 frames are 20 and not 15, unless it was lost."""
        beat = self._due if captured <= self._due + self._period else captured
        self._due = beat + self._period


class Subscription:
    """One who watches a channel. Packets wait in `slot`; `close` ends it."""

    __slots__ = ("_arrived", "_channel", "_failing", "_pace", "background", "missed", "settings", "slot")

    def __init__(
        self,
        channel: "Channel",
        pace: Pace | None,
        arrived: Callable[[], None] | None,
        failing: Callable[[str | None], None] | None,
        *,
        background: bool = False,
    ) -> None:
        self.slot: Slot[Packet] = Slot()
        self.settings = channel.settings
        self._channel = channel
        self._pace = pace
        self._arrived = arrived
        self._failing = failing
        self.background = background  # it neither wakes a resting camera nor keeps it from resting
        self.missed = 0  # frames that it wanted, and that were replaced before they were encoded

    @property
    def dropped(self) -> int:
        """Frames that it wanted and never got: replaced before they were encoded, or afterwards before it took them."""
        return self.slot.dropped + self.missed

    @property
    def failure(self) -> str | None:
        """Why no packets come, while the encoder fails and goes on failing."""
        return self._channel.failing.reason

    async def packet(self) -> Packet:
        """Wait for the next packet, and take it. Raises EncodingFailed while the encoder goes on failing."""
        while True:
            self.slot.ready.clear()
            if (packet := self.slot.poll()) is not None:
                return packet
            if (reason := self.failure) is not None:
                raise EncodingFailed(reason)
            await self.slot.ready.wait()

    def tell(self, failure: str | None) -> None:
        """The encoder goes on failing, for that reason, or works again (None)."""
        self.slot.ready.set()
        if self._failing is not None:
            self._failing(failure)

    def due(self, captured: int) -> bool:
        """Whether this one wants the frame of that moment."""
        return self._pace is None or self._pace.due(captured)

    def deliver(self, packet: Packet) -> None:
        """Leave a packet, if it is one to take."""
        if self._pace is not None:
            if not self._pace.due(packet.captured):
                return
            self._pace.took(packet.captured)
        self.slot.put(packet)
        if self._arrived is not None:
            self._arrived()

    def close(self) -> None:
        """Watch no longer. A channel that nobody watches any more ends."""
        self._channel.leave(self)
        self.slot.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
