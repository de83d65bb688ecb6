"""The messages of a viewer: text, one JSON object each. Also the bodies and queries of HTTP requests."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from pi_stream.captions.caption import CaptionDraft
from pi_stream.errors import BadMessage, Unsupported
from pi_stream.lib.sanitize import ONE_LINE
from pi_stream.lib.validation import ValidationError, convert, nearest, quote
from pi_stream.media.encodings import Encoding

Id = Annotated[str, Meta(max_length=200)] | int | float


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message from a viewer. Its answer has its `id`, if it has one, as `re`."""

    id: Id | None = None


class Watch(Request, tag="watch", frozen=True, kw_only=True):
    """Start receiving frames, or change how.

    `accept` are encodings, best first; names that the service does not know are passed over. `fps` is the most frames
    per second, `width` the largest width in pixels, `quality` 1 to 100 or "auto". `window` is how many frames may be
    unacknowledged; without it the service chooses. `acks` says whether the viewer acknowledges frames at all.
    """

    accept: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(min_length=1, max_length=16)]
    fps: Annotated[float, Meta(gt=0, le=1000)] | None = None
    width: Annotated[int, Meta(ge=16, le=65535)] | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | Literal["auto"] | None = None
    window: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET
    acks: bool = False


class Ack(Request, tag="ack", frozen=True, kw_only=True):
    """Acknowledge the frame `seq` and all before it as drawn."""

    seq: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class Unwatch(Request, tag="unwatch", frozen=True, kw_only=True):
    """Stop receiving frames. The connection stays open."""


class Ping(Request, tag="ping", frozen=True, kw_only=True):
    """Request the server's clock. The `pong` has the same `sent`."""

    sent: float | int


class CaptionPut(Request, tag="caption.put", frozen=True, kw_only=True):
    """Create a caption, or replace the one with the same id."""

    caption: CaptionDraft


class CaptionDelete(Request, tag="caption.delete", frozen=True, kw_only=True):
    """Delete a caption. Its id is the message's `id`."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]


class Say(Request, tag="say", frozen=True, kw_only=True):
    """Send a line to the chat."""

    text: Annotated[
        str, Meta(min_length=1, max_length=2000, pattern=ONE_LINE, description="one line of 1 to 2000 characters")
    ]


class Name(Request, tag="name", frozen=True, kw_only=True):
    """Set this viewer's name; "" removes it."""

    name: Annotated[str, Meta(max_length=80, pattern=ONE_LINE, description="one line of 0 to 80 characters")]


class Controls(Request, tag="controls", frozen=True, kw_only=True):
    """Set camera controls. Names and values are libcamera's, so only the source can check them."""

    controls: Annotated[dict[str, Any], Meta(min_length=1, max_length=64)]


_REQUESTS: dict[str, type[Request]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (Watch, Ack, Unwatch, Ping, CaptionPut, CaptionDelete, Say, Name, Controls)
}


_ACKS = msgspec.json.Decoder(Ack)


def parse_ack(text: bytes) -> int | None:
    """The seq of an `ack` without an id, which gets no answer; None for every other message, valid or not.

    Every viewer acknowledges every frame, so this takes less time than `parse_request`.
    """
    if b'"ack"' not in text:
        return None
    try:
        ack = _ACKS.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # parse_request finds out what is wrong
    return ack.seq if ack.id is None else None


def parse_request(text: str) -> Request:
    """Parse a text message from a viewer. Raises BadMessage, which says where it is wrong, with the request's id."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(f"expected a JSON object, got something that is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise BadMessage(f"expected a JSON object, got {quote(message)}")
    given = message.get("id")
    re = given if isinstance(given, str | int | float) and not isinstance(given, bool) else None
    kind = message.pop("type", None)
    if not isinstance(kind, str) or kind not in _REQUESTS:
        meant = nearest(kind, _REQUESTS) if isinstance(kind, str) else None
        hint = f'; the nearest is "{meant}"' if meant else ""
        raise BadMessage(f"type: expected one of {', '.join(_REQUESTS)}, got {quote(kind)}{hint}", re)
    try:
        return convert(message, _REQUESTS[kind])
    except ValidationError as error:
        raise BadMessage(f"{_where(kind, error.path)}: {error.problem}", re) from None


def _where(kind: str, path: tuple[str, ...]) -> str:
    """The place of an error. Fields of a caption are named as in the HTTP API: `captions.size`."""
    if kind == "caption.put" and path[:1] == ("caption",):
        return ".".join(("captions", *path[1:]))
    return ".".join((kind, *path))


def parse_caption(body: bytes, name: str | None = None) -> CaptionDraft:
    """Parse the body of a caption request of the HTTP API. `name` is the id in its URL. Raises BadMessage."""
    try:
        caption = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # the second: in the name of a field
        raise BadMessage(f"expected a caption as JSON, got something that is not JSON: {error}") from None
    if name is not None and isinstance(caption, dict):
        caption["id"] = name
    try:
        return convert(caption, CaptionDraft)
    except ValidationError as error:
        raise BadMessage(f"{'.'.join(('captions', *error.path))}: {error.problem}") from None


Query = TypeVar("Query", bound=Struct)


def parse_query(query: dict[str, str], kind: type[Query]) -> Query:
    """Convert the query of a URL to a struct, whose fields may also be numbers. Raises BadMessage."""
    try:
        return convert(query, kind, strict=False)
    except ValidationError as error:
        raise BadMessage(str(error)) from None


def choose(accept: tuple[str, ...], available: tuple[Encoding, ...]) -> Encoding:
    """The first encoding of `accept` that is in `available`. Raises Unsupported, which has both lists."""
    for wanted in accept:
        for encoding in available:
            if wanted == encoding:
                return encoding
    raise Unsupported(f"watch.accept: expected one of {', '.join(available)}, got {', '.join(map(quote, accept))}")


def fit(width: int, height: int, widest: int | None) -> tuple[int, int]:
    """The size (even, in pixels) of a picture of `width` x `height` pixels, scaled down to at most `widest` pixels.

    The ratio is kept as well as even sides allow; nothing is scaled up.
    """
    if widest is None or widest >= width:
        return width, height
    narrow = max(2, widest - widest % 2)
    return narrow, max(2, round(height * narrow / width / 2) * 2)
