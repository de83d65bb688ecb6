"""One connected viewer: the messages that it is sent, and the end of its connection. Its frames are `feed`'s."""

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

_CLOSE_TIMEOUT_S = 1.0  # for a close handshake; a service that stops has three seconds for everything
_MAX_MESSAGES = 256  # of any size that may wait for a viewer; with one more it is disconnected


class Viewer:
    """The viewer at the other end of a websocket."""

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
        self._close_reason: tuple[int, str] | None = None  # close code and reason
        self._receiving: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self.close_sent = (
            False  # that this is the end: the goodbye is with the kernel, behind all that it holds already
        )
        self._outbox: deque[str] = deque()
        self.feed = Feed(context, stream, websocket, transport, self._outbox, self.reply, self.close_soon)

    def welcome(self) -> None:
        """Send `welcome`, and the new list of viewers to the others."""
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
        """Send and `receive` until either side ends the connection. Raises what `receive` raises, in a group.

        The task that reads must send the close frame: if a connection is closed beside a pending `receive`, aiohttp
        aborts it, with what the network still holds for the viewer, instead of waiting for the answer.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self.send(), name=f"sending to {self.id}")
                self._receiving = tasks.create_task(receive, name=f"receiving from {self.id}")
                await asyncio.wait({self._receiving})
                sending.cancel()
            if self._close_reason is not None:
                await self._send_close(*self._close_reason)
        finally:
            self._closed.set()

    def close_soon(self, code: int, reason: str) -> None:
        """Have `run` close the connection, with a websocket close code, after the messages that wait."""
        self._close_reason = (code, reason)
        if self._receiving is not None and self._receiving is not asyncio.current_task():
            self._receiving.cancel()

    async def close(self, code: int, reason: str) -> None:
        """Close the connection, and wait until that is done; a viewer that does not read is disconnected."""
        self.close_soon(code, reason)
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S + 0.5):
                await self._closed.wait()
        except TimeoutError:
            abort(self._transport)

    async def _send_close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                while self._outbox:
                    await self._websocket.send_str(self._outbox.popleft())
                await self._websocket.close(code=code, message=reason.encode())
                self.close_sent = not self._transport.get_write_buffer_size()
        except (TimeoutError, ConnectionError):
            abort(self._transport)

    # --- messages

    def tell(self, text: str) -> None:
        """Queue a message."""
        if self._outbox and not self._has_room(text):
            if not self._transport.is_closing():
                what = f"disconnected with {len(self._outbox)} messages unread (limits.pending)"
                self._context.refusals.count("limits.pending", self.address, what)
            abort(self._transport)
            return
        self._outbox.append(text)
        self._ready.set()

    def _has_room(self, text: str) -> bool:
        """Whether one more message may wait. If not, the viewer stopped reading long ago, and only uses memory."""
        waiting = len(text) + sum(map(len, self._outbox))
        return len(self._outbox) < _MAX_MESSAGES and waiting <= self._context.config.limits.pending

    def reply(self, message: Reply) -> None:
        """Queue a message for this viewer alone."""
        self.tell(serialize(message))

    async def send(self) -> None:
        """Send queued messages until cancelled. Raises ConnectionError if the connection is lost."""
        while True:
            self._ready.clear()
            while self._outbox:
                await self._websocket.send_str(self._outbox.popleft())
            self.feed.go_on()
            await self._ready.wait()

    # --- state

    @property
    def watching(self) -> str | None:
        """What it watches, such as "jpeg 1280x720 q80"; None for nothing."""
        return self.feed.watching

    @property
    def dropped(self) -> int:
        """Frames that it watched and was not sent, since it connected."""
        return self.feed.dropped

    def watch_again(self) -> None:
        """Apply its last `watch` again, under the settings of now. If a limit is reached, nothing changes."""
        self.feed.watch_again()

    def stats(self, now: int, machine: MachineStats) -> Stats | None:
        """Its `stats`; None while earlier messages wait. `now`: microseconds of the service's clock."""
        if self._outbox:
            return None
        return Stats(
            source_fps=round(self.stream.supervisor.fps, 1),
            fps=round(self.feed.rate.per_second(now), 1),
            dropped=self.feed.dropped,
            age_ms=self.feed.age_ms(),
            bytes_per_second=round(self.feed.rate.amount_per_second(now)),
            viewers=len(self._context.viewers),
            cpu_percent=machine.cpu_percent,
            memory_mb=machine.memory_mb,
            temperature_c=machine.temperature_c,
            throttled=machine.throttled,
        )
