"""What the web floor is given: the parts that it shows, and the few things that it may ask of them."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from aiohttp import web

from pi_stream.auth.throttle import household
from pi_stream.camera import Camera
from pi_stream.checkup import Checkup
from pi_stream.config import Config
from pi_stream.frame import Encoding
from pi_stream.hub import Hub
from pi_stream.lag import LoopLag
from pi_stream.next_steps import Step
from pi_stream.overlay.captions import Captions
from pi_stream.server.access import Access
from pi_stream.server.sockets import Stalls
from pi_stream.server.viewers import Viewers
from pi_stream.vitals import VitalSigns

if TYPE_CHECKING:
    from pi_stream.identity import Identity

TextEncoding = Literal["rgba", "png", "jpeg"]


@dataclass(kw_only=True)
class House:
    """The parts of a running service. All stay, but for the settings, which a reload replaces."""

    config: Config
    camera: Camera
    captions: Captions
    hub: Hub
    pool: Executor  # for work that would hold up the event loop
    encodings: tuple[Encoding, ...]
    jpeg: str  # which library makes JPEGs
    picture_of_text: Callable[[str, TextEncoding, int, int, str, str], bytes]
    fail: Callable[[BaseException], None]  # a bug was met: end the service
    www: Path
    vitals: VitalSigns
    started: int  # microseconds of the server's clock
    stalls: Stalls
    viewers: Viewers
    checkup: Checkup
    next_steps: Callable[[], list[Step]]
    listener: socket.socket | None = None  # the port, where somebody else has opened it
    access: Access
    identity: "Identity | None" = None  # over http there is none to show
    lag: LoopLag = field(default_factory=LoopLag)

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """Count one more viewer from that address while the block runs.

        Raises HTTPServiceUnavailable when as many are connected as may be, HTTPTooManyRequests for one address.
        """
        if self.viewers.count >= self.config.stream.max_viewers:
            raise web.HTTPServiceUnavailable(
                text=f"{self.viewers.count} viewers are connected, as many as stream.max_viewers allows",
                headers={"Retry-After": "10"},
            )
        house, most = household(address), self.config.stream.max_per_address
        if self.viewers.by_address[house] >= most:
            raise web.HTTPTooManyRequests(
                text=f"{most} viewers are connected from {house}, as many as stream.max_per_address allows",
                headers={"Retry-After": "10"},
            )
        self.viewers.by_address[house] += 1
        try:
            yield
        finally:
            self.viewers.by_address[house] -= 1
            self.viewers.by_address += Counter()  # drops those of which there are none


HOUSE = web.AppKey("house", House)
