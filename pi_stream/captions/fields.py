"""The fields of captions: one row a field. Parsing, drawing, the page's buttons and the docs come from these rows.

To add a field: its row in `FIELDS`, what its value needs in `FieldContext` (which the service fills in), and the table
that `python -m tests.caption_fields` prints, in docs/protocol.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from pi_stream.media.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldContext:
    """What the fields of a caption show: of one frame that is drawn now, of its stream, and of the machine."""

    frame: Frame
    source_fps: float  # frames per second that the source gives, measured
    host: str
    viewers: int  # that are connected
    temperature_c: float | None  # of the processor, in degrees Celsius; None if there is no sensor


class FieldInsert(NamedTuple):
    """What the page's button for a field puts into the text, the button's title, and an example of what is drawn."""

    insert: str
    title: str
    example: str


class CaptionField(NamedTuple):
    """One field: `{name}` in a caption's text is replaced by its value whenever the caption is drawn.

    `value` is called on the thread that draws, at most once a frame for each place where a caption shows the field. It
    must not block. None from it is drawn as a dash. A field whose `value` is None shows the wall clock, in the format
    that follows its name, and changes once a second; all others are looked at in every frame.
    """

    name: str
    description: str
    value: Callable[[FieldContext], str | None] | None
    inserts: tuple[FieldInsert, ...]

    @property
    def is_clock(self) -> bool:
        """Whether it shows the wall clock."""
        return self.value is None


class FieldInfo(Struct, frozen=True, kw_only=True):
    """One way to use a field, as clients are told of it: they may offer a button that inserts `insert`."""

    name: str
    insert: str
    title: str
    example: str


def _temperature(context: FieldContext) -> str | None:
    return None if context.temperature_c is None else f"{context.temperature_c:.0f}"


_ROWS = (
    CaptionField(
        "time",
        "the wall clock in the service's time zone; after the colon a format of strftime, `%Y-%m-%d %H:%M:%S` if there "
        "is none",
        None,
        (
            FieldInsert("{time:%H:%M:%S}", "Time", "12:04:05"),
            FieldInsert("{time:%Y-%m-%d}", "Date", "2026-01-31"),
        ),
    ),
    CaptionField(
        "host",
        "the name of the service's machine",
        lambda context: context.host,
        (FieldInsert("{host}", "Host", "raspberrypi"),),
    ),
    CaptionField(
        "fps",
        "frames per second that the source gives, measured",
        lambda context: f"{context.source_fps:.0f}",
        (FieldInsert("{fps}", "Frame rate", "30"),),
    ),
    CaptionField(
        "seq",
        "the number of the frame, 0 to 4294967295",
        lambda context: str(context.frame.seq),
        (FieldInsert("{seq}", "Frame number", "1234"),),
    ),
    CaptionField(
        "viewers",
        "how many viewers are connected",
        lambda context: str(context.viewers),
        (FieldInsert("{viewers}", "Viewers", "2"),),
    ),
    CaptionField(
        "temperature",
        "the temperature of the service's processor, in degrees Celsius",
        _temperature,
        (FieldInsert("{temperature}", "Temperature", "51"),),
    ),
)

FIELDS: Mapping[str, CaptionField] = MappingProxyType({row.name: row for row in _ROWS})

FIELD_INFOS = tuple(
    FieldInfo(name=row.name, insert=each.insert, title=each.title, example=each.example)
    for row in _ROWS
    for each in row.inserts
)
