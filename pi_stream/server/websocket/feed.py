"""The frames of one viewer: the newest packet while its window is open, at the quality that its link carries."""

import asyncio
import statistics
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress

from aiohttp import web
from msgspec import UNSET

from pi_stream.errors import EncodingFailed, LimitReached
from pi_stream.hub.channel import ChannelKey
from pi_stream.hub.subscription import Subscription
from pi_stream.lib import clock
from pi_stream.lib.rate import Rate
from pi_stream.lib.rate_limit import RateCounter
from pi_stream.media.encodings import ENCODINGS, Encoding
from pi_stream.media.frame import Packet, newer
from pi_stream.pacing.quality_ladder import QualityLadder, Step, steps
from pi_stream.pacing.window import DEFAULT_FRAMES, SentFrame, Window
from pi_stream.protocol import Error, Reply, Watch, Watching, choose, fit, parse_ack, write_sent
from pi_stream.server.connection.socket_buffers import limit_send_buffer
from pi_stream.server.context import AppContext
from pi_stream.server.packet_forms import NewestForm
from pi_stream.server.websocket.frame_message import FrameMessage
from pi_stream.stream import Stream

_MAX_IDLE_ACKS = 10_000  # acknowledgements of no frame in ten seconds


class Feed:
    """Sends frames to one websocket, by its `transport`.

    Messages in `ahead` are sent first. `reply` queues one; `refuse` closes the connection with a code and a reason.
    """

    def __init__(
        self,
        context: AppContext,
        stream: Stream,
        websocket: web.WebSocketResponse,
        transport: asyncio.Transport,
        ahead: Collection[str],
        reply: Callable[[Reply], None],
        refuse: Callable[[int, str], None],
    ) -> None:
        self._context = context
        self._stream = stream
        self._websocket = websocket
        self._transport = transport
        self._ahead = ahead
        self._reply = reply
        self._refuse = refuse
        self._subscription: Subscription | None = None
        self._messages: NewestForm[FrameMessage]  # of the subscription's channel
        self._window = Window()
        self._ladder: QualityLadder | None = None
        self._watching: Watching  # what the frames of the subscription are
        self._taken = 0  # frames of this subscription that were sent
        self._newest: int | None = None  # seq of the last frame sent since the last `watch`
        self._idle_acks = RateCounter()
        self._ages: deque[int] = deque(maxlen=250)  # microseconds, since `age_ms` was last called
        self._dropped_before = 0  # frames of subscriptions that have ended
        self.rate = Rate()  # of frames sent, and their bytes
        self._request: Watch | None = None  # what it watches by

    def watch(self, request: Watch) -> None:
        """Send pictures as `request` asks, under the settings of now; "auto" begins with the best quality.

        Raises Unsupported and LimitReached, and nothing changes.
        """
        camera = self._stream.settings
        encoding = choose(request.accept, self._context.encodings)
        auto = request.quality == "auto" and request.acks  # without acks nothing is known of the link
        quality = 0
        if ENCODINGS[encoding].lossy:
            quality = request.quality if isinstance(request.quality, int) else self._context.config.stream.quality
        if not request.acks:
            limit_send_buffer(self._transport)
        ladder = steps(camera.width, min(request.fps or camera.fps, camera.fps), quality, widest=request.width)
        self._subscribe(encoding, ladder[0])
        self._request = request
        self._ladder = QualityLadder(ladder, clock.now()) if auto and len(ladder) > 1 else None
        frames = DEFAULT_FRAMES if request.window is UNSET else request.window
        follows = auto and request.window is UNSET
        # A new one: frames in flight may never be drawn, and so never be acknowledged.
        self._window = Window(frames if request.acks else None, follows=follows, measured=auto)
        self._newest = None

    def _subscribe(self, encoding: Encoding, step: Step) -> None:
        """Subscribe to the channel of this step, and send `watching`. Raises LimitReached."""
        camera = self._stream.settings
        width, height = fit(camera.width, camera.height, step.width)
        settings = ChannelKey(encoding, width, height, step.quality)
        fps = step.fps if step.fps < camera.fps else None
        subscription = self._stream.hub.subscribe(settings, fps=fps, arrived=self.go_on, failing=self._send_failure)
        messages = self._context.messages.take(self._stream.hub, settings)
        self.unwatch()  # not earlier: a channel that is watched again must not end in between
        self._subscription, self._messages = subscription, messages
        self._taken = 0
        self._watching = Watching(
            encoding=encoding, width=width, height=height, fps=step.fps, quality=step.quality or None
        )
        self._reply(self._watching)
        if subscription.failure is not None:
            self._send_failure(subscription.failure)

    def _send_failure(self, failure: str | None) -> None:
        self._reply(self._watching if failure is None else Error(code=EncodingFailed.code, message=failure))

    def unwatch(self) -> None:
        """Send no frames."""
        if self._subscription is not None:
            self._dropped_before += self._subscription.dropped
            self._subscription.close()
            self._subscription = None
            self._context.messages.give_back(self._messages)

    def watch_again(self) -> None:
        """Apply the last request again, under the settings of now. If a limit is reached, nothing changes."""
        if self._subscription is not None and self._request is not None:
            with suppress(LimitReached):
                self.watch(self._request)

    def take_ack(self, text: bytes) -> bool:
        """Handle a message if it is an acknowledgement; returns whether it is."""
        if (seq := parse_ack(text)) is None:
            return False
        self.ack(seq)
        return True

    def ack(self, seq: int) -> None:
        """The viewer has drawn that frame."""
        now = clock.now()
        drawn = self._window.ack(seq, now)
        if drawn is None:
            if self._idle_acks.count(now) == _MAX_IDLE_ACKS:
                self._refuse(1008, f"{_MAX_IDLE_ACKS} acknowledgements in 10 seconds were of no frame")
            return
        self._ages.append(now - drawn.captured)
        self.go_on()
        ladder = self._ladder
        if ladder is not None and self._subscription is not None and now >= ladder.next_update:
            self._update_step(ladder, self._subscription, drawn, now)

    def _update_step(self, ladder: QualityLadder, subscription: Subscription, drawn: SentFrame, now: int) -> None:
        """Change to another step if the link carries only that, or may carry it."""
        step = ladder.step
        carried = self._window.link.rate / drawn.size
        if ladder.update(now, self._window.last_trip_began, self._taken, subscription.slot.dropped, carried):
            try:
                self._subscribe(subscription.settings.encoding, ladder.step)
            except LimitReached:
                ladder.undo(now)  # the present step stays until the limit allows another
            else:
                self._window.resize(now, smaller=ladder.step.weight < step.weight)

    def go_on(self) -> None:
        """Send the packet that waits, unless something is ahead of it: a message, or the last packet.

        To be called when a packet arrived, when the window opened, and when the kernel has taken all that was written.
        So no task has to be woken, which would double the cost of a viewer. The bytes bypass aiohttp's writer, which
        buffers nothing without compression: messages are not mixed.
        """
        subscription, transport = self._subscription, self._transport
        if subscription is None or not subscription.slot.full or not self._window.open:
            return
        if self._ahead or transport.get_write_buffer_size():
            return  # `Viewer.send` calls this after the messages, and `AckReader` when the transport is empty
        if self._websocket.closed or transport.is_closing():
            return
        packet = subscription.slot.poll()
        # Not newer: the packet is of a new channel, which is behind the previous one.
        if packet is not None and (self._newest is None or newer(packet.seq, self._newest)):
            self._send(packet, transport)

    def _send(self, packet: Packet, transport: asyncio.Transport) -> None:
        now = clock.now()
        message = self._messages.of(packet)
        write_sent(message.payload, now)
        frame, window = message.frame, self._window
        self._newest = frame.seq
        self._taken += 1
        window.sent(frame, now)
        self.rate.tick(now, frame.size)
        if window.size is None:
            self._ages.append(now - frame.captured)
        transport.write(message.whole)

    @property
    def acked(self) -> int:
        """A number that changes with every acknowledgement of a frame, and rarely otherwise."""
        return self._taken - self._window.in_flight if self._window.size is not None else 0

    @property
    def watching(self) -> str | None:
        """What it watches, such as "jpeg 1280x720 q80"; None for nothing."""
        return str(self._subscription.settings) if self._subscription is not None else None

    @property
    def dropped(self) -> int:
        """Frames that it watched and was not sent, since it connected."""
        return self._dropped_before + (self._subscription.dropped if self._subscription is not None else 0)

    def age_ms(self) -> float | None:
        """The median age of the frames since the last call, in milliseconds; None if there were none.

        The age when the acknowledgement arrived, or without acks, when the frame was written to the socket.
        """
        age = round(statistics.median(self._ages) / 1000, 1) if self._ages else None
        self._ages.clear()
        return age
