"""What packets become before they are sent: made once per packet, for all that it is sent to.

A packet of the hub goes to many viewers. What a sender makes of it, such as a websocket message, is the same for all of
them, and is kept here: for each channel that the sender subscribes to, the form of its newest packet alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from pi_stream.hub import Hub
from pi_stream.hub.channel import ChannelKey
from pi_stream.media.frame import Packet, newer

F = TypeVar("F")


class NewestForm(Generic[F]):
    """The form of the newest packet of one channel. Belongs to the event loop."""

    __slots__ = ("_form", "_make", "_packet", "key", "users")

    def __init__(self, key: tuple[Hub, ChannelKey], make: Callable[[Packet], F]) -> None:
        self.key = key
        self.users = 0
        self._make = make
        self._packet: Packet | None = None
        self._form: F

    def of(self, packet: Packet) -> F:
        """The form of this packet. It is made again for a packet that is older than the newest one seen."""
        if packet is self._packet:
            return self._form
        form = self._make(packet)
        if self._packet is None or newer(packet.seq, self._packet.seq):
            self._packet, self._form = packet, form
        return form


class PacketForms(Generic[F]):
    """The forms of one sender; `make` makes one of a packet."""

    def __init__(self, make: Callable[[Packet], F]) -> None:
        self._make = make
        self._newest: dict[tuple[Hub, ChannelKey], NewestForm[F]] = {}

    def __len__(self) -> int:
        """How many channels have forms now: as many as are in use."""
        return len(self._newest)

    def take(self, hub: Hub, channel: ChannelKey) -> NewestForm[F]:
        """The forms of a channel, until they are given back."""
        key = (hub, channel)
        if (newest := self._newest.get(key)) is None:
            newest = self._newest[key] = NewestForm(key, self._make)
        newest.users += 1
        return newest

    def give_back(self, newest: NewestForm[F]) -> None:
        """Forget the forms of a channel if this was the last user."""
        newest.users -= 1
        if newest.users == 0:
            del self._newest[newest.key]

    @contextmanager
    def using(self, hub: Hub, channel: ChannelKey) -> Iterator[NewestForm[F]]:
        """The forms of a channel while the block runs."""
        newest = self.take(hub, channel)
        try:
            yield newest
        finally:
            self.give_back(newest)
