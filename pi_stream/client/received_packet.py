"""A packet as it came over the wire, and the picture in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pi_stream.media.frame import Packet


@dataclass(frozen=True, slots=True, eq=False)
class ReceivedPacket(Packet):
    """A packet as it arrived. `sent` is in microseconds of the service's clock, `age_ms` is its age on arrival."""

    sent: int = 0
    age_ms: float | None = None

    def image(self) -> NDArray[np.uint8]:
        """The picture as R, G, B: uint8, (height, width, 3).

        Raises BadMessage for an encoding that is not decoded, and for a picture that is damaged or not of this size.
        """
        from pi_stream.client.decoders import decode  # not earlier: imaging libraries are for those that want pixels

        return decode(self)
