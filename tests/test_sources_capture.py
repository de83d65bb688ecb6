"""A source's thread: the newest frame, every kind of end, and never a hang."""

import asyncio
import itertools
import queue
import re
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from pi_stream.errors import SourceStuck, SourceUnavailable, Unsupported
from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources import CaptureFormat, CaptureThread, Kind, SourceSpec, open_source
from tests.frames import plain_frame

Step = Frame | BaseException
INFO = SourceInfo(kind="script", name="a script", width=64, height=64)


class Script:
    """A source that gives what it is handed, when it is handed it."""

    def __init__(self, *steps: Step) -> None:
        self.steps: queue.SimpleQueue[Step | None] = queue.SimpleQueue()
        for step in steps:
            self.steps.put(step)
        self.threads: list[tuple[str, int]] = []
        self.controls: list[Mapping[str, object]] = []
        self.given = threading.Semaphore(0)
        self.skipped = 0
        self.deaf = False
        self.hang: threading.Event | None = None
        self.closed = False

    def open(self) -> Self:
        self.note("open")
        return self

    def info(self) -> SourceInfo:
        return INFO

    def read(self) -> Frame:
        self.note("read")
        step = self.steps.get()
        if step is None:
            raise SourceUnavailable("interrupted")
        if isinstance(step, BaseException):
            raise step
        self.given.release()
        return step

    def skip(self) -> int:
        self.note("skip")
        captured = self.read().captured
        self.skipped += 1
        return captured

    def set_controls(self, controls: Mapping[str, object]) -> None:
        self.note("set_controls")
        if "Wrong" in controls:
            raise Unsupported("there is no Wrong")
        self.controls.append(controls)

    def interrupt(self) -> None:
        if not self.deaf:
            self.steps.put(None)

    def close(self) -> None:
        self.note("close")
        if self.hang is not None:
            self.hang.wait(20)
        self.closed = True

    def note(self, what: str) -> None:
        self.threads.append((what, threading.get_ident()))


@pytest.fixture(autouse=True)
async def no_thread_left() -> AsyncIterator[None]:
    """Whatever happens, no thread of a capture outlives its test."""
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "capture"] == []


async def test_frames_in_turn() -> None:
    """Frames come in their order, each once, and all of the source's life is on one thread, not the loop's."""
    script = Script()
    async with CaptureThread(script.open) as capture:
        for seq in range(3):
            script.steps.put(plain_frame(seq))
            assert (await capture.frame()).seq == seq
        assert capture.info == INFO
        assert capture.dropped == 0
    assert script.closed
    assert len({thread for _, thread in script.threads}) == 1
    assert script.threads[0][1] != threading.get_ident()


async def test_frames_know_their_utc_once_it_is_known() -> None:
    """It is asked for each frame, by the time of its capture, and the frame that is finished has it, too."""
    script, finished = Script(), list[int | None]()
    known = {1: None, 2: 1_800_000_000_000_002}

    def finish(frame: Frame) -> bool:
        finished.append(frame.utc)
        return True

    async with CaptureThread(script.open, utc_of=known.get, finish=finish) as capture:
        for captured, utc in known.items():
            script.steps.put(replace(plain_frame(captured), captured=captured))
            frame = await capture.frame()
            assert (frame.captured, frame.utc) == (captured, utc)
    assert finished == [*known.values()]


async def test_newest_wins() -> None:
    """Who comes late gets the newest frame, and what was missed is counted."""
    script = Script(*[plain_frame(seq) for seq in range(10)])
    async with CaptureThread(script.open) as capture:
        for _ in range(10):
            await asyncio.to_thread(script.given.acquire)
        await reading_on(script, 11)
        assert (await capture.frame()).seq == 9
        assert capture.dropped == 9


async def test_a_blocked_loop_piles_nothing_up() -> None:
    """While the event loop is busy, frames replace each other instead of queueing up in it."""
    script = Script(*[plain_frame(seq) for seq in range(200)])
    async with CaptureThread(script.open) as capture:
        for _ in range(200):
            script.given.acquire()  # blocks the loop on purpose
        await reading_on(script, 201)
        assert (await capture.frame()).seq == 199
        assert capture.dropped == 199


async def test_of_unwanted_frames_a_few_show_that_the_source_lives() -> None:
    """Frames that nobody wants are not handed on, but for two a second; the first that somebody wants is at once."""
    script = Script()
    wanted = {22, 23}
    taken: list[int] = []

    async def take(capture: CaptureThread) -> None:
        while True:
            taken.append((await capture.frame()).seq)

    async with CaptureThread(script.open, finish=lambda frame: frame.seq in wanted) as capture:
        taking = asyncio.create_task(take(capture))
        for seq in range(26):
            script.steps.put(plain_frame(seq))
            await reading_on(script, seq + 2)
            for _ in range(5):  # turns of the loop, in which what was handed over is taken
                await asyncio.sleep(0)
        taking.cancel()
    assert taken == [0, 15, 22, 23]
    assert script.skipped == 0


