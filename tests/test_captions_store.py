"""The captions there are, and the file that keeps them."""

import asyncio
import json
import logging
import os
import threading
from pathlib import Path

import pytest

from pi_stream.captions import state_file
from pi_stream.captions.caption import CaptionDraft
from pi_stream.captions.store import CaptionStore
from pi_stream.errors import BadMessage, LimitReached, NotFound
from pi_stream.lib import clock


def ids(captions: CaptionStore) -> list[str]:
    return [caption.id for caption in captions.all]


async def test_captions_are_put_replaced_in_place_and_deleted() -> None:
    """A new caption gets an id of its own, a known id keeps its place in the order, and an unknown one is created."""
    async with CaptionStore(None) as captions:
        first = captions.put(CaptionDraft(text="one", by="Bo"), by="Aki")
        assert (first.id, first.by) == ("c1", "Aki")
        assert captions.put(CaptionDraft(text="two", by="Bo")).by == "Bo"
        captions.put(CaptionDraft(id="door", text="three"))
        before = captions.all
        captions.put(CaptionDraft(id="c1", text="one again"))
        assert [caption.text for caption in captions.all] == ["one again", "two", "three"]
        assert [caption.text for caption in before] == ["one", "two", "three"]
        captions.delete("c2")
        assert ids(captions) == ["c1", "door"]
        assert captions.put(CaptionDraft(text="four")).id == "c3"
        captions.clear()
        assert captions.all == ()


@pytest.mark.parametrize("highest", ["c99999999999", "c999999999", "c" + "9" * 63, "c2"])
async def test_no_id_that_somebody_chose_makes_captions_overwrite_each_other(tmp_path: Path, highest: str) -> None:
    """Captions without one go on to get ids of their own, and short ones, after a restart too."""
    path = tmp_path / "captions.json"
    async with CaptionStore(path) as captions:
        captions.put(CaptionDraft(id=highest, text="chosen"))
        for text in ("one", "two"):
            captions.put(CaptionDraft(text=text))
    async with CaptionStore(path) as captions:
        captions.put(CaptionDraft(text="three"))
        assert [caption.text for caption in captions.all] == ["chosen", "one", "two", "three"]
        assert all(len(caption.id) < 4 for caption in captions.all[1:])


async def test_deleting_what_is_not_there_names_it() -> None:
    """The error carries the id that was asked for."""
    async with CaptionStore(None) as captions:
        with pytest.raises(NotFound, match="'c9'"):
            captions.delete("c9")


async def test_the_limit_holds_for_new_captions_only() -> None:
    """Past the limit nothing is added, but what is there may still be replaced."""
    async with CaptionStore(None, limit=2) as captions:
        captions.put(CaptionDraft(text="a"))
        captions.put(CaptionDraft(text="b"))
        with pytest.raises(LimitReached, match="2 already"):
            captions.put(CaptionDraft(text="c"))
        captions.put(CaptionDraft(id="c2", text="B"))
        assert [caption.text for caption in captions.all] == ["a", "B"]


async def test_a_bad_caption_changes_nothing() -> None:
    """A refused draft leaves the captions as they were and tells nobody."""
    told: list[int] = []
    async with CaptionStore(None, on_change=lambda: told.append(1)) as captions:
        with pytest.raises(BadMessage):
            captions.put(CaptionDraft(text="{tmie}"))
        assert captions.all == ()
    assert told == []


async def test_every_change_is_told() -> None:
    """The hook hears of a put, a delete and an expiry, after it has happened."""
    told: list[list[str]] = []
    async with CaptionStore(None) as captions:
        captions.on_change = lambda: told.append(ids(captions))
        captions.put(CaptionDraft(text="a", ttl=1000))
        captions.put(CaptionDraft(text="b"))
        assert not captions.expire(clock.now())
        assert captions.expire(clock.now() + 1001 * 1_000_000)
        captions.delete("c2")
    assert told == [["c1"], ["c1", "c2"], ["c2"], []]


async def test_a_caption_goes_by_itself() -> None:
    """When its ttl is over a caption is gone without anybody asking, and a replacement's ttl is the one that counts."""
    gone = asyncio.Event()
    async with CaptionStore(None) as captions:
        captions.put(CaptionDraft(id="stays", text="a", ttl=0.01))
        captions.put(CaptionDraft(id="stays", text="a"))
        captions.put(CaptionDraft(id="goes", text="b", ttl=0.02))
        captions.on_change = gone.set
        await asyncio.wait_for(gone.wait(), 10)
        assert ids(captions) == ["stays"]


async def test_captions_survive_a_restart(tmp_path: Path) -> None:
    """The next life of the service has the same captions in the same order, and goes on counting ids."""
    path = tmp_path / "not" / "yet" / "captions.json"
    async with CaptionStore(path) as captions:
        captions.put(CaptionDraft(text="車庫 😀\nline", x=0.5, anchor="bottom"))
        captions.put(CaptionDraft(text="b", ttl=500))
        kept = captions.all
    async with CaptionStore(path) as captions:
        assert captions.all == kept
        assert captions.put(CaptionDraft(text="c")).id == "c3"
    assert [each.name for each in path.parent.iterdir()] == ["captions.json"]


