"""What one viewer is sent of the pictures: the newest packet while its window is open, at the step its line carries."""

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
from pi_stream.protocol import Error, Reply, Watch, Watching, choose, fit, parse_ack
from pi_stream.server.connection.socket_buffers import keep_little
from pi_stream.server.context import AppContext
from pi_stream.server.packet_forms import NewestForm
from pi_stream.server.websocket.frame_message import FrameMessage
from pi_stream.stream import Stream

_IDLE_ACKS = 10_000  # that acknowledge nothing, in ten seconds


class Feed:
    """The pictures of one websocket, which goes out by `transport`.

    Messages in `ahead` go first. `reply` leaves one more; `refuse` ends the connection with a close code and a reason.
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
        self._watching: Watching  # what it was told of its pictures
        self._taken = 0  # frames of this subscription that were sent
        self._newest: int | None = None  # seq of the last frame sent, since it asked to watch
        self._idle_acks = RateCounter()
        self._ages: deque[int] = deque(maxlen=250)  # microseconds, since they were last asked for
        self._dropped_before = 0  # by subscriptions that ended
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
            keep_little(self._transport)
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
        """Watch the channel of this step, and say so. Raises LimitReached."""
        camera = self._stream.settings
        width, height = fit(camera.width, camera.height, step.width)
        settings = ChannelKey(encoding, width, height, step.quality)
        fps = step.fps if step.fps < camera.fps else None
        subscription = self._stream.hub.subscribe(settings, fps=fps, arrived=self.go_on, failing=self._tell_failure)
        messages = self._context.messages.take(self._stream.hub, settings)
        self.unwatch()  # only now: a channel that is watched again goes on
        self._subscription, self._messages = subscription, messages
        self._taken = 0
        self._watching = Watching(
            encoding=encoding, width=width, height=height, fps=step.fps, quality=step.quality or None
        )
        self._reply(self._watching)
        if subscription.failure is not None:
            self._tell_failure(subscription.failure)

    def _tell_failure(self, failure: str | None) -> None:
        self._reply(self._watching if failure is None else Error(code=EncodingFailed.code, message=failure))

    def unwatch(self) -> None:
        """Send it no pictures."""
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
        """Whether this is an acknowledgement, which is dealt with."""
        if (seq := parse_ack(text)) is None:
            return False
        self.ack(seq)
        return True

    def ack(self, seq: int) -> None:
        """It has drawn that frame."""
        now = clock.now()
        drawn = self._window.ack(seq, now)
        if drawn is None:
            if self._idle_acks.count(now) == _IDLE_ACKS:
                self._refuse(1008, f"{_IDLE_ACKS} acknowledgements in 10 seconds were of no frame")
            return
        self._ages.append(now - drawn.captured)
        self.go_on()
        ladder = self._ladder
        if ladder is not None and self._subscription is not None and now >= ladder.next_update:
            self._update_step(ladder, self._subscription, drawn, now)

    def _update_step(self, ladder: QualityLadder, subscription: Subscription, drawn: SentFrame, now: int) -> None:
        """Watch another step, if that is what its line carries, or may."""
        step = ladder.step
        carried = self._window.link.rate / drawn.size
        if ladder.update(now, self._window.last_trip_began, self._taken, subscription.slot.dropped, carried):
            try:
                self._subscribe(subscription.settings.encoding, ladder.step)
            except LimitReached:
                ladder.undo(now)  # what it has goes on, until there is room
            else:
                self._window.resize(now, smaller=ladder.step.weight < step.weight)

    def go_on(self) -> None:
        """Send the packet that waits, unless something is ahead of it: a message, or the last packet.

        To be called when a packet came, the window opened, or the kernel has taken all that was written. No task has to
        be woken for that, which is half of what a viewer costs. The bytes go past aiohttp's own writer, which without
        compression keeps nothing back, so that whole messages stay whole.
        """
        subscription, transport = self._subscription, self._transport
        if subscription is None or not subscription.slot.full or not self._window.open:
            return
        if self._ahead or transport.get_write_buffer_size():
            return  # `Viewer.send` comes here when the messages are out, and who empties the transport does, too
        if self._websocket.closed or transport.is_closing():
            return
        packet = subscription.slot.poll()
        # Not newer: it comes of a channel that was changed to, and is behind the one that was left.
        if packet is not None and (self._newest is None or newer(packet.seq, self._newest)):
            self._send(packet, transport)

    def _send(self, packet: Packet, transport: asyncio.Transport) -> None:
        now = clock.now()
        message = self._messages.of(packet)
        message.write_sent(now)
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
        """A number that changes with every acknowledgement of a frame, and with little else."""
        return self._taken - self._window.in_flight if self._window.size is not None else 0

    @property
    def watching(self) -> str | None:
        """What it watches, such as "jpeg 1280x720 q80"; None: no pictures."""
        return str(self._subscription.settings) if self._subscription is not None else None

    @property
    def dropped(self) -> int:
        """Frames that it could have had, and had not, since it came."""
        return self._dropped_before + (self._subscription.dropped if self._subscription is not None else 0)

    def age_ms(self) -> float | None:
        """The median age of its frames since this was last asked, in milliseconds; None: there were none.

        Until the frame's acknowledgement came back, or where there are none, until it was handed to the socket.
        """
        age = round(statistics.median(self._ages) / 1000, 1) if self._ages else None
        self._ages.clear()
        return age
