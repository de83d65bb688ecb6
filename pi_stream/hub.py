"""The hub: each frame is encoded once per channel that somebody watches, and handed to all who watch it.

    offer(frame) ─▶ Channel's slot ─▶ encoder, on a thread ─▶ Packet ─▶ each Subscription's slot

Newest wins twice: a channel whose encoder is busy keeps only the newest frame, a subscription only the newest packet.
What was replaced is counted. A channel without subscriptions does not exist, so nothing is encoded for nobody.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pi_stream import clock
from pi_stream.encoders import Encoder
from pi_stream.errors import LimitReached
from pi_stream.frame import Encoding, Frame, Packet
from pi_stream.slot import Slot

_CHANNELS = 32  # at once; each holds memory of its own, and costs its encoding


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes one channel differ from another: encoding, size in pixels (even), quality (1 to 100; 0: lossless)."""

    encoding: Encoding
    width: int
    height: int
    quality: int

    def __str__(self) -> str:
        return f"{self.encoding} {self.width}x{self.height}{f' q{self.quality}' if self.quality else ''}"


class Pace:
    """Which frames somebody takes who wants at most `fps` of them a second (None: all)."""

    def __init__(self, fps: float | None) -> None:
        self._period = 1_000_000 / fps if fps else 0.0
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

    def __init__(self, channel: "Channel", pace: Pace, arrived: Callable[[], None] | None) -> None:
        self.slot: Slot[Packet] = Slot()
        self.settings = channel.settings
        self._channel = channel
        self._pace = pace
        self._arrived = arrived
        self.missed = 0  # frames that it wanted, and that were replaced before they were encoded

    @property
    def dropped(self) -> int:
        """Frames that it wanted and never got: replaced before they were encoded, or afterwards before it took them."""
        return self.slot.dropped + self.missed

    def due(self, captured: int) -> bool:
        """Whether this one wants the frame of that moment."""
        return self._pace.due(captured)

    def deliver(self, packet: Packet) -> None:
        """Leave a packet, if it is one to take."""
        if self._pace.due(packet.captured):
            self._pace.took(packet.captured)
            self.slot.put(packet)
            if self._arrived is not None:
                self._arrived()

    def close(self) -> None:
        """Watch no longer. A channel that nobody watches any more ends."""
        self._channel.leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Channel:
    """One encoding with its settings: a task that encodes the newest frame, again and again, while it is watched."""

    def __init__(
        self, settings: Settings, encoder: Encoder, pool: Executor, ended: Callable[["Channel"], None]
    ) -> None:
        self.settings = settings
        self.encoded = 0
        self.encode_us = 0.0  # wall time of one encode, smoothed over the last ten or so
        self.latest: Packet | None = None
        self.subscriptions: set[Subscription] = set()
        self.task: asyncio.Task[None] | None = None
        self._encoder = encoder
        self._pool = pool
        self._ended = ended
        self._slot: Slot[Frame] = Slot()
        self._waiting = 0  # when the frame in the slot was captured

    @property
    def dropped(self) -> int:
        """Frames replaced by newer ones before the encoder came to them."""
        return self._slot.dropped

    def wants(self, captured: int) -> bool:
        """Whether anybody wants the frame of that moment."""
        return any(subscription.due(captured) for subscription in tuple(self.subscriptions))

    def offer(self, frame: Frame) -> None:
        """Leave a frame, if anybody wants it."""
        if not self.wants(frame.captured):
            return
        if self._slot.full:  # the encoder is behind; only those lose something who wanted what is replaced
            for subscription in self.subscriptions:
                subscription.missed += subscription.due(self._waiting)
        self._slot.put(frame)
        self._waiting = frame.captured

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription; the last one to leave ends the channel."""
        self.subscriptions.discard(subscription)
        if not self.subscriptions:
            self._ended(self)

    async def run(self) -> None:
        """Encode until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            frame = await self._slot.take()
            started = clock.now()
            data = await loop.run_in_executor(self._pool, self._encoder.encode, frame)
            self.encoded += 1
            took = clock.now() - started
            self.encode_us += (took - self.encode_us) / min(self.encoded, 10)
            width, height = self.settings.width, self.settings.height
            self.latest = Packet(
                self.settings.encoding, data, width, height, frame.seq, frame.captured, offline=frame.offline
            )
            for subscription in self.subscriptions:
                subscription.deliver(self.latest)


class Hub:
    """All channels. `async with` it; an encoder that raises is a bug and ends the block."""

    def __init__(self, encoders: Mapping[Encoding, Callable[[int, int, int], Encoder]], pool: Executor) -> None:
        self._encoders = encoders
        self._pool = pool
        self._channels: dict[Settings, Channel] = {}
        self._tasks = asyncio.TaskGroup()
        self._newest: int | None = None  # seq of the frame that was offered last
        self.watched = asyncio.Event()  # set while anybody watches anything

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for channel in self.channels:
            self._end(channel)
        await self._tasks.__aexit__(kind, error, at)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those that are watched now."""
        return tuple(self._channels.values())

    def wants(self, frame: Frame) -> bool:
        """Whether anybody will take this frame: who prepares it may leave that be where nobody does.

        Any thread may ask.
        """
        return any(channel.wants(frame.captured) for channel in tuple(self._channels.values()))

    def subscribe(
        self, settings: Settings, *, fps: float | None = None, arrived: Callable[[], None] | None = None
    ) -> Subscription:
        """Watch the channel of these settings, which is made if there is none, at no more than `fps`.

        `arrived` is called when a packet was left, for who has better to do than to wait at the slot. A packet of the
        newest frame, where the channel has one, waits already: nobody looks at nothing until the next. Raises
        LimitReached when there are as many channels as there may be.
        """
        channel = self._channels.get(settings)
        if channel is None:
            if len(self._channels) >= _CHANNELS:
                raise LimitReached(
                    f"{_CHANNELS} different encodings, sizes and qualities are being made, which is all that may be; "
                    "watch one of those"
                )
            encoder = self._encoders[settings.encoding](settings.width, settings.height, settings.quality)
            channel = Channel(settings, encoder, self._pool, self._end)
            channel.task = self._tasks.create_task(channel.run(), name=f"channel {settings.encoding}")
            self._channels[settings] = channel
            self.watched.set()
        subscription = Subscription(channel, Pace(fps), arrived)
        channel.subscriptions.add(subscription)
        if channel.latest is not None and channel.latest.seq == self._newest:
            subscription.deliver(channel.latest)
        return subscription

    def offer(self, frame: Frame) -> None:
        """Show a frame to every channel."""
        self._newest = frame.seq
        for channel in self._channels.values():
            channel.offer(frame)

    def _end(self, channel: Channel) -> None:
        if self._channels.pop(channel.settings, None) is not None and channel.task is not None:
            channel.task.cancel()
        if not self._channels:
            self.watched.clear()
