"""A packet as a part of the MJPEG stream, with the boundary that follows it."""

from typing import NamedTuple

from pi_stream.media.frame import Packet
from pi_stream.server.http.packet_headers import headers_of

BOUNDARY = "frame"
FIRST_BOUNDARY = f"--{BOUNDARY}\r\n".encode()
_NEXT_BOUNDARY = b"\r\n" + FIRST_BOUNDARY


class MjpegPart(NamedTuple):
    """A part of the multipart body, and that as a chunk of HTTP/1.1 (RFC 9112, clause 7.1): the same memory."""

    chunk: memoryview
    body: memoryview


def mjpeg_part(packet: Packet) -> MjpegPart:
    """The part of a packet.

    It includes the boundary that follows: a browser shows a part when it sees the next boundary, and would otherwise
    always be one frame behind.
    """
    head = {"Content-Type": "image/jpeg", "Content-Length": str(len(packet.data)), **headers_of(packet)}
    lines = "\r\n".join([*(f"{name}: {value}" for name, value in head.items()), "", ""]).encode()
    size = len(lines) + len(packet.data) + len(_NEXT_BOUNDARY)
    before = b"%x\r\n" % size
    chunk = memoryview(b"".join((before, lines, packet.data, _NEXT_BOUNDARY, b"\r\n")))
    return MjpegPart(chunk, chunk[len(before) : len(before) + size])