async def test_while_nobody_watches_frames_are_skipped() -> None:
    """But for two a second, which are read, and handed on; once somebody watches, every frame is read again."""
    script, watched = Script(), threading.Event()
    taken: list[int] = []

    async def take(capture: CaptureThread) -> None:
        while True:
            taken.append((await capture.frame()).seq)

    async with CaptureThread(script.open, finish=lambda _: watched.is_set(), watched=watched.is_set) as capture:
        taking = asyncio.create_task(take(capture))
        for seq in range(36):
            if seq == 33:
                watched.set()
            script.steps.put(plain_frame(seq))
            await reading_on(script, seq + 2)
            for _ in range(5):
                await asyncio.sleep(0)
        taking.cancel()
    # What the thread waited for when somebody came is the last that is skipped.
    assert taken == [0, 16, 31, 34, 35]
    assert script.skipped == 36 - len(taken) - 1  # for the step from frame to frame two are read at first


async def test_the_rate_is_the_source_s_own() -> None:
    """Frames that nobody wants count, too: the rate is what the source gives."""
    now = clock.now()
    frames = [Frame(plain_frame().data, 64, 64, seq, now - 900_000 + seq * 33_333) for seq in range(28)]
    script = Script(*frames)
    async with CaptureThread(script.open, finish=lambda _: False) as capture:
        await reading_on(script, 29)
        assert capture.fps == pytest.approx(30, abs=1.5)


async def reading_on(script: Script, reads: int) -> None:
    """Wait until so many reads have begun: then the frame before has been handed over."""
    while sum(what == "read" for what, _ in script.threads) < reads:  # noqa: ASYNC110 - a thread has no asyncio.Event
        await asyncio.sleep(0.001)
    await asyncio.sleep(0)


async def test_the_source_goes_away() -> None:
    """What the source says is what the waiting one reads, every time, after the frames before it."""
    script = Script(plain_frame(7), SourceUnavailable("the cable is loose"))
    async with CaptureThread(script.open) as capture:
        assert (await capture.frame()).seq == 7
        for _ in range(2):
            with pytest.raises(SourceUnavailable, match=r"^the cable is loose$"):
                await capture.frame()
        with pytest.raises(SourceUnavailable):
            await capture.set_controls({"Brightness": 1})
    assert script.closed


async def test_the_reason_does_not_wait_for_the_closing() -> None:
    """What the source says is told at once; that it then does not close is another matter."""
    script, go = Script(SourceUnavailable("the cable is loose")), threading.Event()
    script.hang = go
    async with CaptureThread(script.open) as capture:
        with pytest.raises(SourceUnavailable, match=r"^the cable is loose$"):
            await capture.frame()
        assert not script.closed
        go.set()
    assert script.closed


async def test_a_bug_in_closing_what_had_failed_is_let_out() -> None:
    """It is told although the failure before it was told already."""

    class Careless(Script):
        def close(self) -> None:
            super().close()
            raise ZeroDivisionError("oops")

    async def fail() -> None:
        async with CaptureThread(Careless(SourceUnavailable("the cable is loose")).open) as capture:
            with pytest.raises(SourceUnavailable):
                await capture.frame()
            await capture._ended.wait()

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_a_bug_in_closing_is_let_out() -> None:
    """Also when everything else went well."""

    class Careless(Script):
        def close(self) -> None:
            super().close()
            raise ZeroDivisionError("oops")

    with pytest.raises(ZeroDivisionError):
        async with CaptureThread(Careless().open):
            pass


@pytest.mark.parametrize("bug", [ZeroDivisionError("oops"), TimeoutError("a bug, too")])
async def test_a_bug_is_let_out(bug: Exception) -> None:
    """Anything else that a source raises comes out as it is."""
    async with CaptureThread(Script(bug).open) as capture:
        with pytest.raises(type(bug)) as caught:
            await capture.frame()
    assert caught.value is bug


async def test_a_stall_is_told() -> None:
    """A source that gives nothing for the time allowed is unavailable."""
    script = Script()
    async with CaptureThread(script.open, stall_timeout=0.05) as capture:
        with pytest.raises(SourceUnavailable, match=r"^no frame for 0\.05 s$"):
            await capture.frame()


