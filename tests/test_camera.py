"""The camera: keeps a source running, shows why when there is none, and tries again."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import msgspec
import pytest

from pi_stream.errors import SettingError, SourceUnavailable, Unsupported
from pi_stream.media.frame import Frame, Plane
from pi_stream.media.source_state import SourceInfo, SourceState
from pi_stream.sources.spec import CaptureFormat, SourceSpec
from pi_stream.sources.supervisor import SourceSupervisor
from tests.frames import plain_frame

SPEC = SourceSpec("synthetic", "", CaptureFormat(64, 64, 30), why="a test")
OTHER = SourceSpec("file", "film.mp4", CaptureFormat(64, 64, 30), why="the settings")


class ScriptedSource:
    """A source that gives some frames and then does as it was told."""

    def __init__(
        self, frames: int, then: BaseException | None, seq: Iterator[int], opening: BaseException | None
    ) -> None:
        self._left = frames
        self._then = then
        self._seq = seq
        self._opening = opening
        self.closed = False
        self.broken_off = False  # while it opened
        self.opens = asyncio.Event()
        self.opens.set()
        self.fps = 30.0
        self.controls: dict[str, object] = {}

    async def __aenter__(self) -> Self:
        try:
            await self.opens.wait()
        except asyncio.CancelledError:
            self.broken_off = True
            raise
        if self._opening:
            raise self._opening
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True

    async def frame(self) -> Frame:
        if self._left == 0:
            if self._then is None:
                await asyncio.Event().wait()
            raise self._then or AssertionError
        self._left -= 1
        return plain_frame(next(self._seq))

    info = SourceInfo(kind="synthetic", name="scripted", width=64, height=64, fps=30)

    async def set_controls(self, controls: Mapping[str, object]) -> None:
        self.controls.update(controls)


class Scene:
    """A camera with its scripted sources; `shown` fills with frames, `wait` waits for some."""

    def __init__(self, *script: tuple[int, BaseException | None, BaseException | None], idle_stop: float = 0) -> None:
        self.watched = asyncio.Event()
        self.shown: list[Frame] = []
        self.changes: list[tuple[bool, str | None]] = []
        self.offline_pictures: list[tuple[str, str]] = []
        self.sources: list[ScriptedSource] = []
        self.signs: list[bool] = []  # of life: whether it was online
        self._script = iter(script)
        self._news = asyncio.Event()
        self.camera = SourceSupervisor(
            SPEC,
            self._open,
            offline_picture=self._offline_picture,
            show=self._show,
            changed=lambda: self.changes.append((self.camera.online, self.camera.reason)),
            watched=self.watched,
            idle_stop=idle_stop,
            alive=lambda: self.signs.append(self.camera.online),
        )

    def _open(self, _: SourceSpec, seq: Iterator[int], controls: Mapping[str, object]) -> ScriptedSource:
        frames, then, opening = next(self._script)
        self.sources.append(ScriptedSource(frames, then, seq, opening))
        self.sources[-1].controls.update(controls)
        return self.sources[-1]

    def _offline_picture(self, width: int, height: int, title: str, reason: str) -> Plane:
        self.offline_pictures.append((title, reason))
        return plain_frame(width=width, height=height, y=16).data

    async def _show(self, frame: Frame) -> None:
        self.shown.append(frame)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Run the camera until the frames shown make the condition true."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.camera.run())
            async with asyncio.timeout(10):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
            task.cancel()


async def test_frames_are_shown_and_the_source_is_closed_at_the_end() -> None:
    """One frame after the other, each shown before the next is asked for."""
    scene = Scene((3, None, None))
    await scene.until(lambda: len(scene.shown) == 3)
    assert [frame.seq for frame in scene.shown] == [0, 1, 2]
    assert scene.changes == [(True, None)]
    assert scene.sources[0].closed


async def test_a_source_that_fails_is_opened_again_and_the_numbers_go_on() -> None:
    """In between stands an offline picture with the reason, and everybody is told."""
    scene = Scene((2, SourceUnavailable("unplugged"), None), (2, None, None))
    await scene.until(lambda: len(scene.sources) == 2 and len(scene.shown) >= 5)
    seqs = [frame.seq for frame in scene.shown]
    assert seqs == list(range(len(seqs)))
    offline = [frame.offline for frame in scene.shown]
    assert offline == [False, False, *[True] * (len(seqs) - 4), False, False]
    assert scene.changes == [(True, None), (False, "unplugged"), (True, None)]
    assert ("No picture", "unplugged") in scene.offline_pictures
    assert all(source.closed for source in scene.sources)


async def test_a_source_that_cannot_be_opened_now_is_tried_again() -> None:
    """A camera that comes later is found."""
    scene = Scene((0, None, SourceUnavailable("busy")), (1, None, None))
    await scene.until(lambda: any(not frame.offline for frame in scene.shown))
    assert scene.changes == [(False, "busy"), (True, None)]
    assert scene.camera.tried.is_set()


async def test_a_source_that_can_never_be_opened_ends_the_service() -> None:
    """A film that is not there is a wrong setting, told at the start."""
    scene = Scene((0, None, SettingError("camera.path: no such file: film.mp4")))
    with pytest.raises(BaseExceptionGroup) as caught:
        await scene.until(lambda: False)
    assert caught.group_contains(SettingError, match=r"film\.mp4")


async def test_a_film_that_is_taken_away_later_is_waited_for() -> None:
    """What was right once is not a wrong setting."""
    scene = Scene(
        (1, SourceUnavailable("ended"), None), (0, None, SettingError("no such file: film.mp4")), (1, None, None)
    )
    await scene.until(lambda: sum(not frame.offline for frame in scene.shown) == 2)
    assert (False, "no such file: film.mp4") in scene.changes


async def test_a_bug_in_a_source_is_let_out() -> None:
    """It is no reason to try again."""
    scene = Scene((1, ZeroDivisionError("a bug"), None))
    with pytest.raises(BaseExceptionGroup) as caught:
        await scene.until(lambda: False)
    assert caught.group_contains(ZeroDivisionError)


async def test_the_pauses_between_two_tries_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second, one, two ... fifteen, and no more."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("pi_stream.sources.supervisor.asyncio.sleep", note)
    away = [(0, None, SourceUnavailable("away")) for _ in range(8)]
    scene = Scene(*away, (1, None, None))
    await scene.until(lambda: any(not frame.offline for frame in scene.shown))
    assert pauses == [0.5, 1, 2, 4, 8, 15, 15, 15]


async def test_a_source_that_nobody_watches_is_closed_and_opened_for_the_first_who_comes() -> None:
    """After a second of frames that nobody saw; and it was never offline."""
    scene = Scene((100, None, None), (3, None, None), idle_stop=1)
    scene.watched.set()

    async def show(frame: Frame) -> None:
        await scene._show(frame)
        if len(scene.shown) == 10:
            scene.watched.clear()

    def seen_again() -> bool:
        if scene.camera.resting:
            assert scene.sources[0].closed
            assert scene.camera.online
            assert scene.camera.state().resting
            scene.watched.set()
        return len(scene.sources) == 2

    scene.camera._show = show
    await scene.until(seen_again)
    last_seen = 9
    unseen = 30  # a second's frames; the next one ended it
    assert [frame.seq for frame in scene.shown] == [*range(last_seen + unseen + 1), 41, 42, 43]
    assert scene.changes == [(True, None)]


async def test_a_source_that_is_slow_to_open_after_rest_says_so_and_is_no_reason_to_end_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who came reads it after a moment, and each offline picture is a sign of life."""
    monkeypatch.setattr("pi_stream.sources.supervisor._OPEN_GRACE_S", 0.01)
    monkeypatch.setattr("pi_stream.sources.supervisor._OFFLINE_PICTURE_PERIOD_S", 0.01)
    scene = Scene((3, None, None), (3, None, None), idle_stop=1e-6)
    open_source, alive = scene._open, scene.camera._alive

    def slowly(spec: SourceSpec, seq: Iterator[int], controls: Mapping[str, object]) -> ScriptedSource:
        source = open_source(spec, seq, controls)
        if len(scene.sources) == 2:
            source.opens.clear()
        return source

    def rested() -> None:
        alive()
        if scene.camera.resting:
            scene.signs.clear()
            scene.watched.set()

    def came() -> bool:
        if scene.camera.opening and scene.signs.count(False) == 3:
            scene.sources[1].opens.set()
        return len(scene.sources) == 2 and scene.sources[1].opens.is_set() and not scene.shown[-1].offline

    scene.camera._open_source, scene.camera._alive = slowly, rested
    await scene.until(came)
    assert scene.changes == [(True, None), (False, "the camera is being opened"), (True, None)]
    assert scene.offline_pictures == [("No picture", "the camera is being opened")]
    assert not scene.camera.opening


