"""Acknowledgements are taken out of what a viewer sends, and everything else passes on as it came."""

import asyncio
import os

import pytest

from pi_stream.protocol import parse_ack
from pi_stream.server.acks import AckReader


class Behind(asyncio.Protocol):
    """What passes on."""

    def __init__(self) -> None:
        self.heard = b""
        self.resumed = 0

    def resume_writing(self) -> None:
        """See asyncio."""
        self.resumed += 1

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self.heard += data


class Line(asyncio.Transport):
    """A transport that nothing comes from but what a test puts in."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """See asyncio."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See asyncio."""
        self._protocol = protocol

    def bring(self, data: bytes) -> None:
        """Data came, all at once."""
        assert isinstance(self._protocol, asyncio.BufferedProtocol)
        memoryview(self._protocol.get_buffer(-1))[: len(data)] = data
        self._protocol.buffer_updated(len(data))


def framed(body: bytes, first: int = 0x81, masked: bool = True) -> bytes:
    """A websocket frame, RFC 6455 clause 5.2."""
    size = len(body)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    mask = os.urandom(4) if masked else b""
    head = bytes([first, length[0] | (0x80 if masked else 0)]) + length[1:] + mask
    return head + (bytes(each ^ mask[i % 4] for i, each in enumerate(body)) if masked else body)


class Reading:
    """An AckReader between a line and who is behind it."""

    def __init__(self) -> None:
        self.behind = Behind()
        self.line = Line(self.behind)
        self.seqs: list[int] = []
        AckReader(self.line, self.take)

    def take(self, text: bytes) -> bool:
        """As a viewer does it."""
        seq = parse_ack(text)
        if seq is not None:
            self.seqs.append(seq)
        return seq is not None


OTHERS = [
    framed(b'{"type":"ping","sent":1}'),
    framed(b"x" * 300),
    framed(b"", first=0x89),  # a ping of the websocket's own
    framed(b'{"type":"ack","seq":"one"}'),  # wrong, which the other way has to say
    framed(b'{"type":"ack","seq":7,"id":1}'),  # wants an answer
    framed(b"\xff\xfe"),  # no text at all
]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8, 13, 50, 10_000])
def test_acks_are_taken_and_all_else_passes_on_however_it_comes(step: int) -> None:
    """Cut anywhere, every ack is taken once, in order, and what remains is what was sent without them."""
    sent = b"".join(framed(b'{"type":"ack","seq":%d}' % i) + other for i, other in enumerate(OTHERS))
    reading = Reading()
    for at in range(0, len(sent), step):
        reading.line.bring(sent[at : at + step])
    assert reading.seqs == list(range(len(OTHERS)))
    assert reading.behind.heard == b"".join(OTHERS)


@pytest.mark.parametrize(
    "strange",
    [framed(b'{"type":"ack"', first=0x01), framed(b'{"type":"ack","seq":1}', masked=False)],
    ids=["in fragments", "not masked"],
)
def test_who_speaks_otherwise_is_heard_by_aiohttp_alone(strange: bytes) -> None:
    """After a fragment, or a frame that no viewer may send, nothing is taken any more."""
    after = framed(b'{"type":"ack","seq":2}')
    reading = Reading()
    reading.line.bring(strange + after)
    reading.line.bring(after)
    assert reading.seqs == []
    assert reading.behind.heard == strange + after + after


def test_when_the_kernel_has_taken_all_aiohttp_hears_it_first() -> None:
    """Its own writers may have waited for longer than the next packet."""
    behind = Behind()
    line = Line(behind)
    heard: list[int] = []
    AckReader(line, lambda _text: False, lambda: heard.append(behind.resumed))
    line.get_protocol().resume_writing()
    assert heard == [1]
