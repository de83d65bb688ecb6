"""What a viewer may say about a caption, and what its fields become."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_stream.captions.caption import Caption, CaptionDraft, caption_from, rgba_from_hex
from pi_stream.captions.fields import FIELD_INFOS, FIELDS
from pi_stream.captions.template import Placeholder, parse_template
from pi_stream.errors import BadMessage
from tests.caption_fields import table
from tests.frames import context, plain_frame

NOW = datetime(2026, 1, 31, 12, 4, 5, tzinfo=UTC)
EXAMPLE = (
    b'{"id":"c1","text":"Garage {time:%H:%M:%S}","x":0.02,"y":0.03,"anchor":"top-left","size":0.05,'
    b'"color":"#ffffff","background":"#00000080","font":"sans","ttl":null,"by":"Aki"}'
)


def test_a_caption_is_the_contracts_json_both_ways() -> None:
    """The example of the protocol is what a draft with only a text and an author becomes, and comes back as itself."""
    caption = caption_from(CaptionDraft(text="Garage {time:%H:%M:%S}"), "c1", by="Aki")
    assert msgspec.json.encode(caption) == EXAMPLE
    assert msgspec.json.decode(EXAMPLE, type=Caption) == caption


@pytest.mark.parametrize(
    "wrong",
    [
        b'{"text":""}',
        b'{"text":"%s"}' % (b"x" * 1001),
        b'{"x":0.5}',
        b'{"text":"a","x":1.01}',
        b'{"text":"a","y":-0.01}',
        b'{"text":"a","size":0.009}',
        b'{"text":"a","size":"big"}',
        b'{"text":"a","color":"white"}',
        b'{"text":"a","color":"#fff\\n"}',
        b'{"text":"a","background":"#ffff"}',
        b'{"text":"a","anchor":"middle"}',
        b'{"text":"a","font":"comic"}',
        b'{"text":"a","ttl":0}',
        b'{"text":"a","id":"a b"}',
        b'{"text":"a","id":""}',
        b'{"text":"a","colour":"#fff"}',
    ],
)
def test_a_draft_out_of_bounds_is_refused_when_it_is_read(wrong: bytes) -> None:
    """Every field has its bounds, and an unknown one is an error."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(wrong, type=CaptionDraft)


def test_a_draft_that_our_own_code_made_is_checked_too() -> None:
    """A draft that never went over the wire meets the same bounds, and the error says what was wrong where."""
    with pytest.raises(BadMessage, match=r"^captions\.size: expected a number from 0\.01 to 1, got 5"):
        caption_from(CaptionDraft(text="a", size=5), "c1")
    with pytest.raises(BadMessage, match=r"^captions\.id: "):
        caption_from(CaptionDraft(text="a"), "no spaces")


@pytest.mark.parametrize("text", ["a\x00", "a\tb", "a\r\n", "a\x9f", "a\ud800"])
def test_control_characters_are_refused_by_number(text: str) -> None:
    """A text is characters and line breaks; anything else is named in the error."""
    with pytest.raises(BadMessage, match=r"^captions\.text: .*U\+[0-9A-F]{4} at character 2"):
        caption_from(CaptionDraft(text=text), "c1")


def test_fields_are_found_and_braces_kept() -> None:
    """A text is split into what stands and what is filled in; doubled braces, and a closing one alone, are braces."""
    assert parse_template("a {{b}} {fps}{time}} {time:%H:%M}").parts == (
        "a {b} ",
        Placeholder("fps"),
        Placeholder("time", "%Y-%m-%d %H:%M:%S"),
        "} ",
        Placeholder("time", "%H:%M"),
    )


def test_fields_are_filled_in() -> None:
    """Each field becomes its value, and a value that nobody knows a dash."""
    template = parse_template("{time} {time:%-d. %B %Y, %H時%M分 100%%} {fps} {seq} {host} {viewers} {temperature}")
    now = context(plain_frame(7), fps=29.9)
    assert template.fill_in(NOW, now) == "2026-01-31 12:04:05 31. January 2026, 12時04分 100% 30 7 garage 2 –"
    assert parse_template("{temperature}").fill_in(NOW, replace(now, temperature_c=51.2)) == "51"
    assert parse_template("{fps} {time:%H}").fill_in(NOW, None) == "– 12"


