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
from pi_stream.hub.frame_order import FrameOrder
from pi_stream.hub.subscription import Subscription
from pi_stream.lib import clock
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Frame, Packet

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
        self, settings: ChannelKey, encoder: Encoder, pool: Executor, left: Callable[["Channel"], None]
    ) -> None:
        self.settings = settings
        self.encoded = 0
        self.encode_us = 0.0  # wall time of one encode, smoothed over the last ten or so
        self.failing = EncodingFailures()
        self.subscriptions: tuple[Subscription, ...] = ()  # replaced as a whole: the capture thread reads it, too
        self.task: asyncio.Task[None] | None = None
        self._encoder = encoder
        self._pool = pool
        self._left = left
        self._order = FrameOrder(self._miss)
        self._turn = threading.Lock()  # the encoder's: it serves one thread at a time

    @property
    def dropped(self) -> int:
        """Frames that were not encoded, or too late: newer ones took their place, or the encoder failed."""
        return self._order.lost

    @property
    def latest(self) -> Packet | None:
        """The packet that was delivered last."""
        return self._order.latest

    def wants(self, captured: int) -> bool:
        """Whether anybody wants the frame of that moment."""
        return any(subscription.due(captured) for subscription in self.subscriptions)

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
        for subscription in self.subscriptions:
            subscription.missed += overtaken
        self._order.arrive(encoded.packet, overtaken)
        self._deliver(encoded)

    def offer(self, frame: Frame) -> None:
        """Leave a frame, if anybody wants it."""
        if not self._order.is_late(frame) and self.wants(frame.captured):
            self._order.offer(frame)

    def join(self, subscription: Subscription) -> None:
        """Deliver to a subscription from now on."""
        self.subscriptions = (*self.subscriptions, subscription)

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription, and tell the hub."""
        if subscription in self.subscriptions:
            self.subscriptions = tuple(each for each in self.subscriptions if each is not subscription)
            self._left(self)

    def close(self) -> None:
        """End for good, and let go of all that is large: what waited for a garbage collector would wait for hours."""
        if self.task is not None:
            self.task.cancel()
        self.task = None
        self._order.clear()

    async def run(self) -> None:
        """Encode until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            frame = await self._order.next()
            encoded = None
            try:
                encoded = await loop.run_in_executor(self._pool, self._encode_in_turn, frame)
            except (EncodingFailed, MemoryError) as error:
                self._fail(str(error) or "there is not enough memory")
            if encoded is not None and self._order.finish(frame):
                self._deliver(encoded)
            del frame, encoded  # megabytes, which nobody needs while this waits for the next

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
        self._order.fail()
        if self.failing.failed(f"{self.settings} cannot be made: {reason}", clock.now()):
            self._tell(self.failing.reason)

    def _tell(self, failure: str | None) -> None:
        for subscription in self.subscriptions:
            subscription.tell(failure)

    def _deliver(self, encoded: "Encoded") -> None:
        if self.failing.worked():
            log.info("%s: frames are encoded again", self.settings)
            self._tell(None)
        self.encoded += 1
        self.encode_us += (encoded.took - self.encode_us) / min(self.encoded, 10)
        self._order.latest = encoded.packet
        for subscription in self.subscriptions:
            subscription.deliver(encoded.packet)

    def _miss(self, captured: int) -> None:
        """Count a frame of that moment as lost for those who wanted it, and for nobody else."""
        for subscription in self.subscriptions:
            subscription.missed += subscription.due(captured)


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a frame became, and how long that took, in microseconds."""

    packet: Packet
    took: int
