"""One connected viewer: what it is told, as it comes, and how it ends. Its pictures are the feed's (`feed.py`)."""

import asyncio
import socket
from collections import deque
from collections.abc import Coroutine
from typing import Any

from aiohttp import web

from pi_stream import __version__
from pi_stream.auth.rights import Grant
from pi_stream.captions.fields import FIELD_INFOS
from pi_stream.lib.machine_stats import MachineStats
from pi_stream.protocol import Present, Reply, Stats, Welcome, serialize
from pi_stream.server.connection.socket_buffers import abort, peer
from pi_stream.server.context import AppContext
from pi_stream.server.websocket.feed import Feed
from pi_stream.stream import Stream

_CLOSE_PATIENCE = 1.0  # seconds for a polite end; a service that stops has three for everything
_OUTBOX = 256  # messages that may wait for a viewer, of any size; one who is further behind is let go


class Viewer:
    """A websocket, and who is at its other end."""

    def __init__(
        self,
        context: AppContext,
        stream: Stream,
        grant: Grant,
        websocket: web.WebSocketResponse,
        transport: asyncio.Transport,
    ) -> None:
        self.grant = grant
        self.address = peer(transport)
        self.id = context.viewers.new_id()
        self.name = ""
        self._context = context
        self.stream = stream
        self._websocket = websocket
        self._transport = transport
        self._ready = asyncio.Event()  # a message waits
        self._goodbye: tuple[int, str] | None = None  # what it is told at the end
        self._receiving: asyncio.Task[None] | None = None
        self._told = asyncio.Event()  # that it knows, or is gone
        self.knows = False  # that this is the end: the goodbye is with the kernel, behind all that it holds already
        self._outbox: deque[str] = deque()
        self.feed = Feed(context, stream, websocket, transport, self._outbox, self.reply, self.dismiss)

    def welcome(self) -> None:
        """Tell it what there is, and the others that it came."""
        context = self._context
        self.reply(
            Welcome(
                version=__version__,
                host=socket.gethostname(),
                you=self.id,
                encodings=context.encodings,
                source=self.stream.supervisor.state(),
                captions=self.stream.captions.all,
                viewers=(*context.viewers.present, Present(self.id, self.name)),
                may=self.grant.right.includes,
                login=not context.access.open,
                camera=self.stream.name,
                cameras=context.streams.infos(),
                fields=FIELD_INFOS,
            )
        )
        context.viewers.join(self)

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

    # --- what it is sent

    def tell(self, text: str) -> None:
        """Leave a message for it."""
        if self._outbox and not self._has_room(text):
            if not self._transport.is_closing():
                what = f"cut with {len(self._outbox)} messages unread (limits.pending)"
                self._context.refusals.count("limits.pending", self.address, what)
            abort(self._transport)
            return
        self._outbox.append(text)
        self._ready.set()

    def _has_room(self, text: str) -> bool:
        """Whether one more message may wait; if not, it stopped reading long ago, and would only hold memory."""
        waiting = len(text) + sum(map(len, self._outbox))
        return len(self._outbox) < _OUTBOX and waiting <= self._context.config.limits.pending

    def reply(self, message: Reply) -> None:
        """Leave a message for it alone."""
        self.tell(serialize(message))

    async def send(self) -> None:
        """Send the messages that wait, until cancelled. Raises ConnectionError when it went away."""
        while True:
            self._ready.clear()
            while self._outbox:
                await self._websocket.send_str(self._outbox.popleft())
            self.feed.go_on()
            await self._ready.wait()

    # --- how it fares

    @property
    def watching(self) -> str | None:
        """What it watches, such as "jpeg 1280x720 q80"; None: no pictures."""
        return self.feed.watching

    @property
    def dropped(self) -> int:
        """Frames that it could have had, and had not, since it came."""
        return self.feed.dropped

    def watch_again(self) -> None:
        """Watch what it asked for under the settings of now; all stays as it was where there is no room for that."""
        self.feed.watch_again()

    def stats(self, now: int, vitals: MachineStats) -> Stats | None:
        """How it fares; None while earlier messages still wait."""
        if self._outbox:
            return None
        return Stats(
            source_fps=round(self.stream.supervisor.fps, 1),
            fps=round(self.feed.rate.per_second(now), 1),
            dropped=self.feed.dropped,
            age_ms=self.feed.age_ms(),
            bytes_per_second=round(self.feed.rate.amount_per_second(now)),
            viewers=len(self._context.viewers),
            cpu_percent=vitals.cpu_percent,
            memory_mb=vitals.memory_mb,
            temperature_c=vitals.temperature_c,
            throttled=vitals.throttled,
        )
