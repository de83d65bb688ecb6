"""The text of a caption as a template: literal text, and placeholders such as `{time:%H:%M}` for fields.

`str.format` is not used: it reaches into attributes, and a width of a billion is a legal format to it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from pi_stream.captions.fields import FIELD_INFOS, FIELDS, FieldContext
from pi_stream.errors import BadMessage

_DEFAULT_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_UNKNOWN = "–"  # is drawn for a value that is not known now, such as the temperature of a machine without a sensor
_MAX_FORMAT_CHARACTERS = 100
_MAX_VALUE_CHARACTERS = 200
_EXPECTED_FIELDS = ", ".join(dict.fromkeys(info.insert for info in FIELD_INFOS))
# What strftime has on every system, if its result is one short line: no %n and %t, which are control characters, and no
# widths, since C's strftime would fill the memory for %1000000000Y. %-d is %d without its leading zero.
_DIRECTIVE = re.compile(r"%(?:[-_]?[dHIjmMSUVWwuyGgekl]|[aAbBcCDfFhpPrRTxXYzZ%])")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place in a text where the value of a field is drawn; `format` is strftime's, and "" unless it is a clock."""

    name: str
    format: str = ""


Part = str | Placeholder

Refresh = Literal["never", "second", "frame"]
"""How often the text that a template gives may change."""


@dataclass(frozen=True, slots=True)
class Template:
    """A caption's text, parsed. `refresh` is "second" if it shows clocks alone, "frame" if it shows any other field."""

    parts: tuple[Part, ...]
    refresh: Refresh

    def fill_in(self, now: datetime, context: FieldContext | None) -> str:
        """The text to draw: each placeholder is replaced by its field's value, clocks by `now` in its own time zone.

        Without a context every field but the clocks is drawn as a dash.
        """
        return "".join(part if isinstance(part, str) else _value(part, now, context) for part in self.parts)


@lru_cache(maxsize=256)
def parse_template(text: str) -> Template:
    """Split a caption's text into literal text and placeholders.

    `{{` and `}}` are literal braces, and so is a `}` that closes nothing. Raises BadMessage, which says what is wrong
    where, for an unknown field, a brace that is never closed, and a time format that is not possible.
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
            parts.append(_placeholder(text[at + 1 : end]))
            at = end + 1
        else:
            literal += text[at]
            at += 1
    if literal:
        parts.append(literal)
    return Template(tuple(parts), _refresh(parts))


def _refresh(parts: list[Part]) -> Refresh:
    fields = [FIELDS[part.name] for part in parts if isinstance(part, Placeholder)]
    if not fields:
        return "never"
    return "second" if all(field.is_clock for field in fields) else "frame"


def _placeholder(inside: str) -> Placeholder:
    """What stands between the braces, as a placeholder. Raises BadMessage."""
    name, colon, form = inside.partition(":")
    if name not in FIELDS:
        raise BadMessage(f"captions.text: unknown field {{{name[:40]}}}, expected one of {_EXPECTED_FIELDS}")
    if not FIELDS[name].is_clock:
        if colon:
            raise BadMessage(f"captions.text: {{{name}}} has no format, got {{{inside[:40]}}}")
        return Placeholder(name)
    if len(form) > _MAX_FORMAT_CHARACTERS:
        raise BadMessage(
            f"captions.text: expected a time format of at most {_MAX_FORMAT_CHARACTERS} characters, got {len(form)}"
        )
    if bad := re.search(r"%[-_]?.?", _DIRECTIVE.sub("", form), re.DOTALL):
        raise BadMessage(f"captions.text: {{time:...}} does not know {bad[0]}, expected strftime's, such as %H:%M:%S")
    placeholder = Placeholder(name, form or _DEFAULT_TIME_FORMAT)
    if len(_time(placeholder.format, datetime.now().astimezone())) > _MAX_VALUE_CHARACTERS:
        raise BadMessage(f"captions.text: this time format gives more than {_MAX_VALUE_CHARACTERS} characters")
    return placeholder


def _value(placeholder: Placeholder, now: datetime, context: FieldContext | None) -> str:
    provider = FIELDS[placeholder.name].value
    if provider is None:
        value: str | None = _time(placeholder.format, now)
    else:
        value = None if context is None else provider(context)
    return _UNKNOWN if value is None else value[:_MAX_VALUE_CHARACTERS]


def _time(form: str, now: datetime) -> str:
    # Directive by directive: the C library's strftime fails on some of the characters that may stand between them.
    return _DIRECTIVE.sub(lambda found: now.strftime(found[0]), form)
