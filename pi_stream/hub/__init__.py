"""The hub: each frame is encoded once per channel that somebody watches, and handed to all who watch it.

    offer(frame) ─▶ Channel's slot ─▶ encoder, on a thread ─▶ Packet ─▶ each Subscription's slot

Where one channel alone wants a frame, and is quick about it, the thread that captured the frame encodes it and hands
over the packet instead (`encode_ahead`): that thread is awake, and the frame in its core's cache.

A channel without subscriptions does not exist, so nothing is encoded for nobody.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from types import TracebackType
from typing import Self

from pi_stream.encoders import EncoderFactory
from pi_stream.errors import LimitReached
from pi_stream.hub.channel import Channel, ChannelKey, Encoded
from pi_stream.hub.subscription import Pace, Subscription
from pi_stream.lib.handover import Handover
from pi_stream.media.encodings import Encoding
from pi_stream.media.frame import Frame

_BRIEF = 1 / 3  # of the time from frame to frame that an encode may take of the thread which captures them
_BRIEFEST = 10_000  # microseconds that it may take at most, however rare the frames that are wanted


class ChannelLimit:
    """How many channels all hubs of the service may have together; each holds memory, and costs its encoding."""

    def __init__(self, most: int = 32) -> None:
        self.most = most
        self.used = 0

    def take(self) -> None:
        """Count one more channel. Raises LimitReached."""
        if self.used >= self.most:
            raise LimitReached(
                f"{self.most} different encodings, sizes and qualities are being made, as many as limits.channels "
                "allows; watch one of those",
                limit="limits.channels",
            )
        self.used += 1

    def give_back(self) -> None:
        """Count one channel less."""
        self.used -= 1


class Hub:
    """The channels of one camera. `async with` it.

    A bug in an encoder ends the block; a library that fails costs frames.
    The capture thread calls `wants` and `encode_ahead`, the event loop everything else. What both read is replaced as a
    whole and never changed in place.
    """

    def __init__(
        self,
        encoders: Mapping[Encoding, EncoderFactory],
        pool: Executor,
        limit: ChannelLimit | None = None,
    ) -> None:
        self._limit = limit or ChannelLimit()
        self._encoders = encoders
        self._pool = pool
        self._channels: dict[ChannelKey, Channel] = {}
        self._all: tuple[Channel, ...] = ()  # the same, for other threads
        self._tasks = asyncio.TaskGroup()
        self._newest: int | None = None  # seq of the frame that was offered last
        self._captured = 0  # when the frame was captured that may have been encoded ahead last
        self.ended = 0  # channels, since the start
        self._failed = 0  # frames, in channels that have ended
        self.watched = asyncio.Event()  # set while anybody watches anything

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._ahead = Handover(asyncio.get_running_loop(), self._arrive)
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
        return self._all

    @property
    def failed(self) -> int:
        """Frames that could not be encoded, since the start."""
        return self._failed + sum(channel.failing.count for channel in self.channels)

    @property
    def failure(self) -> str | None:
        """Why one of the channels makes no packets, while its encoder goes on failing."""
        return next((channel.failing.reason for channel in self.channels if channel.failing.reason), None)

    def wants(self, frame: Frame) -> bool:
        """Whether anybody will take this frame: who prepares it may leave that be where nobody does.

        Any thread may ask.
        """
        return any(channel.wants(frame.captured) for channel in self._all)

    def subscribe(
        self,
        settings: ChannelKey,
        *,
        fps: float | None = None,
        arrived: Callable[[], None] | None = None,
        failing: Callable[[str | None], None] | None = None,
        background: bool = False,
    ) -> Subscription:
        """Watch the channel of these settings, which is made if there is none, at no more than `fps`.

        `arrived` is called when a packet was left, for who has better to do than to wait at the slot; `failing` when
        the encoder goes on failing, with the reason, and with None when it works again. A packet of the newest frame,
        where the channel has one, waits already: nobody looks at nothing until the next. A `background`
        subscription takes the packets that there are: it neither wakes a resting camera nor keeps it from resting.
        Raises LimitReached when there are as many channels as there may be.
        """
        channel = self._channels.get(settings)
        if channel is None:
            self._limit.take()
            try:
                encoder = self._encoders[settings.encoding](settings.width, settings.height, settings.quality)
            except BaseException:
                self._limit.give_back()
                raise
            channel = Channel(settings, encoder, self._pool, self._left)
            channel.task = self._tasks.create_task(channel.run(), name=f"channel {settings.encoding}")
            self._channels[settings] = channel
            self._all = tuple(self._channels.values())
        subscription = Subscription(channel, Pace(fps) if fps else None, arrived, failing, background=background)
        channel.join(subscription)
        self._count_viewers()
        if channel.latest is not None and channel.latest.seq == self._newest:
            subscription.deliver(channel.latest)
        return subscription

    def encode_ahead(self, frame: Frame) -> bool:
        """Encode a frame here and now, where one channel alone wants it and is brief about it.

        Returns whether all who want it are served with that: it need not be offered then, but may be. Any thread may
        call, one at a time. Several channels do better side by side, on the pool.
        """
        since, self._captured = frame.captured - self._captured, frame.captured
        wanting = [channel for channel in self._all if channel.wants(frame.captured)]
        if len(wanting) != 1:
            return False
        encoded = wanting[0].encode_ahead(frame, min(since * _BRIEF, _BRIEFEST))
        if encoded is not None:
            self._ahead.put((wanting[0], encoded))
        return encoded is not None

    def _arrive(self, ahead: tuple[Channel, Encoded], overtaken: int) -> None:
        channel, encoded = ahead
        self._newest = encoded.packet.seq
        channel.arrive(encoded, overtaken)

    def offer(self, frame: Frame) -> None:
        """Show a frame to every channel."""
        self._newest = frame.seq
        for channel in self._all:
            channel.offer(frame)

    def _count_viewers(self) -> None:
        """Note whether anybody but background subscriptions watches."""
        if any(not each.background for channel in self._all for each in channel.subscriptions):
            self.watched.set()
        else:
            self.watched.clear()

    def _left(self, channel: Channel) -> None:
        """A subscription left; the last one ends the channel."""
        if not channel.subscriptions:
            self._end(channel)
        self._count_viewers()

    def _end(self, channel: Channel) -> None:
        if self._channels.pop(channel.settings, None) is not None:
            self._all = tuple(self._channels.values())
            self._limit.give_back()
            channel.close()
            self.ended += 1
            self._failed += channel.failing.count
