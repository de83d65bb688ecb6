"""What a viewer may say: text messages, one JSON object each, and the bodies and queries of HTTP."""

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
    """A message from a viewer; `id`, if any, comes back as the answer's `re`."""

    id: Id | None = None


class Watch(Request, tag="watch", frozen=True, kw_only=True):
    """Start, or change, what is received."""

    accept: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(min_length=1, max_length=16)]
    fps: Annotated[float, Meta(gt=0, le=1000)] | None = None
    width: Annotated[int, Meta(ge=16, le=65535)] | None = None
    quality: Annotated[int, Meta(ge=1, le=100)] | Literal["auto"] | None = None
    window: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET
    acks: bool = False


class Ack(Request, tag="ack", frozen=True, kw_only=True):
    """That frame, and all before it, has been drawn."""

    seq: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class Unwatch(Request, tag="unwatch", frozen=True, kw_only=True):
    """No more pictures; the connection stays."""


class Ping(Request, tag="ping", frozen=True, kw_only=True):
    """Answered by `pong` with the same number."""

    sent: float | int


class CaptionPut(Request, tag="caption.put", frozen=True, kw_only=True):
    """Create a caption, or replace the one with this id."""

    caption: CaptionDraft


class CaptionDelete(Request, tag="caption.delete", frozen=True, kw_only=True):
    """Remove a caption. Its id is the message's `id`."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]


class Say(Request, tag="say", frozen=True, kw_only=True):
    """A line in the conversation."""

    text: Annotated[
        str, Meta(min_length=1, max_length=2000, pattern=ONE_LINE, description="one line of 1 to 2000 characters")
    ]


class Name(Request, tag="name", frozen=True, kw_only=True):
    """What this viewer is called; empty: no name."""

    name: Annotated[str, Meta(max_length=80, pattern=ONE_LINE, description="one line of 0 to 80 characters")]


class Controls(Request, tag="controls", frozen=True, kw_only=True):
    """Change camera controls, by libcamera's names."""

    controls: Annotated[dict[str, Any], Meta(min_length=1, max_length=64)]


_REQUESTS: dict[str, type[Request]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (Watch, Ack, Unwatch, Ping, CaptionPut, CaptionDelete, Say, Name, Controls)
}


_ACKS = msgspec.json.Decoder(Ack)


def parse_ack(text: bytes) -> int | None:
    """The seq of an acknowledgement that wants no answer; None for every other message, right or wrong.

    There is one for every frame of every viewer, so it is worth a way of its own past `parse_request`.
    """
    if b'"ack"' not in text:
        return None
    try:
        ack = _ACKS.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # parse_request will say what is wrong with it
    return ack.seq if ack.id is None else None


def parse_request(text: str) -> Request:
    """A text message from a viewer. Raises BadMessage, which says what was wrong where."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(f"expected a JSON object, got something that is no JSON: {error}") from None
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
    """Where in what was said: a caption's fields are named as those of the overlay, `captions.size`."""
    if kind == "caption.put" and path[:1] == ("caption",):
        return ".".join(("captions", *path[1:]))
    return ".".join((kind, *path))


def parse_caption(body: bytes, name: str | None = None) -> CaptionDraft:
    """A caption alone, as the HTTP API takes it, under the id that its URL names, if any. Raises BadMessage."""
    try:
        caption = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # the second: of an object's name
        raise BadMessage(f"expected a caption as JSON, got something that is no JSON: {error}") from None
    if name is not None and isinstance(caption, dict):
        caption["id"] = name
    try:
        return convert(caption, CaptionDraft)
    except ValidationError as error:
        raise BadMessage(f"{'.'.join(('captions', *error.path))}: {error.problem}") from None


Query = TypeVar("Query", bound=Struct)


def parse_query(query: dict[str, str], kind: type[Query]) -> Query:
    """The query of a URL as a struct whose fields may be numbers. Raises BadMessage."""
    try:
        return convert(query, kind, strict=False)
    except ValidationError as error:
        raise BadMessage(str(error)) from None


def choose(accept: tuple[str, ...], available: tuple[Encoding, ...]) -> Encoding:
    """The first encoding of `accept` that is available. Raises Unsupported, which names both lists."""
    for wanted in accept:
        for encoding in available:
            if wanted == encoding:
                return encoding
    raise Unsupported(f"watch.accept: expected one of {', '.join(available)}, got {', '.join(map(quote, accept))}")


def fit(width: int, height: int, widest: int | None) -> tuple[int, int]:
    """The size (even, in pixels) of a picture of width x height that may be no wider than `widest`."""
    if widest is None or widest >= width:
        return width, height
    narrow = max(2, widest - widest % 2)
    return narrow, max(2, round(height * narrow / width / 2) * 2)
