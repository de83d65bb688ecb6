"""Text of every script becomes pixels: whose font, which way, and in colour where it should."""

import logging
import os
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import wait
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pi_stream.errors import BadMessage
from pi_stream.overlay import bidi, fontconfig, fonts
from pi_stream.overlay.clusters import CodePoints, clusters, is_emoji
from pi_stream.overlay.fonts import BUNDLED, Fonts, installed
from pi_stream.overlay.layout import Layout
from pi_stream.overlay.text import Pixels, render_caption, render_text

BOX = "\U0010fffd"  # a private character of which nobody has heard


def draw(text: str, size: float = 40, width: int = 2000, height: int = 400, fonts: Fonts | None = None) -> Pixels:
    """White on opaque black, so that what is not black is ink."""
    return render_caption(text, size=size, background="#000000", max_width=width, max_height=height, fonts=fonts)


def ink(pixels: Pixels) -> NDArray[np.uint8]:
    """The brightest of the three colours, cut down to where there is any."""
    light = pixels[4:-4, 4:-4, :3].max(axis=2)
    rows, columns = np.flatnonzero(light.max(axis=1)), np.flatnonzero(light.max(axis=0))
    return np.asarray(light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def coloured(pixels: Pixels) -> int:
    """How many pixels are plainly neither white, black nor grey."""
    colours = pixels[..., :3].astype(int)
    return int(((colours.max(axis=2) - colours.min(axis=2)) > 60).sum())


def need(text: str) -> None:
    """Skip where this machine has no font for a text; `make test` installs them where it may."""
    fonts = installed()
    for cluster, face in zip(clusters(text), fonts.faces(clusters(text), "sans"), strict=True):
        if cluster[0] not in face.characters or (is_emoji(cluster) and not face.coloured):
            pytest.skip(
                f"no font here for {cluster}: apt install fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"
            )


@pytest.fixture
def bundled() -> Fonts:
    """What a machine without fontconfig has."""

    def nothing(_: str) -> str:
        raise FileNotFoundError("fc-match was not found")

    return Fonts(nothing)


@pytest.fixture
def no_fribidi(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without libfribidi."""
    monkeypatch.setattr(bidi, "_LIBRARY_NAMES", ("libfribidi-that-is-not-there.so",))
    bidi.fribidi.cache_clear()
    yield
    bidi.fribidi.cache_clear()


def test_japanese_has_its_characters() -> None:
    """Kanji and kana are drawn, each as itself, and none as the box of a missing character."""
    text = "日本語カナひら"
    need(text)
    drawn = [ink(draw(each)).tobytes() for each in [*text, BOX]]
    assert len(set(drawn)) == len(drawn)


def test_han_has_japanese_shapes_unless_korean_is_with_it() -> None:
    """The same code point has another shape in another language's font: Japanese is asked for first."""
    need("直한")
    asked: list[str] = []

    def ask(pattern: str) -> str:
        asked.append(pattern)
        return ""

    fonts = Fonts(ask)
    fonts.faces(["直", "か"], "serif")
    fonts.faces(["直", "한"], "mono")
    assert {"serif:lang=ja", "monospace:lang=ko"} <= set(asked)


def test_arabic_letters_join() -> None:
    """A word is not its letters side by side: joined, they have other shapes and take less room."""
    joined, apart = ink(draw("عربي")), ink(draw("\u200c".join("عربي")))
    assert joined.shape != apart.shape


def test_arabic_runs_from_right_to_left() -> None:
    """The alif that is typed last, a tall stroke, is the leftmost ink."""
    word = ink(draw("ببببا")) > 128
    tall = word.shape[0]
    assert word[:, : tall // 4].any(axis=1).sum() > 0.6 * tall
    assert word[: tall // 3, -tall // 2 :].sum() == 0


def begins_with(line: NDArray[np.uint8], word: NDArray[np.uint8]) -> bool:
    """Whether the ink of a line begins, at its left, like that of a word."""
    columns = word.shape[1]
    rows = line.shape[0] - word.shape[0]
    return any(
        np.array_equal(line[top : top + word.shape[0], : columns - 1], word[:, : columns - 1])
        for top in range(rows + 1)
    )


def test_directions_in_one_line_are_seen_in_the_right_order() -> None:
    """Arabic between Latin words keeps its place; in an Arabic sentence the Latin word typed last is leftmost."""
    latin, arabic = ink(draw("abc")), ink(draw("عربي"))
    mixed = ink(draw("abc عربي def"))
    assert begins_with(mixed, latin)
    assert begins_with(mixed[:, ::-1], ink(draw("def"))[:, ::-1])
    assert mixed.shape[1] > latin.shape[1] + arabic.shape[1]
    assert begins_with(ink(draw("عربي abc")), latin)
    assert not begins_with(ink(draw("abc عربي")), arabic)


def test_numbers_in_hebrew_are_not_reversed() -> None:
    """Digits run left to right even where the words around them do not, and brackets still open and close."""
    line = ink(draw("שלום 123"))
    assert begins_with(line, ink(draw("123")))
    assert begins_with(ink(draw("שלום (אב)")), ink(draw("(")))


def test_an_override_turns_letters_round() -> None:
    """A right-to-left override, which some file names are forged with, is obeyed as browsers obey it."""
    assert np.array_equal(ink(draw("\u202eabc")), ink(draw("cba")))


@pytest.mark.parametrize(
    ("levels", "seen"),
    [
        ("000", "012"),
        ("111", "210"),
        ("00110", "01324"),
        ("1221", "3120"),
        ("01210", "03214"),
        ("", ""),
    ],
)
def test_runs_are_reordered_by_rule_l2(levels: str, seen: str) -> None:
    """From the highest level to the lowest odd one, every stretch at that level or above is turned round."""

    class Each:
        def __init__(self, name: str, level: int) -> None:
            self.name = name
            self.level = level

    runs = [Each(str(at), int(level)) for at, level in enumerate(levels)]
    assert "".join(run.name for run in bidi.reorder(runs)) == seen


def test_marks_sit_on_their_letters() -> None:
    """A letter and its accent are drawn as the letter with its accent, also where Unicode has no such letter."""
    assert np.array_equal(draw("e\u0301"), draw("é"))
    plain, marked = ink(draw("x")), ink(draw("x\u0303"))
    assert marked.shape[0] > plain.shape[0] + 3
    assert abs(marked.shape[1] - plain.shape[1]) <= 4


def test_letters_and_marks_are_one_character_where_unicode_has_it() -> None:
    """A font that has é, but not the accent alone, is good enough for an e and an accent."""
    (line,) = Layout("e\u0301", "sans", installed()).lines(99)
    assert [run.clusters for run in line.runs] == [("é",)]


@pytest.mark.parametrize("character", ["\ud800", "\x00", "\x7f", "\x9c"])
def test_what_is_no_character_is_drawn_as_unknown(character: str) -> None:
    """Halves of characters and control characters, as in a file's name, become the replacement character."""
    assert np.array_equal(draw(f"a{character}b"), draw("a\ufffdb"))


def test_emoji_are_in_colour() -> None:
    """An emoji is coloured whatever the colour of the text; a sign that may be either, as its selector says."""
    need("😀❤\ufe0f")
    assert coloured(draw("😀")) > 200
    assert coloured(draw("❤\ufe0f")) > 200
    assert coloured(draw("❤\ufe0e")) == 0
    assert coloured(draw("text 123 ©")) == 0


@pytest.mark.parametrize(
    "emoji",
    [
        "👨\u200d👩\u200d👧",
        "🇯🇵",
        "👍🏽",
        "1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",
    ],
)
def test_an_emoji_of_several_characters_is_one(emoji: str) -> None:
    """Families, flags, skin tones and keycaps take the room of one."""
    need("😀")
    assert clusters(emoji) == [emoji]
    assert draw(emoji).shape == draw("😀").shape


def test_everything_in_one_line() -> None:
    """Five scripts, a mark and an emoji stand in one line, as high as a line of Latin."""
    text = "Hi 日本語 عربي שלום e\u0301 😀 end"
    need(text)
    pixels = draw(text)
    assert abs(pixels.shape[0] - draw("Hi").shape[0]) <= 2
    assert begins_with(ink(pixels)[:, : ink(draw("H")).shape[1]], ink(draw("H")))
    assert coloured(pixels) > 200


def test_what_no_font_has_is_a_box_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """A private character becomes visible ink, and the log names it one time."""
    fonts = Fonts()
    assert ink(draw(BOX, fonts=fonts)).size > 50
    fonts.faces([BOX], "mono")
    assert ink(draw(BOX, fonts=fonts)).size > 50
    assert [record.message for record in caplog.records if "U+10FFFD" in record.message] == [
        "no font has U+10FFFD: a box is drawn; `apt install fonts-noto` adds most scripts"
    ]


def test_the_log_hears_of_a_few_missing_characters_only(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who sends a thousand unknown characters does not fill the log."""
    fonts = Fonts()
    for start in range(0, 500, 50):
        fonts.faces([chr(0x10F000 + start + each) for each in range(50)], "sans")
    assert caplog.text.count("U+10F") == 32


def test_without_fontconfig_the_bundled_font_serves(bundled: Fonts, caplog: pytest.LogCaptureFixture) -> None:
    """Latin, Arabic and Hebrew are drawn, the rest are boxes, and one warning says what to install."""
    for text in ("Garage é 12:34", "عربي", "שלום"):
        faces = bundled.faces(clusters(text), "serif")
        assert {face.path for face in faces} == {BUNDLED}
        assert ink(draw(text, fonts=bundled)).size
    assert ink(draw("日", fonts=bundled)).tobytes() == ink(draw(BOX, fonts=bundled)).tobytes()
    asked = [record for record in caplog.records if "fontconfig" in record.message]
    assert len(asked) == 1
    assert "fc-match was not found" in asked[0].message


def test_without_programs_on_the_path_captions_are_drawn() -> None:
    """A service that was started with an empty PATH draws with the bundled font and says so."""
    code = (
        "from pi_stream.overlay.text import render_caption\n"
        "print(render_caption('Hi 日本 😀', size=40, max_width=500, max_height=500).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PATH": "", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("(")
    assert "fc-match was not found" in done.stderr


def test_fontconfig_that_is_slow_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The bundled font serves until the answer is there, and nothing is said to be missing before."""
    monkeypatch.setattr(fonts, "_WAIT_FOR_FONTCONFIG_S", 0)
    answer = threading.Event()

    def ask(_: str) -> str:
        assert answer.wait(60)
        return f"{BUNDLED}|0|True|False|10fffd"

    slow = Fonts(ask)
    slow.faces(["日"], "mono")
    assert BOX not in slow.faces([BOX], "sans")[0].characters
    assert slow.late == 0
    answer.set()
    assert not wait(tuple(slow._asked.values()), timeout=60).not_done
    assert slow.late == 3  # sans, monospace and its Japanese
    assert BOX in slow.faces([BOX], "sans")[0].characters
    assert slow.late == 3
    assert not caplog.records


def test_fontconfig_that_gives_no_answer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may have been reading a slow card for its first time: that is no reason to do without it for ever."""
    monkeypatch.setattr(fontconfig, "_RETRY_DELAY_S", 0)
    monkeypatch.setattr(fonts, "_WAIT_FOR_FONTCONFIG_S", 60)
    tries = count()

    def ask(_: str) -> str:
        if next(tries) < 2:
            raise subprocess.TimeoutExpired("fc-match", 20)
        return f"{BUNDLED}|0|True|False|10fffd"

    assert BOX in Fonts(ask).faces([BOX], "sans")[0].characters
    assert [record.message for record in caplog.records] == [
        "fontconfig gave no list of fonts within 20 s: captions have only the bundled font until it does; "
        "it is asked again every minute"
    ]


def test_a_font_that_is_gone_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """fontconfig may name files that were deleted or are no fonts: the log names them, and the next font serves."""
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font at all")
    fonts = Fonts(
        lambda _: f"/not/there.ttf|0|True|False|20-7e\n{broken}|0|True|False|20-7e\nx.pcf|0|False|False|20-7e"
    )
    assert ink(draw("Hi", fonts=fonts)).size
    assert "/not/there.ttf" in caplog.text
    assert str(broken) in caplog.text


def test_the_bundled_fonts_characters_are_listed_right() -> None:
    """The list beside the font says what the font has: what is in it has ink of its own, what is not is the box."""
    listed = CodePoints(BUNDLED.with_suffix(".charset.txt").read_text("ascii"))
    assert all(each in listed for each in "Az09éßЖλעعლ€→☀�")
    assert not any(each in listed for each in "日本あ한\ue000\U0001f9d1")


@pytest.mark.usefixtures("no_fribidi")
def test_without_fribidi_text_is_drawn_and_the_log_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """Captions go on without shaping, and one warning names the package."""
    for text in ("Hi", "عربي abc"):
        assert ink(draw(text)).size
    assert [record.message for record in caplog.records if "apt install libfribidi0" in record.message]
    assert caplog.text.count("libfribidi0") == 1


def test_line_breaks_are_kept_and_lines_aligned() -> None:
    """Each line is a line height; short lines lie where the alignment says."""
    one, two = draw("MMMM"), draw("MMMM\nI")
    assert 39 <= two.shape[0] - one.shape[0] <= 41
    lines = {
        align: render_caption("MMMM\nI", size=40, background="#000", align=align, max_width=900, max_height=900)[
            50:-4, 4:-4, 0
        ]
        for align in ("left", "center", "right")
    }
    places = {align: float(np.mean(np.flatnonzero(line.max(axis=0)))) / line.shape[1] for align, line in lines.items()}
    assert places["left"] < 0.3 < places["center"] < 0.7 < places["right"]


def test_a_long_line_is_broken_at_spaces_and_between_kanji() -> None:
    """Words stay whole while they can; Japanese breaks anywhere but before its full stop; a giant word is torn."""
    need("日本語。")
    for text in ("several words that do not fit", "日本語日本語日本語日本語。", "W" * 60):
        pixels = draw(text, width=300)
        assert pixels.shape[1] <= 300
        assert pixels.shape[0] > 80
    assert np.array_equal(draw("aaa bbb", width=120), draw("aaa\nbbb", width=120))
    need("日。")
    width = draw("日日日").shape[1] + 10  # less than a fourth
    assert draw("日日日", width=width).shape[0] < 60
    assert np.array_equal(draw("日日日。", width=width), draw("日日\n日。", width=width))


@given(st.text("ab W日。\u0301عא😀-", max_size=60), st.integers(120, 400))
@settings(max_examples=60, deadline=None)
def test_no_line_is_wider_than_its_room(text: str, width: int) -> None:
    """However words and scripts follow each other, broken lines fit, and nothing but space is lost between them."""
    room = width / 40
    lines = Layout(text, "sans", installed()).lines(room)
    assert all(line.width <= room + 0.05 for line in lines)
    drawn = "".join(cluster for line in lines for run in line.runs for cluster in run.clusters)
    assert sorted(drawn.replace(" ", "")) == sorted(unicodedata.normalize("NFC", text).replace(" ", ""))


def test_what_is_too_tall_is_drawn_smaller() -> None:
    """A text never comes out larger than the room it was given, and all of it is there."""
    pixels = draw("\n".join("abcdefgh"), size=100, height=200)
    assert pixels.shape[0] <= 200
    assert (np.diff((pixels[..., 0].max(axis=1) > 100).astype(int)) == 1).sum() >= 5


def test_colours_are_exact() -> None:
    """Inside the box the background is what was asked for, inside a letter the colour is, and outside is nothing."""
    pixels = render_caption("█", size=100, color="#12ab56", background="#40302080", max_width=500, max_height=500)
    assert pixels[0, 0, 3] == 0
    assert tuple(pixels[pixels.shape[0] // 2, 4]) == (0x40, 0x30, 0x20, 0x80)
    assert tuple(pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]) == (0x12, 0xAB, 0x56, 0xFF)
    with pytest.raises(BadMessage, match="expected #rgb"):
        render_caption("a", size=10, color="red", max_width=10, max_height=10)


def test_text_without_a_box_has_an_edge_that_tells_it_from_the_picture() -> None:
    """White text is edged darkly, black text lightly."""
    for color, edge in (("#ffffff", 0), ("#000000", 255)):
        pixels = render_caption("I", size=60, color=color, max_width=200, max_height=200)
        around = pixels[(pixels[..., 3] > 60) & (pixels[..., 3] < 200)]
        assert around.size
        assert np.median(around[:, 0]) == edge


@pytest.mark.parametrize("text", ["Hi", "a long line of many words", "two\nlines", "日本語", "", " ", "W" * 500])
def test_filling_leaves_no_room_for_a_larger_letter(text: str) -> None:
    """The picture has the size that was asked for, with the text in its middle and near two of its sides."""
    pixels = render_text(text, 300, 150, color="#000", background="#00000000")
    assert pixels.shape == (150, 300, 4)
    covered = pixels[..., 3] > 0
    if text.strip() and len(text) < 100:
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        assert np.ptp(columns) > 200 or np.ptp(rows) > 75
        assert abs(columns.mean() - 150) < 30


def test_filling_tears_no_word() -> None:
    """In a tall narrow picture a long word is small rather than in pieces."""
    rows = render_text("abcdefgh", 60, 300, color="#000", background="#00000000")[..., 3].max(axis=1) > 0
    assert np.diff(rows.astype(int)).tolist().count(1) == 1


def test_one_pixel_is_enough_to_fill() -> None:
    """Any size does, down to a single pixel."""
    assert render_text("Hello 😀", 1, 1, color="#fff", background="#000").shape == (1, 1, 4)


ANY = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from("a b\n\u200d\u202e\u2067\u0301\ufe0f😀🇯👩عא日ก{}\x00\ud800\udfff"),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(ANY, st.sampled_from([1, 7.5, 40, 3000]), st.sampled_from([(1, 1), (64, 300), (640, 36)]))
def test_any_text_is_drawn_within_its_room(text: str, size: float, room: tuple[int, int]) -> None:
    """Whatever the characters, there are pixels, and no more than there is room for."""
    pixels = render_caption(text, size=size, background="#00000080", max_width=room[0], max_height=room[1])
    assert pixels.shape[0] in range(1, room[1] + 1)
    assert pixels.shape[1] in range(1, room[0] + 1)
    assert pixels.shape[2:] == (4,)


@given(ANY)
def test_clusters_are_the_text(text: str) -> None:
    """Nothing is lost or added by cutting, and no cluster is without bounds."""
    found = clusters(text)
    assert "".join(found) == text
    assert all(1 <= len(each) <= 32 for each in found)


def test_clusters_are_what_a_reader_counts() -> None:
    """Letters with marks, Hangul made of jamo, flags in pairs: each is one."""
    assert clusters("ne\u0301o\u0302\u0323") == ["n", "e\u0301", "o\u0302\u0323"]
    assert clusters("\u1112\u1161\u11ab\u1100") == ["\u1112\u1161\u11ab", "\u1100"]
    assert clusters("🇯🇵🇫🇷🇩") == ["🇯🇵", "🇫🇷", "🇩"]
    assert clusters("👩\u200d🚀a\u200db") == ["👩\u200d🚀", "a\u200d", "b"]
    assert clusters("\n\u0301") == ["\n", "\u0301"]


def test_the_log_is_quiet_when_nothing_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """Ordinary text is worth no line in the log."""
    caplog.set_level(logging.INFO, logger="pi_stream")
    need("Garage")
    draw("Garage")
    assert caplog.records == []