async def test_a_source_that_stalled_is_not_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hardly closes, and viewers wait for the process that takes its place."""
    monkeypatch.setattr("pi_stream.sources.capture_thread._STALLED_CLOSE_TIMEOUT_S", 0.05)
    script = Script()
    script.deaf = True
    capture = CaptureThread(script.open, stall_timeout=0.05, closing=30)

    async def stall() -> None:
        async with capture:
            with pytest.raises(SourceUnavailable):
                await capture.frame()

    with pytest.raises(SourceStuck, match=r"^the source did not close within 0\.05 s; only a new process"):
        await stall()
    script.steps.put(None)
    await asyncio.to_thread(capture._thread.join, 20)


async def test_opening_fails() -> None:
    """What opening raises, entering raises."""

    def opener() -> Script:
        raise SourceUnavailable("not plugged in")

    with pytest.raises(SourceUnavailable, match=r"^not plugged in$"):
        async with CaptureThread(opener):
            pytest.fail("it did not open")


async def test_opening_takes_too_long() -> None:
    """Opening is given up after a while; when it ends after all, the source is closed."""
    script, go = Script(), threading.Event()

    def opener() -> Script:
        go.wait(20)
        return script.open()

    async def enter() -> None:
        async with CaptureThread(opener, opening=0.05):
            pytest.fail("it did not open")

    entering = asyncio.create_task(enter())
    await asyncio.sleep(0.1)
    go.set()
    with pytest.raises(SourceUnavailable, match=r"^the source did not open within 0\.05 s$"):
        await entering
    assert script.closed


@pytest.mark.parametrize("where", ["opening", "reading", "closing"])
async def test_a_stuck_source_never_hangs(where: str) -> None:
    """A source that hangs in a library is told apart from one that is away, and nobody waits for it for ever."""
    script, go = Script(), threading.Event()
    script.deaf = True

    def opener() -> Script:
        if where == "opening":
            go.wait(20)
        return script.open()

    if where == "closing":
        script.deaf, script.hang = False, go
    capture = CaptureThread(opener, opening=0.05, closing=0.05)
    what = "is still opening after 0.1 s" if where == "opening" else "did not close within 0.05 s"
    with pytest.raises(SourceStuck, match=f"^the source {re.escape(what)}; only a new process"):
        async with capture:
            await reading_on(script, 1)
    go.set()
    script.steps.put(None)
    await asyncio.to_thread(capture._thread.join, 20)


async def test_cancelled_while_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends does not wait for it, nor hears that it is stuck; if it opens after all, it is closed."""
    monkeypatch.setattr("pi_stream.sources.capture_thread._CANCELLED_OPEN_TIMEOUT_S", 0.05)
    script, go, opening = Script(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def opener() -> Script:
        loop.call_soon_threadsafe(opening.set)
        go.wait(20)
        return script.open()

    async def enter(capture: CaptureThread) -> None:
        async with capture:
            pytest.fail("it did not open")

    capture = CaptureThread(opener)
    entering = asyncio.create_task(enter(capture))
    await opening.wait()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not script.closed
    go.set()
    await asyncio.to_thread(capture._thread.join, 20)
    assert script.closed


async def test_controls_between_frames() -> None:
    """Controls are set on the source's own thread, and what it refuses is refused to the one who asked."""
    script = Script()
    async with CaptureThread(script.open) as capture:
        asked = [asyncio.create_task(capture.set_controls({name: 1})) for name in ("Right", "Wrong")]
        await asyncio.sleep(0)
        script.steps.put(plain_frame(1))
        await asked[0]
        with pytest.raises(Unsupported, match=r"^there is no Wrong$"):
            await asked[1]
    assert script.controls == [{"Right": 1}]
    assert len({thread for _, thread in script.threads}) == 1


async def test_controls_that_a_source_is_opened_with(caplog: pytest.LogCaptureFixture) -> None:
    """They are set on the source's thread, before the first frame; one that is refused is logged and costs no other."""
    script = Script(plain_frame(1))
    async with CaptureThread(script.open, controls={"Right": 1, "Wrong": 2, "Good": 3}) as capture:
        await capture.frame()
    assert script.controls == [{"Right": 1}, {"Good": 3}]
    assert [what for what, _ in script.threads[:5]] == ["open", *["set_controls"] * 3, "read"]
    assert len({thread for _, thread in script.threads}) == 1
    assert caplog.messages == ["a camera control is not set again: there is no Wrong"]


async def test_controls_of_a_source_that_ends() -> None:
    """Who asks for controls of a source that goes away is answered, too."""
    script = Script()
    async with CaptureThread(script.open) as capture:
        await reading_on(script, 1)
        asked = asyncio.create_task(capture.set_controls({"Right": 1}))
        await asyncio.sleep(0)
        script.steps.put(SourceUnavailable("gone"))
        with pytest.raises(SourceUnavailable, match="away"):
            await asked


async def test_cancelled_while_waiting() -> None:
    """A task that is cancelled while it waits for a frame closes the source on its way out."""
    script = Script()
    waiting = asyncio.Event()

    async def watch() -> None:
        async with CaptureThread(script.open) as capture:
            waiting.set()
            await capture.frame()

    task = asyncio.create_task(watch())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert script.closed


@pytest.mark.parametrize(
    ("kind", "path"), [("synthetic", ""), ("file", str(Path(__file__).parent / "media" / "bunny.mp4"))]
)
async def test_a_real_source(kind: Kind, path: str) -> None:
    """A real source runs on the thread, and its frames are numbered on."""
    seq, spec = itertools.count(5), SourceSpec(kind, path, CaptureFormat(160, 120, 200))
    async with CaptureThread(lambda: open_source(spec, seq)) as capture:
        numbers = [(await capture.frame()).seq for _ in range(20)]
    assert numbers[0] >= 5
    assert all(b > a for a, b in itertools.pairwise(numbers))
