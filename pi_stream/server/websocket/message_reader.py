"""Reading the messages of a websocket, until its other side is silent for too long."""

from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType, web

from pi_stream.server.context import AppContext
from pi_stream.server.websocket.framing import Framing

_CLOSE_TIMEOUT_S = 1.0  # for the other side to answer a close frame
_PINGS = 3  # in the time that may pass in silence; one answer is enough
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
_LIMITS = {1008: "limits.messages", 1009: "limits.message_size"}  # by close codes of `framing`


class StoppedReading(Exception):
    """No more messages are read; the text says why."""


def response(context: AppContext, *protocols: str) -> web.WebSocketResponse:
    """A websocket before its handshake; the first of `protocols` that the client offers is selected.

    It does not use aiohttp's heartbeat, for which one byte of a message from time to time is enough.
    """
    return web.WebSocketResponse(
        protocols=protocols,
        timeout=_CLOSE_TIMEOUT_S,
        heartbeat=None,
        autoping=False,
        max_msg_size=context.config.limits.message_size + 1,  # aiohttp refuses messages of this size, too
        writer_limit=0,  # the kernel has a message before the next one is chosen
        compress=False,  # frames are compressed already, and deflating them takes 44 ms each
    )


def framing(context: AppContext) -> Framing:
    """The limits of a new websocket."""
    limits = context.config.limits
    return Framing(limits.message_size, limits.messages)


class MessageReader:
    """Reads one websocket, which `response` made.

    `acked` returns a number that changes when acknowledgements arrive: `ack_reader` does not pass them on.
    """

    def __init__(
        self, context: AppContext, socket: web.WebSocketResponse, address: str, acked: Callable[[], int] = lambda: 0
    ) -> None:
        self._context = context
        self._socket = socket
        self._address = address
        self._acked = acked

    async def next(self) -> WSMessage | None:
        """The next message, text or binary; None at the end. Raises StoppedReading."""
        while (message := await self._receive(self._context.config.limits.idle_timeout)).type not in _ENDS:
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                return message
        return None

    async def _receive(self, idle: float) -> WSMessage:
        turn, acked = 0, self._acked()
        while turn < _PINGS:
            if turn:
                await self._socket.ping()
            try:
                return await self._socket.receive(idle / _PINGS)
            except TimeoutError:
                turn, acked = (1 if acked != self._acked() else turn + 1), self._acked()
        text = f"nothing arrived for {idle:g} seconds, not even an answer to a ping (limits.idle_timeout)"
        self._context.refusals.count("limits.idle_timeout", self._address, text)
        raise StoppedReading(text)

    def count_refusal(self, code: int, reason: str) -> None:
        """Count a frame that `framing` refuses, if that is for a limit."""
        if (limit := _LIMITS.get(code)) is not None:
            self._context.refusals.count(limit, self._address, reason)
