"""When a viewer moves to smaller or larger pictures, on a line that is simulated."""

import itertools

import pytest

from pi_stream.pacing.quality_ladder import QualityLadder, Step, steps
from pi_stream.pacing.window import DEFAULT_FRAMES, SentFrame, Window
from tests.link import Link, Rate, mbit

FRAME = 126_700  # bytes of a film's frame, 1280x720, JPEG 80
STEPS = steps(1280, 30, 80)


class Watched:
    """A viewer over a line: what it was moved to, and when (seconds)."""

    def __init__(self, link: Link, which: tuple[Step, ...] = STEPS) -> None:
        self.link = link
        self.steps = which
        self.moves: list[tuple[float, int]] = []
        self._ladder = QualityLadder(which, 0)

    def run(self, seconds: float, window: int | None = None) -> "Watched":
        """Watch for so long, with a window that follows the line or of a fixed size."""
        of = Window(window or DEFAULT_FRAMES, follows=window is None, measured=True)
        self.link.run(
            seconds,
            of,
            size=lambda: FRAME * self._ladder.step.weight / self.steps[0].weight,
            fps=lambda: self._ladder.step.fps,
            drawn=lambda now, sent: self._weigh(now, sent, of),
        )
        return self

    def _weigh(self, now: int, sent: SentFrame, window: Window) -> None:
        before = self._ladder.step
        carried = window.link.rate / sent.size
        if self._ladder.update(now, window.last_trip_began, self.link.taken, self.link.missed, carried):
            self.moves.append((now / 1e6, self.steps.index(self._ladder.step)))
            window.resize(now, smaller=self._ladder.step.weight < before.weight)
            self.link.taken = self.link.missed = 0

    def at(self, second: float) -> int:
        """The step at that second."""
        return next((step for when, step in reversed(self.moves) if when <= second), 0)

    def climbs(self, begin: float, end: float) -> int:
        """Steps up between these seconds."""
        return sum(step < self.at(when - 1e-6) for when, step in self.moves if begin <= when < end)


def _bytes_per_second(step: Step) -> float:
    return FRAME * step.weight / STEPS[0].weight * step.fps


# --- the steps


def test_each_step_needs_clearly_less_than_the_one_before() -> None:
    """A step that changes hardly anything would only be a jolt."""
    needs = [_bytes_per_second(step) for step in STEPS]
    assert all(0.2 < low / high < 0.75 for high, low in itertools.pairwise(needs))
    assert STEPS[0] == Step(1280, 80, 30, STEPS[0].weight)


def test_what_was_asked_for_is_never_exceeded() -> None:
    """Neither width nor rate nor the service's quality; equal steps are one."""
    asked = steps(1280, 10, 50, widest=480)
    assert all(step.width <= 480 and step.fps <= 10 and step.quality <= 50 for step in asked)
    assert len(set(asked)) == len(asked) >= 3
    assert asked[0].width == 480


def test_steps_that_are_no_wider_than_asked_are_those_of_everybody() -> None:
    """So that viewers with different wishes share the channels that both may have."""
    everybody = {(step.width, step.quality) for step in STEPS}
    assert {(step.width, step.quality) for step in steps(1280, 30, 80, widest=700)[1:]} <= everybody


def test_lossless_steps_differ_in_size_and_rate_only() -> None:
    """There is no quality to lower."""
    lossless = steps(1280, 30, 0)
    assert {step.quality for step in lossless} == {0}
    assert len({(step.width, step.fps) for step in lossless}) == len(lossless) >= 5


@pytest.mark.parametrize("width", [64, 160, 320])
def test_small_pictures_become_slower_rather_than_unrecognizable(width: int) -> None:
    """160 pixels are as small as it gets, unless the camera's are less."""
    assert min(step.width for step in steps(width, 30, 80)) == min(width, 160)
    assert steps(width, 30, 80)[-1].fps == 5


# --- moving between them

LINES = [(2, 200, 0), (2, 200, 50), (2, 20, 0), (5, 80, 20), (10, 20, 0), (10, 20, 30), (20, 5, 5), (0.6, 100, 10)]


