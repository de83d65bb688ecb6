"""Data from outside: accepted, or refused in words."""

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct

from pi_stream.lib.validation import ValidationError, convert, nearest, quote


class Inner(Struct, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=5)]
    size: Annotated[float, Meta(ge=0.01, le=1)] = 0.05
    side: Literal["left", "right"] = "left"
    color: Annotated[str, Meta(pattern="^#", description="a colour like #ff8800")] = "#ffffff"
    ttl: Annotated[float, Meta(gt=0)] | None = None


class Outer(Struct, forbid_unknown_fields=True):
    inner: Inner
    names: Annotated[tuple[str, ...], Meta(min_length=1, max_length=3)] = ("a",)
    count: int = 0
    on: bool = False
    more: Annotated[dict[str, int], Meta(min_length=1, max_length=2)] | None = None


def _outer(**fields: Any) -> dict[str, Any]:
    return {"inner": {"text": "x", **fields}}


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (_outer(size="big"), 'inner.size: expected a number from 0.01 to 1, got "big"'),
        (_outer(size=3), "inner.size: expected a number from 0.01 to 1, got 3"),
        (_outer(text=""), 'inner.text: expected a text of 1 to 5 characters, got ""'),
        (_outer(side="up"), 'inner.side: expected one of "left", "right", got "up"'),
        (_outer(color="red"), 'inner.color: expected a colour like #ff8800, got "red"'),
        (_outer(ttl=0), "inner.ttl: expected a number above 0 or null, got 0"),
        (_outer(colr=1), 'inner.colr: unknown, expected one of text, size, side, color, ttl; the nearest is "color"'),
        ({"inner": {}}, "inner.text: expected a text of 1 to 5 characters, got nothing"),
        ({"inner": 3}, "inner: expected an object, got 3"),
        ({}, "inner: expected an object, got nothing"),
        ([], "expected an object, got []"),
        ({**_outer(), "names": ["a", 3]}, "names: expected a text, got 3"),
        ({**_outer(), "names": []}, "names: expected a list of 1 to 3, each a text, got []"),
        ({**_outer(), "count": 2.5}, "count: expected a whole number, got 2.5"),
        ({**_outer(), "count": True}, "count: expected a whole number, got true"),
        ({**_outer(), "on": 1}, "on: expected true or false, got 1"),
        ({**_outer(), "count": float("nan")}, "count: expected a whole number, got nan"),
        ({**_outer(), "more": {}}, "more: expected an object with 1 to 2 entries or null, got {}"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_what_was_expected_and_what_came(value: Any, sentence: str) -> None:
    """The sentence names all three."""
    with pytest.raises(ValidationError) as caught:
        convert(value, Outer)
    assert str(caught.value) == sentence


def test_a_name_of_half_a_character_is_told() -> None:
    """Bytes of a command line that are no UTF-8 become such; nothing of ours is called so."""
    with pytest.raises(ValidationError, match=r"^expected names in UTF-8, got '\\udc80'$"):
        convert({"\udc80": 1}, Outer)


@pytest.mark.parametrize(
    "name", ["$", "$.inner[0]", "$[0]", "x - at `$[0]", "x - at `$.inner[0].side", "`", "", "field `x`"]
)
def test_a_name_that_looks_like_a_place_is_a_name(name: str) -> None:
    """msgspec's sentence has both, and whoever sends a message chooses the name."""
    for value in ({name: 1}, {"inner": {"text": "x", name: 1}}, {"inner": {"text": [1], name: 1}}):
        with pytest.raises(ValidationError):
            convert(value, Outer)


def test_a_long_wrong_value_is_quoted_in_part() -> None:
    """An error stays one readable line however much was sent."""
    assert len(quote("x" * 100_000)) < 80


def test_text_is_a_number_only_where_all_is_text() -> None:
    """A URL's query may say count=3; a message may not."""
    assert convert({**_outer(), "count": "3"}, Outer, strict=False).count == 3
    with pytest.raises(ValidationError):
        convert({**_outer(), "count": "3"}, Outer)


def test_the_nearest_word_is_near() -> None:
    """A word that resembles nothing has no nearest."""
    assert nearest("widht", ["width", "height"]) == "width"
    assert nearest("zzz", ["width", "height"]) is None


def test_what_is_nested_too_deep_is_told_without_its_value() -> None:
    """There are depths at which a value can be read and not be written again."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValidationError, match="nested too deep"):
        convert(deep, int)