async def test_nothing_is_told_later_of_a_source_that_opened_quickly_after_rest() -> None:
    """What would have told it is called off."""
    scene = Scene((3, None, None), (1, None, None), idle_stop=1e-6)
    waiting: list[asyncio.TimerHandle | None] = []
    open_source, alive = scene._open, scene.camera._alive

    def noted(spec: SourceSpec, seq: Iterator[int], controls: Mapping[str, object]) -> ScriptedSource:
        waiting.append(scene.camera._opening_notice)
        return open_source(spec, seq, controls)

    def rested() -> None:
        alive()
        if scene.camera.resting:
            scene.watched.set()

    scene.camera._open_source, scene.camera._alive = noted, rested
    await scene.until(lambda: len(scene.sources) == 2 and scene.shown[-1].seq > 1)
    assert waiting[0] is None
    assert waiting[1] is not None
    assert waiting[1].cancelled()
    assert scene.changes == [(True, None)]


async def test_controls_of_a_source_that_is_just_closing_are_refused() -> None:
    """Not taken for a viewer's lost connection."""
    scene = Scene((1, None, None))

    class Closing(ScriptedSource):
        async def set_controls(self, controls: Mapping[str, object]) -> None:
            raise SourceUnavailable(f"closing, no {controls}")

    scene.camera._source = Closing(0, None, itertools.count(), None)
    with pytest.raises(Unsupported, match="the source is away: closing"):
        await scene.camera.set_controls({"Brightness": 1})


