"""All captions on a frame: where they are, what they say, and how seldom they are drawn anew."""

import logging
from datetime import datetime, tzinfo
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pi_stream.captions.caption import Anchor, Caption, CaptionDraft, caption_from
from pi_stream.captions.fields import FieldContext
from pi_stream.media.frame import Frame
from pi_stream.overlay import Overlay, offline_picture, render_text
from pi_stream.overlay import overlay as overlay_module
from pi_stream.overlay.time_budget import TimeBudget
from tests.frames import context

WIDTH, HEIGHT = 640, 360


def grey(width: int = WIDTH, height: int = HEIGHT, seq: int = 0) -> Frame:
    return Frame(np.full(width * height * 3 // 2, 128, dtype=np.uint8), width, height, seq=seq, captured=0)


def caption(text: str, id: str = "c1", **look: object) -> Caption:  # noqa: A002 - it is the field's name
    return caption_from(CaptionDraft(text=text, **look), id)  # type: ignore[arg-type]  # checked by caption_from


def unlimited() -> TimeBudget:
    """A budget that a busy machine does not use up: every text is rendered when it changes."""
    return TimeBudget(1, 1e12)


def place(frame: Frame) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what differs from grey, as fractions of the picture."""
    rows, columns = (np.flatnonzero((frame.y != 128).any(axis=axis)) for axis in (1, 0))
    return (
        float(columns[0] / frame.width),
        float(rows[0] / frame.height),
        float((columns[-1] + 1) / frame.width),
        float((rows[-1] + 1) / frame.height),
    )


@pytest.mark.parametrize(
    ("anchor", "across", "down"),
    [
        ("top-left", 0, 0),
        ("top", 0.5, 0),
        ("top-right", 1, 0),
        ("left", 0, 0.5),
        ("center", 0.5, 0.5),
        ("right", 1, 0.5),
        ("bottom-left", 0, 1),
        ("bottom", 0.5, 1),
        ("bottom-right", 1, 1),
    ],
)
def test_the_anchor_of_the_box_is_where_x_and_y_say(anchor: Anchor, across: float, down: float) -> None:
    """Of the nine places of its box, the anchor is the one that lies at x and y."""
    frame = grey()
    Overlay().draw(frame, (caption("Hi", x=0.5, y=0.5, anchor=anchor, background="#000"),), context)
    left, top, right, bottom = place(frame)
    assert abs(left + across * (right - left) - 0.5) < 0.005
    assert abs(top + down * (bottom - top) - 0.5) < 0.005


def test_a_caption_looks_the_same_at_every_resolution() -> None:
    """Place, size and line breaks are fractions of the picture."""
    one = (caption("several words that need a second line and perhaps a third", x=0.6, y=0.4, size=0.1),)
    small, large = grey(320, 180), grey(1920, 1080)
    Overlay().draw(small, one, context)
    Overlay().draw(large, one, context)
    assert np.allclose(place(small), place(large), atol=0.02)


def test_static_captions_are_rendered_once() -> None:
    """What does not change is drawn from its patch, frame after frame, and drawn alike."""
    overlay = Overlay(unlimited())
    captions = (caption("one"), caption("two", "c2", y=0.5))
    first, second = grey(), grey()
    overlay.draw(first, captions, context)
    overlay.draw(second, captions, context)
    assert overlay.rendered == 2
    assert np.array_equal(first.data, second.data)


def test_a_ticking_clock_redraws_its_own_patch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every new second the clock is rendered anew, and nothing else; within a second nothing is."""

    class Clock(datetime):
        ticks = 0

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            return cls.fromtimestamp(cls.ticks, tz)

    monkeypatch.setattr(overlay_module, "datetime", Clock)
    overlay = Overlay(unlimited())
    captions = (caption("still"), caption("{time:%H:%M:%S}", "c2", y=0.5), caption("{fps} fps", "c3", y=0.8))
    counts, pictures = [], []
    for Clock.ticks, fps in ((0, "30"), (0, "30"), (1, "30"), (2, "30"), (2, "29")):
        frame = grey()
        overlay.draw(frame, captions, partial(context, fps=float(fps)))
        counts.append(overlay.rendered)
        pictures.append(frame.data.tobytes())
    assert counts == [3, 3, 4, 5, 6]
    assert len(set(pictures)) == 4


def test_values_are_found_only_where_a_caption_shows_one() -> None:
    """A clock does not make the service count its viewers thirty times a second."""
    asked: list[str] = []

    def values() -> FieldContext:
        asked.append("once")
        return context()

    overlay = Overlay(unlimited())
    overlay.draw(grey(), (caption("still"), caption("{time}", "c2")), values)
    assert asked == []
    overlay.draw(grey(), (caption("{fps}"), caption("{seq}", "c2")), values)
    assert asked == ["once"]


def test_what_is_no_longer_shown_is_not_kept() -> None:
    """An hour of clock ticks leaves as many patches as there are captions."""
    overlay = Overlay(unlimited())
    for seq in range(20):
        overlay.draw(grey(), (caption("{seq}"), caption("still", "c2", y=0.5)), partial(context, grey(seq=seq)))
    assert len(overlay._drawn) == 2
    overlay.draw(grey(), (), context)
    assert overlay._drawn == {}


def test_another_picture_size_is_another_drawing() -> None:
    """When the source changes its size, captions are drawn for the new one."""
    overlay = Overlay(unlimited())
    overlay.draw(grey(), (caption("a"),), context)
    overlay.draw(grey(320, 180), (caption("a"),), context)
    assert overlay.rendered == 2


def test_later_captions_lie_on_top() -> None:
    """Of two captions at one place, the one that was put last is seen."""
    frame = grey()
    boxes = [caption("█", f"c{n}", color=color, background=color) for n, color in enumerate(("#fff", "#000"))]
    Overlay().draw(frame, tuple(boxes), context)
    assert 0 in frame.y
    assert 255 not in frame.y


def test_a_missing_value_is_a_dash() -> None:
    """A service that knows no temperature still draws the caption."""
    with_dash, unknown = grey(), grey()
    Overlay().draw(with_dash, (caption("CPU –"),), context)
    Overlay().draw(unknown, (caption("CPU {temperature}"),), context)
    assert np.array_equal(with_dash.data, unknown.data)


def test_captions_that_bury_the_picture_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Dozens of captions as large as the picture cost a bounded time; which are left out is said once."""
    captions = tuple(caption("█", f"c{n}", size=1, x=0, y=0, background=f"#0000{n:02x}80") for n in range(99))
    captions = tuple(caption("W " * 300, c.id, size=1, x=0, y=0, background=c.background) for c in captions)
    overlay = Overlay(unlimited())
    for _ in range(2):
        overlay.draw(grey(64, 36), captions, context)
    assert overlay.rendered < 20
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "those after it are not drawn" in caplog.text


def test_a_text_that_changes_too_often_shows_what_it_said_before() -> None:
    """When its share of the time is spent, what was drawn is shown again, and what never was is not there yet."""
    overlay = Overlay(TimeBudget(0, 1))
    first, again, none = grey(), grey(), grey()
    overlay.draw(first, (caption("{seq}"),), partial(context, grey(seq=1)))
    overlay.draw(again, (caption("{seq}"), caption("new", "c2", y=0.5)), partial(context, grey(seq=2)))
    overlay.draw(none, (caption("new", "c2", y=0.5),), context)
    assert overlay.rendered == 1
    assert np.array_equal(first.data, again.data)
    assert np.array_equal(none.data, grey().data)
    small = grey(320, 180)
    overlay.draw(small, (caption("{seq}"),), context)  # what was drawn for another size is of no use
    assert np.array_equal(small.data, grey(320, 180).data)


def test_texts_that_change_too_often_are_drawn_in_turn() -> None:
    """Each has its turn, however many there are, before the first has its second."""

    class TwoAFrame(TimeBudget):
        left = 2

        def has_credit(self, now: int) -> bool:  # noqa: ARG002 - it is TimeBudget's
            self.left -= 1
            return self.left >= 0

    budget = TwoAFrame(0, 0)
    overlay = Overlay(budget)
    captions = tuple(caption("{seq}", f"c{number}") for number in range(5))
    said = []
    for seq in range(6):
        budget.left = 2
        overlay.draw(grey(), captions, partial(context, grey(seq=seq)))
        said.append([drawn.text for drawn in overlay._drawn.values()])
    assert said[:3] == [["0", "0"], ["0", "0", "1", "1"], ["0", "0", "1", "1", "2"]]
    assert said[5] == ["3", "3", "4", "4", "5"]


def test_the_share_of_the_time_is_kept_over_time() -> None:
    """What is saved has an end, and what was spent too much is waited for."""
    budget = TimeBudget(0.25, 100)
    assert budget.has_credit(0)
    budget.spend(120)
    assert not budget.has_credit(80)
    assert budget.has_credit(84)
    assert budget.has_credit(1_000_000)
    budget.spend(100)
    assert not budget.has_credit(1_000_000)


def test_fonts_that_come_late_draw_the_captions_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caption that was drawn before fontconfig had answered is not left with boxes for letters."""

    class Installed:
        late = 0

    monkeypatch.setattr(overlay_module, "installed", Installed)
    overlay, captions = Overlay(unlimited()), (caption("a"),)
    for Installed.late, rendered in ((0, 1), (0, 1), (1, 2), (1, 2)):
        overlay.draw(grey(), captions, context)
        assert overlay.rendered == rendered


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.01, 1),
    st.sampled_from(["top-left", "center", "bottom-right"]),
)
def test_any_caption_is_drawn(text: str, x: float, y: float, size: float, anchor: Anchor) -> None:
    """Whatever is accepted can be drawn, anywhere and at any size."""
    literal = text.replace("{", "{{").replace("}", "}}")
    Overlay().draw(grey(64, 36), (caption(literal, x=x, y=y, size=size, anchor=anchor),), context)


