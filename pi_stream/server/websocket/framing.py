"""Which websocket frames a viewer may send, and how many: what RFC 6455 forbids and aiohttp accepts. No I/O.

aiohttp checks reserved bits, opcodes, control frames, texts and close codes. It accepts frames without a mask and
lengths in more bytes than necessary, and version 3.11, Debian 13's, reads a whole frame before it finds that
it is too long.
"""

from pi_stream.lib import clock
from pi_stream.lib.rate_limit import RateCounter

FINAL, MASKED = 0x80, 0x80  # clause 5.2: of the first byte and of the second
SHORT = 125  # bytes of a body whose length is in the second byte
CLOSE = 0x8
_CONTINUATION, _CONTROL = 0x0, 0x8


def head_size(data: bytes, at: int) -> int:
    """How many bytes of the frame at `at` are before its body, as far as is known from the data."""
    if len(data) < at + 2:
        return 2
    second = data[at + 1]
    return 2 + _extended(second) + (4 if second & MASKED else 0)


def body_size(head: bytes) -> int:
    """How many bytes a frame's body has, according to its head."""
    extended = _extended(head[1])
    return int.from_bytes(head[2 : 2 + extended], "big") if extended else head[1] & 0x7F


def _extended(second: int) -> int:
    length = second & 0x7F
    return 0 if length <= SHORT else 2 if length == 126 else 8


class Framing:
    """Checks the frames of one connection, in their order.

    A message may have `max_message_bytes`. In ten seconds, `max_frames` may arrive, acknowledgements not counted: a
    message may be as small as 6 bytes, and each waits until the ones before it are handled.
    """

    def __init__(self, max_message_bytes: int, max_frames: int) -> None:
        self._max_message_bytes, self._max_frames = max_message_bytes, max_frames
        self.within = False  # a message in fragments has begun and has not ended
        self._size = 0  # bytes of that message
        self._frames = RateCounter()

    def refusal(self, head: bytes) -> tuple[int, str] | None:
        """Why a frame with this head is forbidden: a close code and a sentence; None if it is allowed, and counted."""
        first, second = head[0], head[1]
        size = body_size(head)
        if not second & MASKED:
            return 1002, "a viewer's frames must be masked"
        if _extended(second) and size <= (SHORT if second & 0x7F == 126 else 0xFFFF):
            return 1002, "a length must be encoded in as few bytes as possible"
        opcode = first & 0x0F
        if opcode < _CONTROL:
            if (opcode == _CONTINUATION) != self.within:
                return 1002, "a message begins within another, or continues without a beginning"
            self._size = size + (self._size if self.within else 0)
            self.within = not first & FINAL
            if self._size > self._max_message_bytes:
                return 1009, f"a message has at most {self._max_message_bytes} bytes (limits.message_size)"
        elif size > SHORT:
            return 1002, f"a control frame has at most {SHORT} bytes"
        if opcode != CLOSE and self._frames.count(clock.now()) > self._max_frames:
            return 1008, f"more than {self._max_frames} messages in 10 seconds (limits.messages)"
        return None