@pytest.mark.parametrize("name", FIELDS)
def test_what_a_fields_button_inserts_is_that_field(name: str) -> None:
    """Each is accepted, is that field alone, and is drawn as a known value on one line."""
    known = replace(context(), temperature_c=51.2)
    infos = [info for info in FIELD_INFOS if info.name == name]
    assert infos
    for info in infos:
        template = parse_template(info.insert)
        (part,) = template.parts
        assert isinstance(part, Placeholder)
        assert part.name == name
        assert info.title
        drawn = template.fill_in(NOW, known)
        assert drawn.isprintable()
        assert drawn not in ("", "–")


@pytest.mark.parametrize(
    ("text", "refresh"),
    [
        ("still {{fps}}", "never"),
        ("{time}", "second"),
        ("{time:%H} {time:%M}", "second"),
        ("{fps}", "frame"),
        ("{time} {seq}", "frame"),
    ],
)
def test_how_often_a_text_may_change_is_known(text: str, refresh: str) -> None:
    """A text without fields is drawn once, and a clock once a second."""
    assert parse_template(text).refresh == refresh


def test_the_protocol_lists_the_fields() -> None:
    """docs/protocol.md holds what `python -m tests.caption_fields` prints."""
    assert table() in (Path(__file__).parent.parent / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_a_value_is_never_longer_than_a_line() -> None:
    """Whatever a value became elsewhere, 200 characters of it are drawn."""
    assert parse_template("{host}!").fill_in(NOW, context(host="x" * 9999)) == "x" * 200 + "!"


def test_an_unknown_field_is_named_with_those_there_are() -> None:
    """Somebody who mistyped a field reads which, and what there is."""
    with pytest.raises(BadMessage) as caught:
        parse_template("Garage {tmie}")
    assert str(caught.value).startswith("captions.text: unknown field {tmie}, expected one of {time:%H:%M:%S}, ")
    assert caught.value.code == "bad-message"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a {fps", "character 3 is never closed"),
        ("{}", "unknown field {}"),
        ("{fps:3}", "has no format"),
        ("{fps.__class__}", "unknown field"),
        ("{time:%Q}", "does not know %Q"),
        ("{time:%}", "does not know %"),
        ("{time:%n}", "does not know %n"),
        ("{time:%1000000000Y}", "does not know %1"),
        ("{time:" + "x" * 101 + "}", "at most 100 characters"),
        ("{time:" + "%c" * 50 + "}", "more than 200 characters"),
    ],
)
def test_a_field_that_cannot_be_is_an_error_when_it_is_put(text: str, why: str) -> None:
    """What strftime would choke on, or a field would fill the memory with, is refused before it is drawn."""
    with pytest.raises(BadMessage, match=r"^captions\.text: ") as caught:
        parse_template(text)
    assert why in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.from_regex(r"(\{(time:[^}]{0,12}|fps|x?)\}?|\}|\{){1,6}")))
def test_any_text_is_either_filled_in_or_refused(text: str) -> None:
    """Whatever is typed, the answer is a text or one kind of error."""
    try:
        template = parse_template(text)
    except BadMessage as error:
        assert str(error).startswith("captions.text: ")  # noqa: PT017 - either outcome is right, and is looked at
    else:
        assert len(template.fill_in(NOW, None)) <= 1000


def test_braces_doubled_make_any_text_literal() -> None:
    """A program can send any text as it is by doubling its braces."""
    text = "{time} }{ {{x}}"
    assert parse_template(text.replace("{", "{{").replace("}", "}}")).fill_in(NOW, None) == text


def test_colours_are_read_in_all_three_lengths() -> None:
    """#rgb, #rrggbb and #rrggbbaa; nothing else."""
    assert rgba_from_hex("#f80") == (255, 136, 0, 255)
    assert rgba_from_hex("#FF8000") == (255, 128, 0, 255)
    assert rgba_from_hex("#00000080") == (0, 0, 0, 128)
    for wrong in ("#ffff", "fff", "#ggg", "#fff\n", ""):
        with pytest.raises(BadMessage, match="expected #rgb"):
            rgba_from_hex(wrong)
