"""Captions, names and the conversation are data: they change nothing but what they are."""

import io
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pi_stream.captions.caption import CaptionDraft, caption_from
from pi_stream.captions.state_file import State, load, save
from pi_stream.errors import BadMessage
from pi_stream.lib.sanitize import on_one_line, without_directions
from pi_stream.systemd.journal import set_up_log
from tests.running import http, messages_until, running, say

TURNED = "\u202egnp.exe\u202c \u2066x\u2069 \u202a\u202b\u202d\u2067\u2068!"
PLAIN = "gnp.exe x !"
MARKED = "abc\u200f א\u061c\u200e"  # marks that act on their neighbours only


async def test_what_turns_text_around_is_taken_out_of_names_lines_and_captions(tmp_path: Path) -> None:
    """Of each before anybody else sees it; Hebrew, Arabic and the marks that they need stay."""
    async with running(tmp_path) as service, service.socket() as connection:
        await say(connection, "name", name=f"Aki{TURNED}{MARKED}")
        name = f"Aki{PLAIN}{MARKED}"
        assert (await messages_until(connection, "viewers"))["viewers"][0]["name"] == name
        await say(connection, "say", text=f"hello {TURNED}")
        said = await messages_until(connection, "said")
        assert (said["name"], said["text"]) == (name, f"hello {PLAIN}")
        await say(connection, "caption.put", caption={"text": TURNED}, id=1)
        caption = (await messages_until(connection, "ok"))["caption"]
        assert (caption["text"], caption["by"]) == (PLAIN, name)
        async with http(service) as session:
            async with session.post("api/captions", json={"text": TURNED, "by": TURNED}) as answer:
                assert (await answer.json()) | {"text": PLAIN, "by": PLAIN} == await answer.json()
            async with session.get("api/status") as answer:
                assert (await answer.json())["viewers"][0]["name"] == name


def test_a_caption_of_nothing_but_directions_is_none() -> None:
    """It would be empty."""
    with pytest.raises(BadMessage, match=r'captions\.text: expected a text of 1 to 1000 characters, got ""'):
        caption_from(CaptionDraft(text="\u202e"), "c1")


def test_captions_that_were_kept_are_made_plain_when_they_are_read(tmp_path: Path) -> None:
    """By an earlier version, or by somebody's hand."""
    caption = caption_from(CaptionDraft(text="marker"), "c1", by="Aki")
    save(tmp_path / "captions.json", State((caption,), {}))
    kept = tmp_path / "captions.json"
    kept.write_text(kept.read_text().replace("marker", TURNED), encoding="utf-8")
    assert [each.text for each in load(kept).captions] == [PLAIN]


@pytest.mark.parametrize("by", ["a\nb", "\x1b[2J", "\x00", "a\u2028b", "\x9b"])
async def test_control_characters_are_refused_wherever_a_name_is_given(tmp_path: Path, by: str) -> None:
    """With a sentence that says where."""
    async with running(tmp_path) as service, service.socket() as connection:
        await say(connection, "name", name=by)
        assert "name.name: expected one line" in (await messages_until(connection, "error"))["message"]
        await say(connection, "say", text=by)
        assert "say.text: expected one line" in (await messages_until(connection, "error"))["message"]
        await say(connection, "caption.put", caption={"text": "x", "by": by})
        assert "captions.by: expected one line" in (await messages_until(connection, "error"))["message"]
        async with http(service) as session, session.post("api/captions", json={"text": "x", "by": by}) as answer:
            assert answer.status == 400
            assert "captions.by: expected one line" in json.loads(await answer.read())["error"]["message"]


def test_a_line_of_the_log_is_one_line_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's words begin a line, colour a terminal or turn the rest around."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    stream = io.StringIO()
    try:
        set_up_log(stream, {})
        logging.getLogger("pi_stream.test").warning("%s came", "a\nCRITICAL forged\x1b[31m\x9b\u2028\u202eb")
    finally:
        root.setLevel(level)
    assert stream.getvalue() == ("WARNING pi_stream.test: a\\nCRITICAL forged\\x1b[31m\\x9b\\u2028\\u202eb came\n")


@given(st.text(), st.text())
def test_plain_text_stays_what_it_is(before: str, after: str) -> None:
    """Only what turns text around is taken out, and on one line there is one line."""
    plain = without_directions(before) + without_directions(after)
    assert without_directions(f"{before}\u202e{after}\u2069") == without_directions(plain) == plain
    assert len(on_one_line(before).splitlines()) <= 1
