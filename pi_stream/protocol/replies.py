"""What the service says: text messages, one JSON object each."""

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pi_stream.captions.caption import Caption
from pi_stream.captions.fields import FieldInfo
from pi_stream.errors import BadMessage
from pi_stream.lib.validation import ValidationError, convert, quote
from pi_stream.media.source_state import SourceState
from pi_stream.protocol.requests import Id, Request


class Present(Struct, frozen=True):
    """A viewer, as the others see it."""

    id: str
    name: str


class CameraInfo(Struct, frozen=True, kw_only=True):
    """One camera of the service: its name, what people read, where its page is relative to the service's root, whether
    it is online and why not, its kind of source, and the size of its frames in pixels.
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
    """The first message on every connection. `you` is this viewer's id, `host` what the service's machine is called.

    `camera` is the camera of this connection, `cameras` are all of them.
    `may` is what this viewer may do: "view", and perhaps "control". `login`: whether passwords are asked for at all.
    """

    version: str
    host: str
    you: str
    encodings: tuple[str, ...]
    source: SourceState
    captions: tuple[Caption, ...]
    viewers: tuple[Present, ...]
    may: tuple[str, ...] = ("view", "control")  # an older service lets everybody do everything
    login: bool = False
    camera: str = "camera"  # an older service has one, and does not name it
    cameras: tuple[CameraInfo, ...] = ()
    fields: tuple[FieldInfo, ...] = ()  # that a caption's text may hold; an older service does not say


class Watching(Reply, tag="watching", frozen=True, kw_only=True):
    """What the pictures are from now on. `quality` is null where nothing is lost."""

    encoding: str
    width: int
    height: int
    fps: float
    quality: int | None


class SourceNews(Reply, tag="source", frozen=True, kw_only=True):
    """The source went away, or came back. `reason` is null while it is online."""

    online: bool
    kind: str
    reason: str | None


class CaptionsNews(Reply, tag="captions", frozen=True, kw_only=True):
    """The whole overlay."""

    captions: tuple[Caption, ...]


class ViewersNews(Reply, tag="viewers", frozen=True, kw_only=True):
    """Who is watching."""

    viewers: tuple[Present, ...]


class Said(Reply, tag="said", frozen=True, kw_only=True):
    """A line in the conversation. `from` is a viewer's id, `at` the calendar's time."""

    sender: str = msgspec.field(name="from")
    name: str
    text: str
    at: str


class Stats(Reply, tag="stats", frozen=True, kw_only=True):
    """Once a second; what is not known is null.

    Rates are per second, ages in milliseconds, memory in MiB, temperature in degrees Celsius. `throttled`: the
    firmware slows the Pi down, or finds its supply too weak. `dropped` counts since the viewer came.
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
    """`clock` in microseconds, the clock of the frame header."""

    sent: float | int
    clock: int
    utc: str


class Ok(Reply, tag="ok", frozen=True, kw_only=True):
    """Done. `caption` is what became of a caption that was put."""

    re: Id
    caption: Caption | UnsetType = UNSET


class Error(Reply, tag="error", frozen=True, kw_only=True):
    """Not done, and why."""

    re: Id | UnsetType = UNSET
    code: str
    message: str


_REPLIES: dict[str, type[Reply]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        Welcome, Watching, SourceNews, CaptionsNews, ViewersNews, Said, Stats, Pong, Ok, Error,
    )
}  # fmt: skip


def parse_reply(text: str) -> Reply | None:
    """A text message from the service; None for a type of a later version. Raises BadMessage."""
    try:
        message = msgspec.json.decode(text)
        name = message.pop("type")
        if not isinstance(name, str):
            raise TypeError(f"type: expected a text, got {quote(name)}")
        kind = _REPLIES.get(name)
        return convert(message, kind) if kind is not None else None
    except (msgspec.DecodeError, ValidationError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise BadMessage(f"the service said something that cannot be understood: {error}") from None


def serialize(message: Reply | Request) -> str:
    """A message as text."""
    return msgspec.json.encode(message).decode()
