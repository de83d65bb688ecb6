"""A packet's number, time and age as HTTP headers, for pictures that have no frame header."""

from pi_stream.lib import clock
from pi_stream.media.frame import Packet


def headers_of(packet: Packet) -> dict[str, str]:
    """`X-Captured` is in microseconds of the service's clock, `X-Age-Ms` in milliseconds."""
    return {
        "X-Seq": str(packet.seq),
        "X-Captured": str(packet.captured),
        "X-Age-Ms": f"{(clock.now() - packet.captured) / 1000:.1f}",
    }
