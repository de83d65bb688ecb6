"""Acknowledgements, taken from a websocket before aiohttp sees them: there is one for every frame of every viewer.

On aiohttp's way each of them costs a message, a queue, a future and a task's turn, about as much as handing the frame
to the socket did. Here it is a function call. Everything else that a viewer says, and every error that it makes, passes
on to aiohttp byte for byte. Only asyncio's own means are used: a transport may be given another protocol.
"""

import asyncio
from collections.abc import Callable

_AREA = bytearray(1 << 16)  # where all viewers' bytes arrive: each is done with before the next one's turn
_TEXT = 0x81  # RFC 6455, clause 5.2: FIN, opcode 1
_MASKED = 0x80
_LONGEST = 125  # bytes of a text whose length is in the second byte; no acknowledgement is longer


class AckReader(asyncio.BufferedProtocol):
    """Stands before `behind`, the protocol that read `transport` until now.

    `take` is given each short text, and says whether it was an acknowledgement, and is dealt with. `go_on` is called
    when the kernel has taken all that was written.
    """

    def __init__(
        self, transport: asyncio.Transport, take: Callable[[bytes], bool], go_on: Callable[[], None] = lambda: None
    ) -> None:
        behind = transport.get_protocol()
        if not isinstance(behind, asyncio.Protocol):
            raise TypeError(f"a websocket is read by a protocol, got {type(behind).__name__}")
        self._behind = behind
        self._take = take
        self._go_on = go_on
        self._held = b""  # the beginning of what may become an acknowledgement
        self._rest = 0  # bytes to come of what passes on
        self._blind = False  # it sends what is none, or in fragments: all of it passes on from now
        transport.set_protocol(self)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        """See asyncio."""
        return _AREA

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio."""
        data = self._held + _AREA[:nbytes]
        begin = at = 0  # of what passes on, and of the frame that is looked at
        while at < len(data):
            if self._rest or self._blind:
                step = len(data) - at if self._blind else min(self._rest, len(data) - at)
                self._rest -= min(step, self._rest)
                at += step
                continue
            body = at + _head(data, at)
            if body > len(data):
                break
            if data[at] != _TEXT or (size := data[at + 1] - _MASKED) not in range(_LONGEST + 1):
                self._blind = not data[at] & 0x80 or not data[at + 1] & _MASKED
                self._rest = _size(data, at)
                at = body
                continue
            if body + size > len(data):
                break
            if self._take(_unmasked(data[body - 4 : body], data[body : body + size])):
                self._pass_on(data[begin:at])
                begin = body + size
            at = body + size
        self._held = bytes(data[at:])
        self._pass_on(data[begin:at])

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._behind.data_received(bytes(data))

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


def _head(data: bytes, at: int) -> int:
    """How many bytes of a frame are before its body, as far as can be told by now: clause 5.2."""
    if len(data) < at + 2:
        return 2
    length = data[at + 1] & 0x7F
    return 6 if length <= _LONGEST else 8 if length == 126 else 14


def _size(data: bytes, at: int) -> int:
    """How many bytes its body has."""
    length = data[at + 1] & 0x7F
    extended = 0 if length <= _LONGEST else 2 if length == 126 else 8
    return int.from_bytes(data[at + 2 : at + 2 + extended], "big") if extended else length


def _unmasked(mask: bytes, body: bytes) -> bytes:
    """Clause 5.3: each byte of the body, mixed with one of the mask's four, in turn."""
    size = len(body)
    keys = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(body, "big") ^ keys).to_bytes(size, "big")
