"""Acknowledgements, read from a websocket before aiohttp sees them: there is one for every frame of every viewer.

In aiohttp each would cost a message, a queue, a future and a task's turn, about as much as writing the frame to the
socket. Here it costs a function call. All else that a viewer sends is passed on to aiohttp byte for byte, except for
forbidden frames (`framing`). Only public parts of asyncio are used: a transport may be given another protocol.
"""

import asyncio
from collections.abc import Callable

from pi_stream.server.websocket.framing import CLOSE, FINAL, MASKED, SHORT, Framing, body_size, head_size

# The receive buffer of all viewers: each is processed before the next one's turn. A view, because asyncio's TLS fills
# it by slices, and slices of a bytearray are copies.
_RECEIVE_BUFFER = memoryview(bytearray(1 << 16))
_TEXT = FINAL | 0x1  # RFC 6455, clause 5.2: a whole text message


class AckReader(asyncio.BufferedProtocol):
    """Takes the place of the protocol that read `transport` until now, which must be between two frames.

    `take` gets each short text, and returns whether it was an acknowledgement, which it has then handled. `refuse` is
    called once, with a close code and a reason, for the first forbidden frame; after it, only a close frame is passed
    on. `go_on` is called when the kernel has taken all that was written.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        framing: Framing,
        take: Callable[[bytes], bool],
        refuse: Callable[[int, str], None],
        go_on: Callable[[], None] = lambda: None,
    ) -> None:
        behind = transport.get_protocol()
        if not isinstance(behind, asyncio.Protocol):
            raise TypeError(f"expected an asyncio.Protocol behind a websocket, got {type(behind).__name__}")
        self._behind = behind
        self._take = take
        self._refuse = refuse
        self._go_on = go_on
        self._framing = framing
        self._between = not framing.within  # no frame and no message is incomplete
        self._held = b""  # the beginning of a frame's head, or of a possible acknowledgement
        self._rest = 0  # bytes that will arrive of a body that is not read here
        self._dropping = False  # of a body that is not passed on
        self._refused = False
        transport.set_protocol(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """See asyncio."""
        return _RECEIVE_BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        data = bytes(_RECEIVE_BUFFER[:nbytes])
        if self._between and _is_one_text(data) and self._take(_unmasked(data[2:6], data[6:])):
            return  # as nearly always
        data = self._held + data
        begin = at = 0  # of what is passed on, and of the next frame
        while at < len(data):
            if self._rest:
                step = min(self._rest, len(data) - at)
                self._rest -= step
                at += step
                if self._dropping:
                    begin = at
                continue
            body = at + head_size(data, at)
            if body > len(data):
                break
            if data[at] == _TEXT and MASKED <= data[at + 1] <= MASKED + SHORT and not self._framing.within:
                end = body + data[at + 1] - MASKED
                if end > len(data):
                    break
                if self._take(_unmasked(data[body - 4 : body], data[body:end])):
                    self._pass_on(data[begin:at])
                    begin = at = end
                    continue
            head = data[at:body]
            self._dropping = not self._may_pass(head)
            self._rest = body_size(head)
            if self._dropping:
                self._pass_on(data[begin:at])
                begin = body
            at = body
        self._held = data[at:]
        self._between = not (self._held or self._rest or self._framing.within)
        self._pass_on(data[begin:at])

    def _may_pass(self, head: bytes) -> bool:
        refusal = self._framing.refusal(head)
        if refusal is not None and not self._refused:
            self._refused = True
            self._refuse(*refusal)
        return refusal is None and (not self._refused or head[0] == FINAL | CLOSE)

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        """See asyncio."""
        return self._behind.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._behind.connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio."""
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._behind.resume_writing()
        self._go_on()


def _is_one_text(data: bytes) -> bool:
    """Whether the data is one short text message and nothing else."""
    return 6 <= len(data) <= 6 + SHORT and data[0] == _TEXT and data[1] == MASKED + len(data) - 6


def _unmasked(mask: bytes, body: bytes) -> bytes:
    """Clause 5.3: each byte of the body XOR one of the mask's four bytes, in turn."""
    size = len(body)
    keys = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(body, "big") ^ keys).to_bytes(size, "big")
