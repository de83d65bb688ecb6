"""Data from outside, made into a type of ours, or a sentence that says what was wrong where.

msgspec does the checking; this room turns its verdict into words that a person can act on:
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

_LONGEST = 60  # characters of a wrong value that are quoted back
_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")  # which a name of the sender's choice may look like, too
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>[^\]]*)\]")
_NAMED = re.compile(r"field `(?P<name>.*?)`")


class ValidationError(ValueError):
    """A value that is not what was expected.

    `path` is where: a tuple of keys, from the outside in. `problem` says what was expected and what was there.
    """

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{'.'.join(path)}: {problem}" if path else problem)


def convert(value: Any, kind: type[T], *, strict: bool = True) -> T:
    """Make a `kind` (a msgspec struct) of plain data. Raises ShapeError.

    `strict`: a text is no number. A URL's query, which is all text, is read without it.
    """
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _in_words(error, value, kind) from None
    except UnicodeEncodeError as error:  # of an object's name, which came as bytes that are none
        raise ValidationError((), f"expected names in UTF-8, got {ascii(error.object)[:_LONGEST]}") from None


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that somebody who wrote `word` most likely meant, if any is near."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return found[0] if found else None


def quote(value: Any) -> str:
    """A value as it was written, as JSON on one line, shortened."""
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no word for it
    try:
        text = msgspec.json.encode(value, enc_hook=str).decode()
    except UnicodeEncodeError:
        text = ascii(value)  # a text with what is no character
    except RecursionError:  # it could be read, but by one that needs less room
        return "what is nested too deep"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _in_words(error: msgspec.ValidationError, value: Any, kind: Any) -> ValidationError:
    text = str(error)
    found = _PATH.search(text)
    path: list[str] = []
    expected: inspect.Type | None = inspect.type_info(kind)
    for step in _STEP.finditer(found["path"] if found else ""):
        key = step["key"]
        if key is None:  # a place in a list
            items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
            value = next((item for item in items if _wrong(item, expected)), None)
            expected = getattr(_solid(expected), "item_type", None)
        else:
            path.append(key)
            value = value.get(key) if isinstance(value, dict) else None
            fields = {field.encode_name: field.type for field in getattr(_solid(expected, key), "fields", ())}
            expected = fields.get(key)
    named = _NAMED.search(text)
    if named and "unknown field" in text:
        known = [field.encode_name for field in getattr(_solid(expected), "fields", ())]
        meant = nearest(named["name"], known)
        hint = f'; the nearest is "{meant}"' if meant else ""
        return ValidationError((*path, named["name"]), f"unknown, expected one of {', '.join(known)}{hint}")
    if named and "missing required field" in text:
        fields = {field.encode_name: field.type for field in getattr(_solid(expected), "fields", ())}
        return ValidationError((*path, named["name"]), f"expected {words(fields.get(named['name']))}, got nothing")
    return ValidationError(tuple(path), f"expected {words(expected)}, got {quote(value)}")


def _solid(kind: inspect.Type | None, key: str | None = None) -> inspect.Type | None:
    """The struct or list inside annotations and unions."""
    if isinstance(kind, inspect.Metadata):
        return _solid(kind.type, key)
    if isinstance(kind, inspect.UnionType):
        return next((_solid(each, key) for each in kind.types if hasattr(_solid(each), "fields")), kind)
    return kind


def _wrong(item: Any, kind: inspect.Type | None) -> bool:
    """Whether an item of a list is the one that does not fit."""
    inner = getattr(_solid(kind), "item_type", None)
    if isinstance(inner, inspect.StrType):
        return not isinstance(item, str)
    return True


def words(kind: inspect.Type | None) -> str:
    """What a type expects, in words: "a number from 0.01 to 1"."""
    match kind:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return str(extra["description"]) if extra and "description" in extra else words(inner)
        case inspect.UnionType(types=types):
            return " or ".join(words(each) for each in types)
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
            return f"a list{size}, each {words(inner)}"
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
