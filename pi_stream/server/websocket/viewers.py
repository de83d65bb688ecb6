"""The connected viewers, and the messages that all of them are sent."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from pi_stream.lib import clock
from pi_stream.lib.machine_stats import MachineStats
from pi_stream.lib.sanitize import without_directions
from pi_stream.protocol import (
    CamerasNews,
    CaptionsNews,
    Present,
    Reply,
    Said,
    SourceNews,
    Stats,
    ViewersNews,
    serialize,
)
from pi_stream.stream import CamerasChanged, CaptionsChanged, Events, SourceChanged, Stream, Streams, ViewersChanged

_Close = Callable[[int, str], Coroutine[Any, Any, None]]  # ends a connection with a websocket close code and reason


class Member(Protocol):
    """A viewer, as `Viewers` uses it."""

    id: str
    name: str
    stream: Stream  # the camera that it watches

    @property
    def dropped(self) -> int:
        """Frames that it watched and was not sent."""
        ...

    @property
    def watching(self) -> str | None:
        """What it watches, such as "jpeg 1280x720 q80"; None for nothing."""
        ...

    def tell(self, text: str) -> None:
        """Queue a message."""
        ...

    def stats(self, now: int, machine: MachineStats) -> Stats | None:
        """Its `stats`; None if it is too far behind to be sent any."""
        ...

    def watch_again(self) -> None:
        """Apply its last `watch` again, under the settings of now."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """End its connection."""
        ...


class Viewers:
    """The connected viewers of all cameras, in the order in which they connected."""

    def __init__(self, events: Events, streams: Streams) -> None:
        self._events = events
        self._streams = streams
        events.listen(SourceChanged, self._send_source)
        events.listen(SourceChanged, self._send_cameras)
        events.listen(CamerasChanged, self._send_cameras)
        events.listen(CaptionsChanged, self._send_captions)
        self._members: dict[str, Member] = {}
        self._ids = itertools.count(1)
        self._guests: dict[_Close, Stream] = {}
        self.left = 0  # that disconnected since the start, guests included
        self.by_address: Counter[str] = Counter()  # connected from each network, guests included

    def __len__(self) -> int:
        return len(self._members)

    @property
    def count(self) -> int:
        """All viewers, including those that read no messages."""
        return len(self._members) + len(self._guests)

    @contextmanager
    def guest(self, stream: Stream, close: _Close) -> Iterator[None]:
        """Count a viewer that reads no messages while the block runs; `close` ends its connection."""
        self._guests[close] = stream
        try:
            yield
        finally:
            del self._guests[close]
            self.left += 1

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._members.values()))

    def new_id(self) -> str:
        """An id that no viewer of this process had before."""
        return f"v{next(self._ids)}"

    @property
    def present(self) -> tuple[Present, ...]:
        """The list of viewers in `welcome` and `viewers`."""
        return tuple(Present(member.id, member.name) for member in self)

    def join(self, member: Member) -> None:
        """Add a viewer; the others are sent the new list."""
        news = serialize(ViewersNews(viewers=(*self.present, Present(member.id, member.name))))
        for other in self:
            other.tell(news)
        self._members[member.id] = member
        self._publish()

    def leave(self, member: Member) -> None:
        """Remove a viewer; the others are sent the new list."""
        if self._members.pop(member.id, None) is not None:
            self.left += 1
            self.send_to_all(ViewersNews(viewers=self.present))
            self._publish()

    def rename(self, member: Member, name: str) -> None:
        """Change the name of a viewer; all are sent the new list."""
        member.name = without_directions(name)
        self.send_to_all(ViewersNews(viewers=self.present))
        self._publish()

    def say(self, member: Member, text: str) -> None:
        """Send a chat line of a viewer to all."""
        text = without_directions(text)
        self.send_to_all(Said(sender=member.id, name=member.name, text=text, at=clock.utc()))

    def send_to_all(self, message: Reply, *, camera: str | None = None) -> None:
        """A message to every viewer, or to those of one camera; it is serialized once."""
        text = serialize(message)
        for member in self:
            if camera is None or member.stream.name == camera:
                member.tell(text)

    def _publish(self) -> None:
        self._events.publish(ViewersChanged(tuple((member.id, member.name) for member in self)))

    def _send_source(self, event: SourceChanged) -> None:
        news = SourceNews(online=event.online, kind=event.kind, reason=event.reason)
        self.send_to_all(news, camera=event.camera)

    def _send_cameras(self, event: SourceChanged | CamerasChanged) -> None:  # noqa: ARG002 - all listeners have it
        """To every viewer: a list of cameras, and the keys that lead to them, need the state of each."""
        cameras = self._streams.infos()
        texts: dict[str, str] = {}
        for member in self:
            camera = member.stream.name
            if camera not in texts:
                texts[camera] = serialize(CamerasNews(camera=camera, cameras=cameras))
            member.tell(texts[camera])

    def _send_captions(self, event: CaptionsChanged) -> None:
        self.send_to_all(CaptionsNews(captions=event.captions), camera=event.camera)

    def send_stats(self, machine: MachineStats) -> None:
        """Send each viewer its `stats`."""
        now = clock.now()
        for member in self:
            if (stats := member.stats(now, machine)) is not None:
                member.tell(serialize(stats))

    def watch_again(self) -> None:
        """Apply the last `watch` of each viewer again, after the settings changed."""
        for member in self:
            member.watch_again()

    def count_of(self, stream: Stream) -> int:
        """All viewers of one camera, with those that read no messages."""
        return sum(each is stream for each in (*(member.stream for member in self), *self._guests.values()))

    async def close_all(self, code: int, reason: str) -> None:
        """Close all connections at the same time."""
        await _close((*(member.close for member in self), *self._guests), code, reason)

    async def close_camera(self, stream: Stream, code: int, reason: str) -> None:
        """Close all connections to this camera."""
        members = (member.close for member in self if member.stream is stream)
        guests = (close for close, watched in self._guests.items() if watched is stream)
        await _close((*members, *guests), code, reason)


async def _close(closes: Collection[_Close], code: int, reason: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        for close in closes:
            tasks.create_task(close(code, reason))