def test_a_text_becomes_a_picture_of_it() -> None:
    """Dark letters on nothing, unless other colours are asked for."""
    pixels = render_text("Hello", 300, 150)
    assert pixels.shape == (150, 300, 4)
    assert pixels.dtype == np.uint8
    assert (pixels[..., :3] == 0).all()
    assert {0, 255} <= set(pixels[..., 3].ravel().tolist())
    assert (render_text("Hello", 300, 150, background="#fff")[0, 0] == 255).all()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (360, 640), (64, 48), (2, 2), (2, 64), (640, 4)])
@pytest.mark.parametrize(
    "reason", ["", "No camera answers.", "word " * 500, "x" * 5000, "\ud800\x00\n" * 50, "カメラ 😀"]
)
def test_the_offline_picture_takes_every_reason(width: int, height: int, reason: str) -> None:
    """There is always a picture that says why there is none, and it is a whole frame."""
    data = offline_picture(width, height, "No picture", reason)
    frame = Frame(data, width, height, seq=0, captured=0, offline=True)
    if width > 100 and height > 100:
        assert frame.y.max() > 200
        assert np.median(frame.y) < 40


def test_the_offline_picture_is_readable_on_a_phone() -> None:
    """On a picture 360 pixels wide, the letters of the reason are still a dozen pixels high, and light on dark."""
    frame = Frame(offline_picture(360, 640, "", "HHHH"), 360, 640, seq=0, captured=0)
    blank = Frame(offline_picture(360, 640, "", ""), 360, 640, seq=0, captured=0)
    rows = np.flatnonzero((frame.y != blank.y).any(axis=1))
    assert rows[-1] - rows[0] >= 12
    assert frame.y[rows].max() > 150
