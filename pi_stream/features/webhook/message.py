"""The body of a request: one flat JSON object, for people (`title`, `message`) and for programs (the other fields).

The names fit what receivers expect: ntfy shows `title` and `message` to the subscribers of `topic` and ignores the rest
(https://docs.ntfy.sh/publish/#publish-as-json); Home Assistant gives an automation all of it as `trigger.json`.
"""

import socket
from collections.abc import Iterable

from msgspec import Struct

from pi_stream.lib import clock
from pi_stream.stream import CaptionsChanged, SourceChanged, ViewersChanged

_MAX_TEXT = 500  # characters of `message`; ntfy takes 4096 bytes
_MAX_NAMED = 10  # captions or viewers that `message` names


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """What all messages have: `host` is the machine's name, `at` the time of the event in UTC."""

    title: str
    message: str
    host: str
    at: str
    topic: str = ""


class SourceMessage(Message, frozen=True, kw_only=True, tag="source"):
    """A camera's source is online, or offline for `reason`."""

    camera: str
    online: bool
    reason: str | None


class CaptionsMessage(Message, frozen=True, kw_only=True, tag="captions"):
    """A camera has `count` captions now."""

    camera: str
    count: int


class ViewersMessage(Message, frozen=True, kw_only=True, tag="viewers"):
    """The service has `count` viewers now, of all cameras."""

    count: int


def of_source(event: SourceChanged, title: str) -> Message:
    """The message of this event; people read `title` as the camera's name."""
    state = "online" if event.online else f"offline: {event.reason}"
    host = socket.gethostname()
    return SourceMessage(
        title=f"{title} on {host}",
        message=_cut(f"{title} is {state}"),
        host=host,
        at=clock.utc(),
        camera=event.camera,
        online=event.online,
        reason=event.reason,
    )


def of_captions(event: CaptionsChanged, title: str) -> Message:
    """The message of this event; people read `title` as the camera's name."""
    count, host = len(event.captions), socket.gethostname()
    texts = _listed(f'"{caption.text}"' for caption in event.captions[:_MAX_NAMED])
    return CaptionsMessage(
        title=f"{title} on {host}",
        message=_cut(f"{title} has {_number(count, 'caption')}{texts}"),
        host=host,
        at=clock.utc(),
        camera=event.camera,
        count=count,
    )


def of_viewers(event: ViewersChanged) -> Message:
    """The message of this event."""
    count, host = len(event.viewers), socket.gethostname()
    names = _listed(name for _, name in event.viewers[:_MAX_NAMED] if name)
    return ViewersMessage(
        title=host, message=_cut(_number(count, "viewer") + names), host=host, at=clock.utc(), count=count
    )


def _number(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _listed(texts: Iterable[str]) -> str:
    joined = ", ".join(texts)
    return f": {joined}" if joined else ""


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
