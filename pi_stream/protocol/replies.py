"""The messages of the service: text, one JSON object each."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pi_stream.captions.caption import Caption
from pi_stream.captions.fields import FieldInfo
from pi_stream.errors import BadMessage
from pi_stream.lib.validation import ValidationError, convert, quote
from pi_stream.media.source_state import SourceState
from pi_stream.protocol.requests import Id, Request


class Present(Struct, frozen=True):
    """A connected viewer, as other viewers see it. `name` is "" if it has none."""

    id: str
    name: str


class CameraInfo(Struct, frozen=True, kw_only=True):
    """One camera of the service. `title` is its name for people, `path` its page, relative to the service's root.

    `reason` says why it is offline, and is null while it is online. `width` and `height` are those of its frames, in
    pixels.
    """

    name: str
    title: str
    path: str
    online: bool
    reason: str | None
    kind: str
    width: int
    height: int


class Reply(Struct, frozen=True, kw_only=True):
    """A message from the service."""


class Welcome(Reply, tag="welcome", frozen=True, kw_only=True):
    """The first message on every connection. `you` is this viewer's id, `host` the name of the service's machine.

    `camera` is the camera of this connection, `cameras` are all of them.
    `may` is what this viewer may do: "view", and perhaps "control". `login` is true if the service asks for passwords.
    `fields` are the fields that a caption's text may have.
    """

    version: str
    host: str
    you: str
    encodings: tuple[str, ...]
    source: SourceState
    captions: tuple[Caption, ...]
    viewers: tuple[Present, ...]
    may: tuple[str, ...] = ("view", "control")  # an older service has no rights
    login: bool = False
    camera: str = "camera"  # an older service has only one and does not name it
    cameras: tuple[CameraInfo, ...] = ()
    fields: tuple[FieldInfo, ...] = ()  # an older service does not send them


class Watching(Reply, tag="watching", frozen=True, kw_only=True):
    """What the next frames are: size in pixels, frames per second. `quality` is null for lossless encodings."""

    encoding: str
    width: int
    height: int
    fps: float
    quality: int | None


class SourceNews(Reply, tag="source", frozen=True, kw_only=True):
    """The source went offline or came back. `reason` is null while it is online."""

    online: bool
    kind: str
    reason: str | None


class CamerasNews(Reply, tag="cameras", frozen=True, kw_only=True):
    """All cameras, after one was added, removed or renamed, or a source went away or came back.

    `camera` is the camera of this connection, which may have been renamed.
    """

    camera: str
    cameras: tuple[CameraInfo, ...]


class CaptionsNews(Reply, tag="captions", frozen=True, kw_only=True):
    """All captions, after any change."""

    captions: tuple[Caption, ...]


class ViewersNews(Reply, tag="viewers", frozen=True, kw_only=True):
    """All connected viewers, after any change."""

    viewers: tuple[Present, ...]


class Said(Reply, tag="said", frozen=True, kw_only=True):
    """A line of the chat. `from` is a viewer's id, `at` the time in UTC, as ISO 8601."""

    sender: str = msgspec.field(name="from")
    name: str
    text: str
    at: str


class Stats(Reply, tag="stats", frozen=True, kw_only=True):
    """Sent once a second; null is not known.

    Rates are per second, ages in milliseconds, memory in MiB, temperature in degrees Celsius. `throttled`: the
    firmware slows the Pi down, or its supply voltage is too low. `dropped` counts since the viewer connected.
    """

    source_fps: float
    fps: float
    dropped: int
    age_ms: float | None
    bytes_per_second: int
    viewers: int
    cpu_percent: float | None
    memory_mb: float | None
    temperature_c: float | None
    throttled: bool | None


class Pong(Reply, tag="pong", frozen=True, kw_only=True):
    """The reply to `ping`. `clock` is in microseconds, of the clock that the frame header has."""

    sent: float | int
    clock: int
    utc: str


class Ok(Reply, tag="ok", frozen=True, kw_only=True):
    """A request was done. `re` is its id; `caption` is the caption that was put, as it is now."""

    re: Id
    caption: Caption | UnsetType = UNSET


class Error(Reply, tag="error", frozen=True, kw_only=True):
    """A request was not done, or frames cannot be made: why. `code` is one of docs/protocol.md."""

    re: Id | UnsetType = UNSET
    code: str
    message: str


_REPLIES: dict[str, type[Reply]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Welcome, Watching, SourceNews, CamerasNews, CaptionsNews, ViewersNews, Said, Stats, Pong, Ok, Error,
    )
}  # fmt: skip


def parse_reply(text: str) -> Reply | None:
    """Parse a text message from the service; None if only a later version has its type. Raises BadMessage."""
    try:
        message = msgspec.json.decode(text)
        name = message.pop("type")
        if not isinstance(name, str):
            raise TypeError(f"type: expected a text, got {quote(name)}")
        kind = _REPLIES.get(name)
        return convert(message, kind) if kind is not None else None
    except (msgspec.DecodeError, ValidationError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise BadMessage(f"the service sent a message that cannot be understood: {error}") from None


def serialize(message: Reply | Request) -> str:
    """A message as JSON."""
    return msgspec.json.encode(message).decode()