@pytest.mark.parametrize(("rate", "trip", "jitter"), LINES)
def test_it_finds_the_step_that_the_line_carries_and_stays(rate: float, trip: int, jitter: int) -> None:
    """Down within two seconds, right within ten, and afterwards only a look upwards now and then."""
    link = Link(mbit(rate), trip * 1000, jitter * 1000)
    watched = Watched(link).run(180)
    assert watched.moves[0][0] < 4
    carried = [index for index, step in enumerate(STEPS) if _bytes_per_second(step) < rate * 125_000]
    assert watched.at(60) in (carried[0], carried[0] + 1, carried[0] - 1)
    assert watched.climbs(10, 180) <= 8, watched.moves
    assert watched.climbs(90, 180) <= 2, watched.moves
    assert link.fps(60, 180) > 0.9 * STEPS[carried[0] + 1 if carried[0] + 1 < len(STEPS) else carried[0]].fps


@pytest.mark.parametrize("trip", [20, 50, 200, 500])
def test_pictures_do_not_grow_old_where_even_the_lowest_step_is_too_much(trip: int) -> None:
    """At 0.2 Mbit/s there are fewer of them instead, also while something better is tried."""
    link = Link(mbit(0.2), trip * 1000)
    assert Watched(link).run(120).at(119) >= len(STEPS) - 2
    assert link.age(30, 120, 0.99) < trip * 1000 + 2_000_000
    assert link.fps(30, 120) > 2.5


def test_at_2_mbit_and_200_ms_pictures_are_fresh_within_ten_seconds() -> None:
    """At least ten a second, half of them under 400 ms and nearly all under 800 ms old."""
    link = Link(mbit(2), 200_000, 10_000)
    Watched(link).run(60)
    for second in (10, 20, 40):
        assert link.fps(second, second + 10) >= 10
        assert link.age(second, second + 10, 0.5) < 400_000
        assert link.age(second, second + 10, 0.95) < 800_000


@pytest.mark.parametrize(("trip", "jitter"), [(1, 0), (1, 40), (20, 5), (200, 0), (200, 100), (300, 20)])
def test_a_fast_line_is_never_left(trip: int, jitter: int) -> None:
    """However far away and uneven: every frame, as large and as fine as it can be."""
    link = Link(mbit(1000), trip * 1000, jitter * 1000)
    assert Watched(link).run(60).moves == []
    assert link.fps(10, 60) > 29


def test_one_who_asked_for_a_window_has_the_ladder_too() -> None:
    """Two frames in flight over 200 ms are ten a second: fewer bytes do not help, but neither do they hurt."""
    link = Link(mbit(2), 20_000)
    watched = Watched(link).run(60, window=2)
    assert link.most_in_flight == 2
    assert link.fps(30, 60) >= 10
    assert watched.climbs(20, 60) <= 3


def _drops(low: float, begin: float, end: float) -> Rate:
    return lambda now: low / 8 if begin * 1e6 <= now < end * 1e6 else 50 / 8


def test_it_goes_down_fast_and_comes_back_when_the_line_does() -> None:
    """Somebody else uses the network for a while."""
    link = Link(_drops(3, 20, 50), 40_000)
    watched = Watched(link).run(120)
    assert watched.at(19) == 0
    assert watched.at(23) >= 4
    assert link.age(24, 50, 0.95) < 400_000
    assert watched.at(119) == 0
    up = [step for when, step in watched.moves if when > 50]
    assert up == sorted(up, reverse=True), "it came back without falling again"


def test_a_step_that_failed_is_tried_less_and_less_often() -> None:
    """And never again sooner than before."""
    watched = Watched(Link(mbit(10), 20_000)).run(300)
    tries = [when for when, step in watched.moves if step < watched.at(when - 1e-6) and when > 5]
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert len(pauses) >= 2
    assert pauses[-1] > 40
    assert all(after > before * 0.9 or after > 60 for before, after in itertools.pairwise(pauses)), pauses


def test_a_step_that_fails_is_left_at_once() -> None:
    """A look upwards costs a second of older pictures, not two."""
    watched = Watched(Link(mbit(10), 20_000)).run(120)
    moves = [(0.0, 0), *watched.moves]
    looks = [
        after[0] - move[0]
        for before, move, after in zip(moves, moves[1:], moves[2:], strict=False)
        if before[1] > move[1] < after[1] and move[0] > 5
    ]
    assert len(looks) >= 3
    assert max(looks) < 1.0


