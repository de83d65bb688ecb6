"""What somebody says on a websocket. Who says nothing for long is not listened to any more."""

from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType, web

from pi_stream.server.context import AppContext
from pi_stream.server.websocket.framing import Framing

_CLOSE_PATIENCE = 1.0  # seconds for the other side to agree to the end
_PINGS = 3  # in the time that may pass in silence; the answer to one is enough
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
_LIMITS = {1008: "limits.messages", 1009: "limits.message_size"}  # by the close codes of `framing`


class StoppedReading(Exception):
    """It is not listened to any more; the text says why."""


def response(context: AppContext, *protocols: str) -> web.WebSocketResponse:
    """A websocket that is not prepared yet; the first of `protocols` that the other side knows is spoken.

    It has no heartbeat of aiohttp's, which is content with one byte of a message now and then.
    """
    return web.WebSocketResponse(
        protocols=protocols,
        timeout=_CLOSE_PATIENCE,
        heartbeat=None,
        autoping=False,
        max_msg_size=context.config.limits.message_size + 1,  # aiohttp refuses what is as long as this, too
        writer_limit=0,  # a message is with the kernel before the next one is chosen
        compress=False,  # pictures are compressed already, and deflating them again costs 44 ms each
    )


def framing(context: AppContext) -> Framing:
    """What a new websocket may send."""
    limits = context.config.limits
    return Framing(limits.message_size, limits.messages)


class MessageReader:
    """Listens to one websocket, which `response` made.

    `acked` tells whether acknowledgements came, by being another number than before: `acks` keeps them to itself.
    """

    def __init__(
        self, context: AppContext, socket: web.WebSocketResponse, address: str, acked: Callable[[], int] = lambda: 0
    ) -> None:
        self._context = context
        self._socket = socket
        self._address = address
        self._acked = acked

    async def next(self) -> WSMessage | None:
        """The next message, text or binary; None when it ended. Raises Unheard."""
        while (message := await self._whole(self._context.config.limits.idle_timeout)).type not in _ENDS:
            if message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                return message
        return None

    async def _whole(self, idle: float) -> WSMessage:
        turn, acked = 0, self._acked()
        while turn < _PINGS:
            if turn:
                await self._socket.ping()
            try:
                return await self._socket.receive(idle / _PINGS)
            except TimeoutError:
                turn, acked = (1 if acked != self._acked() else turn + 1), self._acked()
        text = f"nothing came for {idle:g} seconds, not even the answer to a ping (limits.idle_timeout)"
        self._context.refusals.count("limits.idle_timeout", self._address, text)
        raise StoppedReading(text)

    def refuses(self, code: int, reason: str) -> None:
        """Count what `framing` refuses, if it is a limit that says so."""
        if (limit := _LIMITS.get(code)) is not None:
            self._context.refusals.count(limit, self._address, reason)
