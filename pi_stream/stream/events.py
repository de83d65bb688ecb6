"""Events: what happens in the service, as typed values, for any number of listeners."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pi_stream.captions.caption import Caption


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, slots=True)
class SourceChanged(Event):
    """The source of `camera` went away, with the reason, or came back (`reason` is None)."""

    camera: str
    kind: str
    online: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class CaptionsChanged(Event):
    """`captions` are all captions of `camera` from now on."""

    camera: str
    captions: tuple[Caption, ...]


@dataclass(frozen=True, slots=True)
class ViewersChanged(Event):
    """`viewers` are the ids and names of all connected viewers from now on; a name may be empty."""

    viewers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CamerasChanged(Event):
    """A reload added, removed or renamed cameras; `names` are all from now on."""

    names: tuple[str, ...]


E = TypeVar("E", bound=Event)


class Events:
    """Hands each published event to all that listen to its type. Belongs to the event loop.

    A listener is called at once and must not block; one that has slow work puts the event into a queue of its own.
    What a listener raises is a bug and reaches the publisher.
    """

    def __init__(self) -> None:
        self._listeners: dict[type[Event], tuple[Callable[[Any], None], ...]] = {}

    @contextmanager
    def listening(self, kind: type[E], listener: Callable[[E], None]) -> Iterator[None]:
        """Call `listener` with each event of this type while the block runs."""
        self.listen(kind, listener)
        try:
            yield
        finally:
            self._listeners[kind] = tuple(each for each in self._listeners[kind] if each != listener)

    def listen(self, kind: type[E], listener: Callable[[E], None]) -> None:
        """Call `listener` with each event of this type as long as the service runs."""
        self._listeners[kind] = (*self._listeners.get(kind, ()), listener)

    def publish(self, event: Event) -> None:
        """Tell all that listen to the type of this event, in the order in which they began to."""
        for listener in self._listeners.get(type(event), ()):
            listener(event)
