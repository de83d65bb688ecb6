"""The header of a frame: 32 bytes before the payload of a binary message from the service to a viewer."""

import struct

from pi_stream.errors import BadMessage
from pi_stream.media.encodings import ENCODINGS
from pi_stream.media.frame import Packet

HEADER = struct.Struct("<4sBBHIHHQQ")  # magic, encoding, flags, header size, seq, width, height, captured, sent
_SENT = struct.Struct("<Q")  # the last field of HEADER
_MAGIC = b"PIS1"
_NUMBERS = {name: row.number for name, row in ENCODINGS.items()}
_NAMES = {row.number: name for name, row in ENCODINGS.items()}
_KEY, _INIT, _OFFLINE = 1, 2, 4


def serialize_header(packet: Packet, sent: int) -> bytes:
    """The 32 bytes before the payload. `sent` is in microseconds of the server's clock, 0 to 2**64 - 1."""
    flags = packet.key * _KEY | packet.init * _INIT | packet.offline * _OFFLINE
    return HEADER.pack(
        _MAGIC,
        _NUMBERS[packet.encoding],
        flags,
        HEADER.size,
        packet.seq,
        packet.width,
        packet.height,
        packet.captured,
        sent,
    )


def write_sent(message: memoryview, sent: int) -> None:
    """Replace `sent` (microseconds of the server's clock) in a message that begins with a header."""
    _SENT.pack_into(message, HEADER.size - _SENT.size, sent)


def parse_packet(message: bytes) -> tuple[Packet, int]:
    """Parse a binary message to (packet, sent). The packet's data is a view of it, not a copy. Raises BadMessage."""
    if len(message) < HEADER.size:
        raise BadMessage(f"a frame's header has {HEADER.size} bytes, got {len(message)}")
    magic, number, flags, size, seq, width, height, captured, sent = HEADER.unpack_from(message)
    if magic != _MAGIC:
        raise BadMessage(f"a frame begins with the magic {_MAGIC!r}, got {magic!r}")
    if number not in _NAMES:
        raise BadMessage(f"expected an encoding from 1 to {max(_NAMES)}, got {number}")
    if not HEADER.size <= size <= len(message):
        raise BadMessage(f"expected a header size from {HEADER.size} to the message's {len(message)}, got {size}")
    packet = Packet(
        _NAMES[number],
        memoryview(message)[size:],
        width,
        height,
        seq,
        captured,
        offline=bool(flags & _OFFLINE),
        key=bool(flags & _KEY),
        init=bool(flags & _INIT),
    )
    return packet, sent