async def test_controls_of_a_resting_source_are_refused_with_that_reason() -> None:
    """It is closed, and nothing is wrong with it."""
    scene = Scene((2, None, None), (1, None, None))
    scene.camera.idle_stop = 1e-6
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.camera.run())
        async with asyncio.timeout(10):
            await scene._news.wait()
        assert scene.camera.resting
        with pytest.raises(Unsupported, match="the source rests"):
            await scene.camera.set_controls({"Brightness": 1})
        assert scene.camera._source is None
        task.cancel()


async def test_controls_go_to_the_open_source_and_are_refused_while_there_is_none() -> None:
    """The refusal says why it is away."""
    scene = Scene((1, None, None))
    with pytest.raises(Unsupported, match="starting"):
        await scene.camera.set_controls({"Brightness": 1})
    done = asyncio.Event()

    async def control(frame: Frame) -> None:
        await scene.camera.set_controls({"Brightness": frame.seq})
        done.set()

    scene.camera._show = control
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.camera.run())
        await asyncio.wait_for(done.wait(), 10)
        task.cancel()
    assert scene.sources[0].controls == {"Brightness": 0}


async def test_accepted_controls_are_set_again_whenever_a_source_of_that_kind_is_opened() -> None:
    """The newest of each; other kinds have others."""
    scene = Scene(*((1, None, None) for _ in range(4)))
    wanted: list[dict[str, object]] = [
        {"LensPosition": 2, "ExposureTime": 100},
        {"LensPosition": 3},
        {"Nothing": 1},
        {},
    ]
    specs = iter((SPEC, OTHER, SPEC))

    async def control(frame: Frame) -> None:
        if frame.offline:
            return
        source = scene.sources[-1]
        if controls := wanted[len(scene.sources) - 1]:
            await scene.camera.set_controls(controls)
        given.append(dict(source.controls))
        if spec := next(specs, None):
            scene.camera.replace(spec)
        else:
            done.set()

    given, done = list[dict[str, object]](), asyncio.Event()
    scene.camera._show = control
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.camera.run())
        await asyncio.wait_for(done.wait(), 10)
        task.cancel()
    assert given == [
        {"LensPosition": 2, "ExposureTime": 100},
        {"LensPosition": 3, "ExposureTime": 100},
        {"Nothing": 1},
        {"LensPosition": 3, "ExposureTime": 100},
    ]


async def test_controls_that_are_refused_are_not_kept() -> None:
    """They would be refused again."""
    scene = Scene((1, SourceUnavailable("away"), None), (1, None, None))

    class Without(ScriptedSource):
        async def set_controls(self, controls: Mapping[str, object]) -> None:
            raise Unsupported(f"no {controls}")

    async def control(frame: Frame) -> None:
        if len(scene.sources) == 1:
            scene.camera._source = Without(0, None, itertools.count(), None)
            with pytest.raises(Unsupported):
                await scene.camera.set_controls({"LensPosition": 2})
        await scene._show(frame)

    scene.camera._show = control
    await scene.until(lambda: len(scene.sources) == 2)
    assert scene.sources[1].controls == {}


def test_what_is_said_of_a_source_holds_its_state() -> None:
    """Facts known before, facts of the source, and whether it is online and why not."""

    async def state() -> SourceState:
        return Scene().camera.state()

    assert msgspec.json.decode(msgspec.json.encode(asyncio.run(state()))) == {
        "kind": "synthetic",
        "width": 64,
        "height": 64,
        "online": False,
        "reason": "starting",
        "resting": False,
        "why": "a test",
        "refused": [],
        "measured_fps": 0.0,
    }


