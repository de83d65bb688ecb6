"""The test picture, shown if there is no camera: it is seen to be synthetic, and a program can read its seq."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction

import numpy as np

from pi_stream.errors import Unsupported
from pi_stream.lib import clock
from pi_stream.media.frame import Frame
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources.frame_timer import FrameTimer
from pi_stream.sources.spec import CaptureFormat
from pi_stream.sources.synthetic.scene import Scene


class SyntheticSource:
    """A frame every 1 / `fps` seconds: colour bars, a ball, the local time, the word SYNTHETIC, and the seq as blocks.

    The bars are `scene.BARS`; the blocks are read by `pattern.read_seq`. `captured` is when the frame was due. If the
    machine is late by more than a frame, the frames of that time are not made.
    """

    def __init__(self, wanted: CaptureFormat, seq: Iterator[int], *, pace: FrameTimer | None = None) -> None:
        self._wanted, self._seq = wanted, seq
        self._pace = pace if pace is not None else FrameTimer()
        self._scene = Scene(wanted.width, wanted.height)
        self._rate = Fraction(wanted.fps).limit_denominator(1001)
        self._origin = self._pace.now()
        self._frames = 0  # since the origin, those not made included

    def info(self) -> SourceInfo:
        """See Source."""
        return SourceInfo(
            kind="synthetic",
            name="synthetic picture",
            width=self._scene.width,
            height=self._scene.height,
            fps=self._wanted.fps,
            rotation=self._wanted.rotation,
            colour="BT.601 full range",
            timestamp="read",
        )

    def read(self) -> Frame:
        """See Source."""
        due = self._next()
        seconds = (due - self._origin) / 1e6
        frame = self._scene.draw(next(self._seq) & 0xFFFFFFFF, due, _local_time(due), seconds)
        if self._wanted.rotation == 180:
            frame = _turned(frame)
        self._pace.until(due)
        return frame

    def skip(self) -> int:
        """See Source."""
        due = self._next()
        self._pace.until(due)
        next(self._seq)
        return due

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """See Source."""
        raise Unsupported(f"a synthetic picture has no camera controls, so {', '.join(controls)} cannot be set")

    def interrupt(self) -> None:
        """See Source."""
        self._pace.interrupt()

    def close(self) -> None:
        """See Source."""

    def _next(self) -> int:
        """When the next frame is due, in microseconds; frames that are past are left out."""
        past = int((self._pace.now() - self._origin) * self._rate / 1_000_000)
        number = max(self._frames, past)
        self._frames = number + 1
        return self._origin + int(number * 1_000_000 / self._rate)


def _local_time(due: int) -> str:
    """The local time at `due`, as `HH:MM:SS.mmm`."""
    then = time.time() + (due - clock.now()) / 1e6
    return datetime.fromtimestamp(then).isoformat(timespec="milliseconds")[11:]  # the date and its T left off


def _turned(frame: Frame) -> Frame:
    """Rotated by 180 degrees, which is each plane read backwards."""
    planes = [plane.ravel()[::-1] for plane in (frame.y, frame.u, frame.v)]
    return Frame(np.concatenate(planes), frame.width, frame.height, frame.seq, frame.captured)
