"""The fields a caption's text may hold, `{time:%H:%M}` and its like: a grammar small enough to have no surprises.

`str.format` is not used: it reaches into attributes, and a width of a billion is a legal format to it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from pi_stream.errors import BadMessage

NAMES = ("time", "fps", "seq", "host", "viewers", "temperature")
EXPECTED = "{time:%H:%M:%S}, {time}, {fps}, {seq}, {host}, {viewers}, {temperature}"
TIME = "%Y-%m-%d %H:%M:%S"
UNKNOWN = "–"  # stands where a value is not known now, such as the temperature of a machine without a sensor

_LONGEST_FORMAT = 100  # characters of a time format
_LONGEST_VALUE = 200  # characters that a field may become
# What strftime does everywhere with one short line as its result: no %n and %t, which are control characters, and no
# widths, since C's strftime would honestly fill the memory for %1000000000Y. %-d is %d without its zero.
_DIRECTIVE = re.compile(r"%(?:[-_]?[dHIjmMSUVWwuyGgekl]|[aAbBcCDfFhpPrRTxXYzZ%])")


@dataclass(frozen=True, slots=True)
class Field:
    """A place in a text that is filled in anew for every frame; `format` is strftime's, and for `time` alone."""

    name: str
    format: str = ""


Part = str | Field


@lru_cache(maxsize=256)
def parse_text(text: str) -> tuple[Part, ...]:
    """Split a caption's text into what is drawn as it stands and the fields between.

    `{{` and `}}` are braces, and so is a `}` that closes nothing. Raises BadMessage, whose text says what was wrong,
    for a field that there is not, a brace that is never closed, and a time format that cannot be.
    """
    parts: list[Part] = []
    literal = ""
    at = 0
    while at < len(text):
        if text.startswith(("{{", "}}"), at):
            literal += text[at]
            at += 2
        elif text[at] == "{":
            end = text.find("}", at)
            if end < 0:
                raise BadMessage(
                    f"captions.text: the brace at character {at + 1} is never closed; write {{{{ for a brace"
                )
            if literal:
                parts.append(literal)
                literal = ""
            parts.append(_field(text[at + 1 : end]))
            at = end + 1
        else:
            literal += text[at]
            at += 1
    return (*parts, literal) if literal else tuple(parts)


def fill_in(parts: tuple[Part, ...], values: Mapping[str, str], now: datetime) -> str:
    """The text as it is drawn: each field replaced by its value, `{time}` by `now`, in `now`'s own time zone."""
    return "".join(part if isinstance(part, str) else _value(part, values, now) for part in parts)


@lru_cache(maxsize=256)
def needs(parts: tuple[Part, ...]) -> frozenset[str]:
    """The names of the fields in it. None: the text never changes; `time` alone: not within a second."""
    return frozenset(part.name for part in parts if isinstance(part, Field))


def _field(inside: str) -> Field:
    name, colon, form = inside.partition(":")
    if name not in NAMES:
        raise BadMessage(f"captions.text: unknown field {{{name[:40]}}}, expected one of {EXPECTED}")
    if name != "time":
        if colon:
            raise BadMessage(f"captions.text: {{{name}}} takes nothing after its name, got {{{inside[:40]}}}")
        return Field(name)
    if len(form) > _LONGEST_FORMAT:
        raise BadMessage(f"captions.text: a time format has at most {_LONGEST_FORMAT} characters, got {len(form)}")
    if bad := re.search(r"%[-_]?.?", _DIRECTIVE.sub("", form), re.DOTALL):
        raise BadMessage(f"captions.text: {{time:...}} does not know {bad[0]}, expected strftime's, such as %H:%M:%S")
    field = Field(name, form or TIME)
    if len(_time(field.format, datetime.now().astimezone())) > _LONGEST_VALUE:
        raise BadMessage(f"captions.text: this time format gives more than {_LONGEST_VALUE} characters")
    return field


def _value(field: Field, values: Mapping[str, str], now: datetime) -> str:
    value = _time(field.format, now) if field.name == "time" else values.get(field.name, UNKNOWN)
    return value[:_LONGEST_VALUE]


def _time(form: str, now: datetime) -> str:
    # Directive by directive, since the C library's strftime chokes on some of what may stand between them.
    return _DIRECTIVE.sub(lambda found: now.strftime(found[0]), form)
