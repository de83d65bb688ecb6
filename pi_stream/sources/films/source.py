"""A film in place of a camera: looped, at its own speed, scaled to the wanted size."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import av

from pi_stream.errors import Unsupported
from pi_stream.media.frame import Frame
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources.convert import Converter
from pi_stream.sources.films.film import Picture, held, laps, probe, thinned
from pi_stream.sources.films.prefetch import OnDemand, Prefetch
from pi_stream.sources.films.y4m import y4m_laps
from pi_stream.sources.frame_timer import FrameTimer
from pi_stream.sources.spec import CaptureFormat

_log = logging.getLogger(__name__)

_PREFETCHED = 4  # pictures; at 25 per second they bridge the 160 ms in which a small machine opens the next lap
_MIN_UNREPEATED_FPS = 1.0  # from this rate on no picture has to be given twice, see `held`
_MAX_LATE_US = 500_000  # then the film goes on from there, slower than it was filmed


class FileSource:
    """Any video that PyAV opens. `wanted.fps` is an upper bound; pictures beyond it are not even converted.

    `captured` is when the frame was due. A picture is left out if the next one is due, too. If the machine cannot
    decode at the film's speed, the film plays slower, and the log says so. While frames are skipped the film stands
    still, so that nothing is decoded in vain.
    """

    def __init__(self, path: str, wanted: CaptureFormat, seq: Iterator[int], *, pace: FrameTimer | None = None) -> None:
        self._name = Path(path).name
        self._wanted, self._seq = wanted, seq
        fps = wanted.fps
        self._facts = probe(path)
        self._convert = Converter(wanted.width, wanted.height, wanted.rotation)
        # The first conversion builds the filter graph; here no frame waits for it.
        first = self._convert.convert(self._facts.first, self._facts.shape)
        self._pace = pace if pace is not None else FrameTimer()
        self._origin: int | None = None
        self._due = 0  # when the newest frame was
        self._slow = False
        own = self._facts.fps
        if self._facts.y4m and self._convert.idle and own is not None and own >= _MIN_UNREPEATED_FPS:
            pictures = y4m_laps(path, first.size, own)
            self._pictures: OnDemand[Picture] | Prefetch[Picture] = OnDemand(thinned(pictures, fps))
        else:
            self._pictures = Prefetch(thinned(held(laps(path, fps)), fps), _PREFETCHED)
        self._period = round(1e6 / min(fps, own or fps))  # microseconds

    def info(self) -> SourceInfo:
        """See Source."""
        return SourceInfo(
            kind="file",
            name=self._name,
            width=self._convert.width,
            height=self._convert.height,
            fps=min(self._wanted.fps, self._facts.fps or self._wanted.fps),
            rotation=self._wanted.rotation,
            colour=self._convert.colour,
            timestamp="read",
            codec=self._facts.codec,
            film=f"{self._facts.width}x{self._facts.height}",
        )

    def read(self) -> Frame:
        """See Source."""
        while True:
            picture = self._pictures.take()
            now = self._pace.now()
            if self._origin is None:
                self._origin = now - self._offset(picture)
            due = self._origin + self._offset(picture)
            if now - due > _MAX_LATE_US:
                due = self._put_off(picture, now, now - due)
            elif due < now and (after := self._pictures.peek()) and self._origin + self._offset(after) <= now:
                self._pace.check()
                continue
            if isinstance(picture.frame, av.VideoFrame):
                data = self._convert.convert(picture.frame, picture.shape)
                self._pace.until(due)
            else:  # read last, so that it is still in the core's cache when it is drawn on and encoded
                self._pace.until(due)
                data = picture.frame()
            self._due = due
            return Frame(data, self._convert.width, self._convert.height, next(self._seq) & 0xFFFFFFFF, due)

    def skip(self) -> int:
        """See Source."""
        assert self._origin is not None  # noqa: S101 - for the type checker; a frame was read before
        due = max(self._due + self._period, self._pace.now())
        self._pace.until(due)
        self._origin += due - self._due
        self._due = due
        next(self._seq)
        return due

    def set_controls(self, controls: Mapping[str, object]) -> None:
        """See Source."""
        raise Unsupported(f"a film has no camera controls, so {', '.join(controls)} cannot be set")

    def interrupt(self) -> None:
        """See Source."""
        self._pace.interrupt()
        self._pictures.interrupt()

    def close(self) -> None:
        """See Source."""
        self._pictures.close()

    def _put_off(self, picture: Picture, now: int, late: int) -> int:
        if not self._slow:
            self._slow = True
            _log.warning(
                "%s is %.1f s late and goes on from there; it plays slower than filmed", self._name, late / 1e6
            )
        self._origin = now - self._offset(picture)
        return now

    @staticmethod
    def _offset(picture: Picture) -> int:
        return round(picture.time * 1e6)