@pytest.mark.parametrize("length", [0.3, 0.6, 1.5, 600])
def test_a_hiccup_or_a_hidden_tab_is_no_slow_line(length: float) -> None:
    """However long nothing was drawn: afterwards everything is as it was."""
    link = Link(mbit(100), 20_000)
    link.stall(20, 20 + length)
    assert Watched(link).run(40 + length).moves == []


def test_a_viewer_that_draws_slowly_gets_less() -> None:
    """An old phone that decodes six frames of full size a second; smaller ones take it less."""
    watched = Watched(Link(mbit(6), 2_000)).run(60)
    assert watched.at(59) >= 3


def test_a_source_that_is_slower_than_a_step_is_no_reason_to_move() -> None:
    """Frames that do not exist are not missed."""
    ladder, now = QualityLadder(STEPS, 0), 0
    for count in range(1, 200):
        now += 200_000
        assert not ladder.update(now, now - 20_000, count, 0, 5)


def test_a_step_that_cannot_be_had_is_not_stood_upon() -> None:
    """There may be no room for its channel: the viewer stays, is counted where it is, and asks again."""
    ladder, now, count = QualityLadder(STEPS, 0), 0, 0
    for _ in range(3):
        moved = False
        while not moved:
            now, count = now + 100_000, count + 1
            moved = ladder.update(now, now - 50_000, count, 5 * count, 5)
            assert now < 20_000_000, "it does not ask again"
        assert ladder.step != STEPS[0]
        ladder.undo(now)
        assert ladder.step == STEPS[0]


def test_one_step_has_nowhere_to_go() -> None:
    """A viewer without "auto" stays on the only one."""
    watched = Watched(Link(mbit(1), 200_000), STEPS[:1]).run(20)
    assert watched.moves == []


def test_a_step_that_is_not_available_is_undone() -> None:
    """As when there is no room for one more channel: the step before goes on, and is judged anew."""
    ladder = QualityLadder(steps(1280, 30, 80), 0)
    best, now, taken, missed = ladder.step, 0, 0, 0
    while ladder.step == best:
        now += 50_000
        taken, missed = taken + 1, missed + 5
        ladder.update(now, now - 20_000, taken, missed, 5)
        assert now < 60_000_000
    ladder.undo(now)
    assert ladder.step == best
    assert ladder.next_update == now
    assert not ladder.update(now + 1000, now - 1000, 1, 0, 5)  # a frame of the step that was undone
    assert ladder.step == best


class Drawn:
    """Frames of a viewer that are drawn 200 times a second, of which it misses a share."""

    def __init__(self, ladder: QualityLadder) -> None:
        self._ladder = ladder
        self._taken = self._missed = 0.0
        self.now = 0

    def seconds_to_change(self, share: float, most: float) -> float | None:
        """Draw with this share taken until the step changes, and say after how many seconds; None: not in `most`."""
        began = self.now
        while self.now - began < most * 1e6:
            self.now += 5_000
            self._taken += 1
            self._missed += 1 / share - 1
            if self._ladder.update(self.now, self.now - 20_000, int(self._taken), int(self._missed), 200 * share):
                self._taken = self._missed = 0
                return (self.now - began) / 1e6
        return None


def test_a_link_that_carries_the_step_just_so_is_not_asked_for_more() -> None:
    """Between crowded and clear nothing changes, however long it lasts."""
    ladder = QualityLadder(steps(1280, 30, 80), 0)
    drawn = Drawn(ladder)
    assert drawn.seconds_to_change(0.5, 10) is not None
    assert drawn.seconds_to_change(0.915, 120) is None
    assert drawn.seconds_to_change(1.0, 10) is not None


def test_a_step_that_held_for_a_minute_is_tried_again_soon() -> None:
    """One that failed again and again is not, until then."""
    ladder = QualityLadder(steps(1280, 30, 80), 0)
    drawn = Drawn(ladder)
    assert drawn.seconds_to_change(0.8, 10) is not None
    waits = []
    for _ in range(4):
        waits.append(drawn.seconds_to_change(1.0, 120) or 0)
        assert drawn.seconds_to_change(0.8, 10) is not None
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]
    assert drawn.seconds_to_change(1.0, 120) is not None
    assert drawn.seconds_to_change(0.915, 61) is None
    assert drawn.seconds_to_change(0.8, 10) is not None
    assert (drawn.seconds_to_change(1.0, 120) or 0) <= waits[0]