def test_numbers_go_round_after_the_largest() -> None:
    """An offline picture's number is one of 32 bits, like every frame's."""

    async def first() -> Frame:
        scene = Scene((0, None, SourceUnavailable("away")), (0, None, SourceUnavailable("away")))
        scene.camera._seq = itertools.count(2**32 + 5)
        await scene.until(lambda: bool(scene.shown))
        return scene.shown[0]

    assert asyncio.run(first()).seq == 5


async def test_another_source_takes_the_place_of_one_that_gives_frames() -> None:
    """The old one is closed before the new one is opened, the numbers go on, and viewers read what happens."""
    scene = Scene((2, None, None), (2, None, None))

    def both() -> bool:
        if len(scene.shown) == 2:
            scene.camera.replace(OTHER)
        if len(scene.sources) == 2:
            assert scene.sources[0].closed
        return sum(not frame.offline for frame in scene.shown) == 4

    await scene.until(both)
    assert [frame.seq for frame in scene.shown] == list(range(len(scene.shown)))
    assert [online for online, _ in scene.changes] == [True, False, True]
    assert "settings changed" in (scene.changes[1][1] or "")
    assert (scene.camera.kind, scene.camera.state().why) == ("file", "the settings")


@pytest.mark.parametrize("failure", [None, SourceUnavailable("away")], ids=["opens", "fails"])
async def test_a_source_that_is_being_opened_is_let_open_before_another_takes_its_place(
    failure: SourceUnavailable | None,
) -> None:
    """It could not be broken off, and has the device. Whatever becomes of it is news to nobody."""
    scene = Scene((2, None, failure), (2, None, None))
    open_source = scene._open

    def held_up(spec: SourceSpec, seq: Iterator[int], controls: Mapping[str, object]) -> ScriptedSource:
        source = open_source(spec, seq, controls)
        if len(scene.sources) == 1:
            source.opens.clear()
            scene.camera.replace(OTHER)
        return source

    def offline_picture(*about: Any) -> Plane:
        if scene.camera.reason != "starting":  # it is known that another one is to take its place
            assert len(scene.sources) == 1
            loop.call_soon_threadsafe(scene.sources[0].opens.set)
        return scene._offline_picture(*about)

    loop = asyncio.get_running_loop()
    scene.camera._open_source, scene.camera._offline_picture = held_up, offline_picture
    await scene.until(lambda: len(scene.sources) == 2 and not scene.shown[-1].offline)
    assert not scene.sources[0].broken_off
    assert scene.sources[0].closed is (failure is None)
    assert scene.sources[0]._left == 2, "frames of a source that is to go are no use"
    assert scene.changes == [(False, "the settings changed, and the source is opened again"), (True, None)]


async def test_another_source_is_opened_at_once_where_the_old_one_was_away() -> None:
    """Not at the end of a pause."""
    scene = Scene((0, None, SourceUnavailable("away")), (1, None, None))

    def online() -> bool:
        if len(scene.sources) == 1 and scene.camera.kind != "file":
            scene.camera.replace(OTHER)
        return any(not frame.offline for frame in scene.shown)

    started = asyncio.get_running_loop().time()
    await scene.until(online)
    assert len(scene.sources) == 2
    assert asyncio.get_running_loop().time() - started < 10


async def test_frames_are_signs_of_life_and_so_are_offline_pictures_while_the_source_is_tried() -> None:
    """One for each."""
    scene = Scene((2, SourceUnavailable("unplugged"), None), (1, None, None))
    await scene.until(lambda: sum(not frame.offline for frame in scene.shown) == 3)
    assert scene.signs == [not frame.offline for frame in scene.shown]
    assert False in scene.signs


async def test_a_source_that_hangs_in_opening_gives_no_signs_of_life_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The offline picture is shown on, but nothing is tried any more."""
    scene = Scene((0, None, None))
    monkeypatch.setattr("pi_stream.sources.supervisor._MAX_TRY_US", 1_200_000)
    monkeypatch.setattr("pi_stream.sources.supervisor._OFFLINE_PICTURE_PERIOD_S", 0.05)
    await scene.until(lambda: len(scene.shown) > len(scene.signs) + 3)
    assert scene.signs


async def test_rest_is_a_sign_of_life_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are neither frames nor offline pictures then."""
    monkeypatch.setattr("pi_stream.sources.supervisor._REST_SIGN_PERIOD_S", 0.01)
    scene = Scene((3, None, None), idle_stop=1e-6)
    rested = asyncio.Event()
    signs = scene.signs.append

    def alive() -> None:
        signs(scene.camera.online)
        if scene.camera.resting and len(scene.signs) > 10:
            rested.set()

    scene.camera._alive = alive
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.camera.run())
        await asyncio.wait_for(rested.wait(), 10)
        task.cancel()
