"""A channel: one encoding with its settings, for all who watch it.

Newest wins twice: while its encoder is busy it keeps only the newest frame, and each subscription only the newest
packet. What was replaced is counted.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from pi_stream.encoders import Encoder
from pi_stream.errors import EncodingFailed
from pi_stream.hub.failures import EncodingFailures
from pi_stream.hub.subscription import Subscription
from pi_stream.lib import clock
from pi_stream.lib.slot import Slot
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Frame, Packet, newer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChannelKey:
    """What makes one channel differ from another: encoding, size in pixels (even), quality (1 to 100; 0: lossless)."""

    encoding: Encoding
    width: int
    height: int
    quality: int

    def __str__(self) -> str:
        return f"{self.encoding} {self.width}x{self.height}{f' q{self.quality}' if self.quality else ''}"


class Channel:
    """One encoding with its settings: a task that encodes the newest frame, again and again, while it is watched."""

    def __init__(
        self, settings: ChannelKey, encoder: Encoder, pool: Executor, ended: Callable[["Channel"], None]
    ) -> None:
        self.settings = settings
        self.encoded = 0
        self.encode_us = 0.0  # wall time of one encode, smoothed over the last ten or so
        self.failing = EncodingFailures()
        self.latest: Packet | None = None
        self.subscriptions: set[Subscription] = set()
        self.task: asyncio.Task[None] | None = None
        self._encoder = encoder
        self._pool = pool
        self._ended = ended
        self._slot: Slot[Frame] = Slot()
        self._waiting = 0  # when the frame in the slot was captured
        self._at_work: int | None = None  # when the frame was captured that the pool encodes now
        self._turn = threading.Lock()  # the encoder's: it serves one thread at a time

    @property
    def dropped(self) -> int:
        """Frames replaced by newer ones before the encoder came to them."""
        return self._slot.dropped

    def wants(self, captured: int) -> bool:
        """Whether anybody wants the frame of that moment."""
        return any(subscription.due(captured) for subscription in tuple(self.subscriptions))

    def encode_ahead(self, frame: Frame, at_most: float) -> "Encoded | None":
        """Encode a frame on the calling thread, if that takes `at_most` so many microseconds, as far as is known, and
        the encoder is free. What it became is to be brought to `arrive`, on the event loop."""
        if not self.encoded or self.encode_us > at_most or not self._turn.acquire(blocking=False):
            return None
        try:
            return self._encode(frame)
        except (EncodingFailed, MemoryError):
            return None  # the pool tries it again, and says it if that fails, too
        finally:
            self._turn.release()

    def arrive(self, encoded: "Encoded", overtaken: int) -> None:
        """Deliver what was encoded ahead; so many before it came to nothing."""
        if not self.subscriptions:
            return  # it ended meanwhile
        if overtaken:
            for subscription in self.subscriptions:
                subscription.missed += overtaken
            self._slot.dropped += overtaken
        waiting = self._slot.poll()
        if waiting is not None and waiting.seq != encoded.packet.seq:  # older, and of no use any more
            self._lose(waiting.captured)
        if self._at_work is not None:  # the same, but with the pool already
            self._lose(self._at_work)
            self._at_work = None  # it is counted
        self._deliver(encoded)

    def offer(self, frame: Frame) -> None:
        """Leave a frame, if anybody wants it."""
        if self.latest is not None and self._overtaken(frame):
            if frame.seq != self.latest.seq:  # whoever took that one, and wants all, lost this one
                self._lose(self.latest.captured)
            return
        if not self.wants(frame.captured):
            return
        if self._slot.full:  # the encoder is behind
            self._miss(self._waiting)
        self._slot.put(frame)
        self._waiting = frame.captured

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription; the last one to leave ends the channel."""
        self.subscriptions.discard(subscription)
        if not self.subscriptions:
            self._ended(self)

    def close(self) -> None:
        """End for good, and let go of all that is large: what waited for a garbage collector would wait for hours."""
        if self.task is not None:
            self.task.cancel()
        self.task = self.latest = None
        self._slot.poll()

    async def run(self) -> None:
        """Encode until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            frame = await self._slot.take()
            self._at_work = frame.captured
            encoded = None
            try:
                encoded = await loop.run_in_executor(self._pool, self._encode_in_turn, frame)
            except (EncodingFailed, MemoryError) as error:
                self._fail(str(error) or "there is not enough memory")
            self._at_work = None
            if encoded is not None and not self._overtaken(frame):
                self._deliver(encoded)
            del frame, encoded  # megabytes, which nobody needs while this waits for the next

    def _overtaken(self, frame: Frame) -> bool:
        """Whether a newer one, or this one, was encoded ahead and delivered meanwhile."""
        return self.latest is not None and not newer(frame.seq, self.latest.seq)

    def _encode_in_turn(self, frame: Frame) -> "Encoded":
        with self._turn:
            return self._encode(frame)

    def _encode(self, frame: Frame) -> "Encoded":
        started = clock.now()
        data = self._encoder.encode(frame)
        took = clock.now() - started
        encoding, width, height = self.settings.encoding, self.settings.width, self.settings.height
        return Encoded(Packet(encoding, data, width, height, frame.seq, frame.captured, offline=frame.offline), took)

    def _fail(self, reason: str) -> None:
        """The frame at work is lost; where that goes on, whoever watches is told."""
        log.warning("%s: a frame could not be encoded: %s", self.settings, reason)
        if self._at_work is not None:
            self._lose(self._at_work)
        if self.failing.failed(f"{self.settings} cannot be made: {reason}", clock.now()):
            self._tell(self.failing.reason)

    def _tell(self, failure: str | None) -> None:
        for subscription in tuple(self.subscriptions):
            subscription.tell(failure)

    def _deliver(self, encoded: "Encoded") -> None:
        if self.failing.worked():
            log.info("%s: frames are encoded again", self.settings)
            self._tell(None)
        self.encoded += 1
        self.encode_us += (encoded.took - self.encode_us) / min(self.encoded, 10)
        self.latest = encoded.packet
        for subscription in self.subscriptions:
            subscription.deliver(encoded.packet)

    def _lose(self, captured: int) -> None:
        self._slot.dropped += 1
        self._miss(captured)

    def _miss(self, captured: int) -> None:
        """Count a frame of that moment as lost for those who wanted it, and for nobody else."""
        for subscription in self.subscriptions:
            subscription.missed += subscription.due(captured)


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a frame became, and how long that took, in microseconds."""

    packet: Packet
    took: int
