"""One connected viewer: messages go out as they come, and the newest packet while its window is open."""

import asyncio
import socket
import statistics
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from pi_stream import __version__, clock
from pi_stream.auth.rights import Grant
from pi_stream.errors import EncodingFailed, LimitReached
from pi_stream.frame import Encoding, Packet, newer
from pi_stream.hub.channel import Settings
from pi_stream.hub.subscription import Subscription
from pi_stream.ladder import Ladder, Step
from pi_stream.protocol import Error, Present, Reply, Stats, Watching, Welcome, fit, serialize
from pi_stream.rate import Rate
from pi_stream.server.house import House
from pi_stream.server.message import message_of
from pi_stream.server.sockets import abort, keep_little, peer
from pi_stream.tally import Tally
from pi_stream.vitals import Vitals
from pi_stream.window import Sent, Window

_CLOSE_PATIENCE = 1.0  # seconds for a polite end; a service that stops has three for everything
_OUTBOX = 256  # messages that may wait for a viewer, of any size; one who is further behind is let go
_IDLE_ACKS = 10_000  # that acknowledge nothing, in ten seconds


class Viewer:
    """A websocket, and what its owner watches."""

    def __init__(
        self, house: House, grant: Grant, websocket: web.WebSocketResponse, transport: asyncio.Transport
    ) -> None:
        self.grant = grant
        self.address = peer(transport)
        self.id = house.viewers.new_id()
        self.name = ""
        self.subscription: Subscription | None = None
        self._house = house
        self._websocket = websocket
        self._transport = transport
        self._ready = asyncio.Event()  # a message waits
        self._goodbye: tuple[int, str] | None = None  # what it is told at the end
        self._receiving: asyncio.Task[None] | None = None
        self._told = asyncio.Event()  # that it knows, or is gone
        self.knows = False  # that this is the end: the goodbye is with the kernel, behind all that it holds already
        self._outbox: deque[str] = deque()
        self._idle_acks = Tally()
        self._window = Window()
        self._ladder: Ladder | None = None
        self._watching: Watching  # what it was told of its pictures
        self._taken = 0  # frames of this subscription that were sent
        self._newest: int | None = None  # seq of the last frame sent, since it asked to watch
        self._rate = Rate()
        self._ages: deque[int] = deque(maxlen=250)  # microseconds, since the last stats
        self._dropped_before = 0  # by subscriptions that ended
        self.ask_again: Callable[[], None] | None = None  # asks what it asked when it began to watch

    def welcome(self) -> None:
        """Tell it what there is, and the others that it came."""
        house = self._house
        self.reply(
            Welcome(
                version=__version__,
                host=socket.gethostname(),
                you=self.id,
                encodings=house.encodings,
                source=house.camera.describe(),
                captions=house.captions.all,
                viewers=(*house.viewers.present, Present(self.id, self.name)),
                may=self.grant.right.includes,
                login=not house.access.open,
            )
        )
        house.viewers.join(self)

    async def run(self, receive: Coroutine[Any, Any, None]) -> None:
        """Send and `receive` until either side ends it. Raises what `receive` does, in a group.

        Who says goodbye must be the one who reads: aiohttp cuts a connection that is closed beside a pending
        `receive`, with what the network still holds for the viewer, instead of waiting for its answer.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self.send(), name=f"sending to {self.id}")
                self._receiving = tasks.create_task(receive, name=f"receiving from {self.id}")
                await asyncio.wait({self._receiving})
                sending.cancel()
            if self._goodbye is not None:
                await self._say_goodbye(*self._goodbye)
        finally:
            self._told.set()

    def dismiss(self, code: int, reason: str) -> None:
        """Have `run` end the connection with a websocket close code, when what waits has been sent."""
        self._goodbye = (code, reason)
        if self._receiving is not None and self._receiving is not asyncio.current_task():
            self._receiving.cancel()

    async def close(self, code: int, reason: str) -> None:
        """Dismiss it, and wait until it has answered or is gone; one that does not read goes by force."""
        self.dismiss(code, reason)
        try:
            async with asyncio.timeout(_CLOSE_PATIENCE + 0.5):
                await self._told.wait()
        except TimeoutError:
            abort(self._transport)

    async def _say_goodbye(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(_CLOSE_PATIENCE):
                while self._outbox:
                    await self._websocket.send_str(self._outbox.popleft())
                await self._websocket.close(code=code, message=reason.encode())
                self.knows = not self._transport.get_write_buffer_size()
        except (TimeoutError, ConnectionError):
            abort(self._transport)

    # --- what it watches

    def keep_little(self) -> None:
        """It sends no acks: let little wait for it in the kernel."""
        keep_little(self._transport)

    def watch(self, encoding: Encoding, steps: Sequence[Step], window: Window) -> None:
        """Send it pictures from now on: the best of `steps` that its line carries, within its window.

        Raises LimitReached, and all stays as it was.
        """
        self._subscribe(encoding, steps[0])
        self._ladder = Ladder(steps, clock.now()) if len(steps) > 1 else None
        self._window = window  # frames on their way may never be drawn, and so never be acknowledged
        self._newest = None

    def _subscribe(self, encoding: Encoding, step: Step) -> None:
        """Watch the channel of this step, and say so. Raises LimitReached."""
        camera = self._house.config.camera
        width, height = fit(camera.width, camera.height, step.width)
        settings = Settings(encoding, width, height, step.quality)
        fps = step.fps if step.fps < camera.fps else None
        subscription = self._house.hub.subscribe(settings, fps=fps, arrived=self.go_on, failing=self._tell_failure)
        self.unwatch()  # only now: a channel that is watched again goes on
        self.subscription = subscription
        self._taken = 0
        self._watching = Watching(
            encoding=encoding, width=width, height=height, fps=step.fps, quality=step.quality or None
        )
        self.reply(self._watching)
        if subscription.failure is not None:
            self._tell_failure(subscription.failure)

    def _tell_failure(self, failure: str | None) -> None:
        self.reply(self._watching if failure is None else Error(code=EncodingFailed.code, message=failure))

    def unwatch(self) -> None:
        """Send it no pictures."""
        if self.subscription is not None:
            self._dropped_before += self.subscription.dropped
            self.subscription.close()
            self.subscription = None

    def watch_again(self) -> None:
        """Watch what it asked for under the settings of now; all stays as it was where there is no room for that."""
        if self.subscription is not None and self.ask_again is not None:
            with suppress(LimitReached):
                self.ask_again()

    def ack(self, seq: int) -> None:
        """It has drawn that frame."""
        now = clock.now()
        drawn = self._window.ack(seq, now)
        if drawn is None:
            if self._idle_acks.count(now) == _IDLE_ACKS:
                self.dismiss(1008, f"{_IDLE_ACKS} acknowledgements in 10 seconds were of no frame")
            return
        self._ages.append(now - drawn.captured)
        self.go_on()
        ladder = self._ladder
        if ladder is not None and self.subscription is not None and now >= ladder.quiet_until:
            self._weigh(ladder, self.subscription, drawn, now)

    def _weigh(self, ladder: Ladder, subscription: Subscription, drawn: Sent, now: int) -> None:
        """Watch another step, if that is what its line carries, or may."""
        step = ladder.step
        carried = self._window.line.rate / drawn.size
        if ladder.weigh(now, self._window.began, self._taken, subscription.slot.dropped, carried):
            try:
                self._subscribe(subscription.settings.encoding, ladder.step)
            except LimitReached:
                ladder.undo(now)  # what it has goes on, until there is room
            else:
                self._window.resize(now, smaller=ladder.step.weight < step.weight)

    # --- what it is sent

    def tell(self, text: str) -> None:
        """Leave a message for it."""
        if self._outbox and not self._has_room(text):
            if not self._transport.is_closing():
                what = f"cut with {len(self._outbox)} messages unread (limits.pending)"
                self._house.refusals.count("limits.pending", self.address, what)
            abort(self._transport)
            return
        self._outbox.append(text)
        self._ready.set()

    def _has_room(self, text: str) -> bool:
        """Whether one more message may wait; if not, it stopped reading long ago, and would only hold memory."""
        waiting = len(text) + sum(map(len, self._outbox))
        return len(self._outbox) < _OUTBOX and waiting <= self._house.config.limits.pending

    def reply(self, message: Reply) -> None:
        """Leave a message for it alone."""
        self.tell(serialize(message))

    async def send(self) -> None:
        """Send the messages that wait, until cancelled. Raises ConnectionError when it went away."""
        while True:
            self._ready.clear()
            while self._outbox:
                await self._websocket.send_str(self._outbox.popleft())
            self.go_on()
            await self._ready.wait()

    def go_on(self) -> None:
        """Send the packet that waits, unless something is ahead of it: a message, or the last packet.

        To be called when a packet came, the window opened, or the kernel has taken all that was written. No task has to
        be woken for that, which is half of what a viewer costs. The bytes go past aiohttp's own writer, which without
        compression keeps nothing back, so that whole messages stay whole.
        """
        subscription, transport = self.subscription, self._transport
        if subscription is None or not subscription.slot.full or not self._window.open:
            return
        if self._outbox or transport.get_write_buffer_size():
            return  # `send` comes here when the messages are out, and who empties the transport does, too
        if self._websocket.closed or transport.is_closing():
            return
        packet = subscription.slot.poll()
        # Not newer: it comes of a channel that was changed to, and is behind the one that was left.
        if packet is not None and (self._newest is None or newer(packet.seq, self._newest)):
            self._send(packet, transport)

    def _send(self, packet: Packet, transport: asyncio.Transport) -> None:
        now = clock.now()
        message = message_of(packet, now)
        frame, window = message.frame, self._window
        self._newest = frame.seq
        self._taken += 1
        window.sent(frame, now)
        self._rate.tick(now, frame.size)
        if window.size is None:
            self._ages.append(now - frame.captured)
        transport.write(message.whole)

    # --- how it fares

    @property
    def watching(self) -> str | None:
        """What it watches, such as "jpeg 1280x720 q80"; None: no pictures."""
        return str(self.subscription.settings) if self.subscription is not None else None

    @property
    def dropped(self) -> int:
        """Frames that it could have had, and had not, since it came."""
        return self._dropped_before + (self.subscription.dropped if self.subscription is not None else 0)

    def stats(self, now: int, vitals: Vitals) -> Stats | None:
        """How it fares; None while earlier messages still wait.

        The age is the median since the last one: until the frame's acknowledgement came back, or where there are
        none, until it was handed to the socket.
        """
        if self._outbox:
            return None
        age = round(statistics.median(self._ages) / 1000, 1) if self._ages else None
        self._ages.clear()
        return Stats(
            source_fps=round(self._house.camera.fps, 1),
            fps=round(self._rate.per_second(now), 1),
            dropped=self.dropped,
            age_ms=age,
            bytes_per_second=round(self._rate.amount_per_second(now)),
            viewers=len(self._house.viewers),
            cpu_percent=vitals.cpu_percent,
            memory_mb=vitals.memory_mb,
            temperature_c=vitals.temperature_c,
            throttled=vitals.throttled,
        )