async def test_a_ttl_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What was left of a caption's time when the service stopped is what it has when the service starts."""
    path = tmp_path / "captions.json"
    async with CaptionStore(path) as captions:
        captions.put(CaptionDraft(text="a", ttl=1000))
    kept = json.loads(path.read_bytes())
    assert 990 < kept["left"]["c1"] <= 1000
    kept["left"]["c1"] = 30
    path.write_text(json.dumps(kept))
    async with CaptionStore(path) as captions:
        assert captions.all[0].ttl == 1000
        assert not captions.expire(clock.now() + 20_000_000)
        assert captions.expire(clock.now() + 31_000_000)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9, 0.99])
async def test_a_file_cut_short_is_set_aside(share: float, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged file costs the captions in it and a warning, not the service, and nothing of it is thrown away."""
    path = tmp_path / "captions.json"
    async with CaptionStore(path) as captions:
        captions.put(CaptionDraft(text="車庫"))
    cut = path.read_bytes()
    cut = cut[: int(len(cut) * share)]
    path.write_bytes(cut)
    async with CaptionStore(path) as captions:
        assert captions.all == ()
        captions.put(CaptionDraft(text="new"))
    assert (tmp_path / "captions.json.damaged-1").read_bytes() == cut
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(path) in caplog.text
    assert "captions.json.damaged-1" in caplog.text
    async with CaptionStore(path) as captions:
        assert [caption.text for caption in captions.all] == ["new"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"[]",
        b'{"captions":[{"id":"a","text":"{tmie}"}]}',
        b'{"captions":[{"id":"a","text":"x"},{"id":"a","text":"y"}]}',
        b'{"captions":[{"id":"a","text":"x","size":7}]}',
        b'{"captions":' + b"[" * 100_000,
        b" " * (5 << 20),
    ],
    ids=["binary", "list", "field", "twice", "size", "deep", "large"],
)
async def test_a_file_that_says_the_impossible_is_set_aside(content: bytes, tmp_path: Path) -> None:
    """What could not have been put is not taken from a file either."""
    path = tmp_path / "captions.json"
    path.write_bytes(content)
    async with CaptionStore(path) as captions:
        assert captions.all == ()
    assert (tmp_path / "captions.json.damaged-1").read_bytes() == content


def test_damaged_files_do_not_pile_up(tmp_path: Path) -> None:
    """Five are kept; then the oldest makes room."""
    path = tmp_path / "captions.json"
    for n in range(7):
        path.write_bytes(b"%d" % n)
        os.utime(path, (n, n))
        assert state_file.load(path) == state_file.State()
    kept = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert kept == {
        f"captions.json.damaged-{n}": content
        for n, content in zip("12345", [b"5", b"6", b"2", b"3", b"4"], strict=True)
    }


async def test_a_write_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the folder cannot be written the captions live on in memory; the first change after it can writes them."""
    caplog.set_level(logging.INFO)
    path = tmp_path / "state" / "captions.json"
    path.parent.write_text("a file where the folder should be: no one can write below it, not even root")
    async with CaptionStore(path) as captions:
        for text in "abc":
            captions.put(CaptionDraft(text=text))
            assert not await captions.written()
        assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]  # not read, and not written
        assert "cannot be kept" in caplog.records[1].message
        assert str(path) in caplog.records[1].message
        path.parent.unlink()
        captions.put(CaptionDraft(text="d"))
        assert await captions.written()
        assert caplog.records[-1].message == f"the captions are kept in {path} again"
    assert [caption.text for caption in state_file.load(path).captions] == ["a", "b", "c", "d"]


async def test_the_event_loop_goes_on_while_a_slow_disk_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes during a write wait for nothing; of those, the newest alone is written next."""
    path = tmp_path / "captions.json"
    writing, go_on = threading.Event(), threading.Event()
    written: list[int] = []

    def slow(path: Path, what: state_file.State) -> None:
        writing.set()
        assert go_on.wait(10)
        written.append(len(what.captions))
        state_file.save(path, what)

    monkeypatch.setattr("pi_stream.captions.store.save", slow)
    async with CaptionStore(path) as captions:
        captions.put(CaptionDraft(text="1"))
        assert await asyncio.to_thread(writing.wait, 10)
        for text in "234":
            captions.put(CaptionDraft(text=text))
        go_on.set()
    assert written == [1, 4]
    assert len(state_file.load(path).captions) == 4


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full half way, the captions of before are still whole, and nothing half-written lies about."""
    path = tmp_path / "captions.json"
    state_file.save(path, state_file.State())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        state_file.save(path, state_file.State(left={"c1": 1}))
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"captions.json": before}


async def test_an_error_in_the_block_comes_out_as_itself(tmp_path: Path) -> None:
    """Whoever uses the captions gets their own error back, and what was put is written all the same."""
    path = tmp_path / "captions.json"
    with pytest.raises(KeyError, match="mine"):  # noqa: PT012 - the block is what is tested
        async with CaptionStore(path) as captions:
            captions.put(CaptionDraft(text="a"))
            raise KeyError("mine")
    assert len(state_file.load(path).captions) == 1


def test_what_cannot_be_read_is_set_aside_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Something that is no file at all is moved out of the way, so that captions can be kept again."""
    path = tmp_path / "captions.json"
    path.mkdir()
    assert state_file.load(path) == state_file.State()
    assert "cannot be read (Is a directory); it is kept as captions.json.damaged-1" in caplog.text
    state_file.save(path, state_file.State())
    assert path.is_file()
