"""Data from outside, converted to a type of ours, or an error that says what is wrong and where.

msgspec checks the data; this module turns its errors into sentences that a person can act on:
`captions.size: expected a number from 0.01 to 1, got "big"`.
"""

import difflib
import re
from collections.abc import Iterable
from math import isfinite
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

T = TypeVar("T")

_MAX_QUOTE_CHARACTERS = 60  # of a wrong value
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")  # a name that the sender chose may look like this, too
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>[^\]]*)\]")
_NAMED = re.compile(r"field `(?P<name>.*?)`")


class ValidationError(ValueError):
    """A value that is not what was expected.

    `path` is its place: a tuple of keys, outermost first. `problem` says what was expected and what was there.
    """

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{'.'.join(path)}: {problem}" if path else problem)


def convert(value: Any, kind: type[T], *, strict: bool = True) -> T:
    """Convert plain data to `kind`, a msgspec struct. Raises ValidationError.

    `strict`: a text is not accepted as a number. The query of a URL, in which all is text, is read without it.
    """
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _explain(error, value, kind) from None
    except UnicodeEncodeError as error:  # a key of an object whose bytes are not UTF-8
        raise ValidationError(
            (), f"expected names in UTF-8, got {ascii(error.object)[:_MAX_QUOTE_CHARACTERS]}"
        ) from None


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that is most similar to `word`; None if none is similar."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return found[0] if found else None


def quote(value: Any) -> str:
    """A value as JSON on one line, shortened to 60 characters."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no such number
    try:
        text = msgspec.json.encode(value, enc_hook=str).decode()
    except UnicodeEncodeError:
        text = ascii(value)  # a text with half a surrogate pair
    except RecursionError:  # the decoder allows deeper nesting than the encoder
        return "a value that is nested too deep"
    return text if len(text) <= _MAX_QUOTE_CHARACTERS else text[:_MAX_QUOTE_CHARACTERS] + "..."


def _explain(error: msgspec.ValidationError, value: Any, kind: Any) -> ValidationError:
    text = str(error)
    found = _PATH.search(text)
    path: list[str] = []
    expected: inspect.Type | None = inspect.type_info(kind)
    for step in _STEP.finditer(found["path"] if found else ""):
        key = step["key"]
        if key is None:  # an index of a list
            items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
            value = next((item for item in items if _wrong(item, expected)), None)
            expected = getattr(_solid(expected), "item_type", None)
        else:
            path.append(key)
            value = value.get(key) if isinstance(value, dict) else None
            fields = {field.encode_name: field.type for field in getattr(_solid(expected), "fields", ())}
            expected = fields.get(key)
    named = _NAMED.search(text)
    if named and "unknown field" in text:
        known = [field.encode_name for field in getattr(_solid(expected), "fields", ())]
        meant = nearest(named["name"], known)
        hint = f'; the nearest is "{meant}"' if meant else ""
        return ValidationError((*path, named["name"]), f"unknown, expected one of {', '.join(known)}{hint}")
    if named and "missing required field" in text:
        fields = {field.encode_name: field.type for field in getattr(_solid(expected), "fields", ())}
        return ValidationError(
            (*path, named["name"]), f"expected {describe_type(fields.get(named['name']))}, got nothing"
        )
    got = "what is not shown, because it may be secret" if _secret(expected) else quote(value)
    return ValidationError(tuple(path), f"expected {describe_type(expected)}, got {got}")


def _solid(kind: inspect.Type | None) -> inspect.Type | None:
    """The struct or list inside annotations and unions."""
    if isinstance(kind, inspect.Metadata):
        return _solid(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next((_solid(each) for each in kind.types if hasattr(_solid(each), "fields")), kind)
    return kind


def _secret(kind: inspect.Type | None) -> bool:
    """Whether a value of this type, or a field of it, must not be quoted: its `Meta` has extra={"secret": True}."""
    if isinstance(kind, inspect.Metadata) and (kind.extra or {}).get("secret"):
        return True
    return any(_secret(field.type) for field in getattr(_solid(kind), "fields", ()))


def _wrong(item: Any, kind: inspect.Type | None) -> bool:
    """Whether an item of a list is the one that has the wrong type."""
    inner = getattr(_solid(kind), "item_type", None)
    if isinstance(inner, inspect.StrType):
        return not isinstance(item, str)
    if isinstance(inner, inspect.LiteralType):
        return item not in inner.values
    return True


def describe_type(kind: inspect.Type | None) -> str:
    """What a type accepts, in words: "a number from 0.01 to 1"."""
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return str(extra["description"]) if extra and "description" in extra else describe_type(inner)
        case inspect.UnionType(types=types):
            return " or ".join(describe_type(each) for each in types)
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(quote(each) for each in values)
        case inspect.IntType():
            return _span("a whole number", kind)
        case inspect.FloatType():
            return _span("a number", kind)
        case inspect.StrType(min_length=low, max_length=high):
            if high is not None:
                return f"a text of {low or 0} to {high} characters"
            return "a text"
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            size = f" of {kind.min_length or 0} to {kind.max_length}" if kind.max_length is not None else ""
            return f"a list{size}, each {describe_type(inner)}"
        case inspect.DictType(min_length=low, max_length=int(high)):
            return f"an object with {low or 0} to {high} entries"
        case _:
            return "an object"


def _span(noun: str, kind: inspect.IntType | inspect.FloatType) -> str:
    low = f"from {_number(kind.ge)}" if kind.ge is not None else f"above {_number(kind.gt)}"
    high = f"to {_number(kind.le)}" if kind.le is not None else f"below {_number(kind.lt)}"
    return " ".join(each for each in (noun, low, high) if not each.endswith("None"))


def _number(value: float | None) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
