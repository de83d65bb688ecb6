"""An acks' reader between a line and who is behind it, both of which a test plays."""

import asyncio

from pi_stream.protocol import parse_ack
from pi_stream.server.websocket.ack_reader import AckReader
from pi_stream.server.websocket.framing import Framing


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


class Reading:
    """An AckReader between a line and who is behind it."""

    def __init__(self) -> None:
        self.behind = Behind()
        self.line = Line(self.behind)
        self.seqs: list[int] = []
        self.refusals: list[int] = []
        AckReader(self.line, Framing(65_536, 1000), self.take, lambda code, _reason: self.refusals.append(code))

    def take(self, text: bytes) -> bool:
        """As a viewer does it."""
        seq = parse_ack(text)
        if seq is not None:
            self.seqs.append(seq)
        return seq is not None
