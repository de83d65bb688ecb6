"""A film's pictures with their times, lap after lap, without end."""

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from fractions import Fraction
from math import floor
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import av
from av.container import InputContainer

from pi_stream.errors import SourceUnavailable
from pi_stream.media.frame import Plane

_log = logging.getLogger(__name__)

# libav draws any text file as the screen of an old terminal, which is never meant by a file that is named as a film.
_TEXT_FORMATS = {"tty", "bin", "xbin", "adf", "idf"}
_MAX_ONE_THREAD_PIXELS = 1280 * 720  # of a picture; a larger one is decoded by several threads
_REPEAT_PERIOD_S = 1.0  # after which a picture is given again, so that a long still is not taken for a stall
_MAX_PIXELS = 8192 * 8192  # of a picture: a small file may hold one that fills the memory
_MAX_STEP_S = 60.0  # between two pictures; a longer one is a broken timestamp


class Picture(NamedTuple):
    """One picture of a film: libav's, or a function that reads planes that need no conversion.

    `time` is when it is due, in seconds from the start of the first lap; `shape` is the width of a pixel divided by its
    height, None if the film does not say.
    """

    frame: av.VideoFrame | Callable[[], Plane]
    time: float
    shape: Fraction | None = None


class Facts(NamedTuple):
    """What a film is: size in pixels, frames per second (None for a still), codec by libav's name, the first picture.

    `shape` is the width of a pixel divided by its height, None if the film does not say.
    """

    width: int
    height: int
    fps: float | None
    codec: str
    first: av.VideoFrame
    shape: Fraction | None
    y4m: bool


def probe(path: str) -> Facts:
    """Open a film and decode its first picture. Raises SourceUnavailable, with a sentence, for no film."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        if (frame := next(_decoded(container), None)) is None:
            raise SourceUnavailable(f"{Path(path).name} is not a video that can be read: none of it can be decoded")
        still = stream.frames == 1 or container.format.name.endswith(("_pipe", "image2"))
        fps = float(stream.average_rate) if stream.average_rate and not still else None
        shape = stream.sample_aspect_ratio or None
        y4m = container.format.name == "yuv4mpegpipe"
        return Facts(stream.width, stream.height, fps, stream.codec_context.name, frame, shape, y4m)


def laps(path: str, still_fps: float) -> Generator[Picture, None, None]:
    """The pictures of a film, in laps without end; their times go on from lap to lap.

    A film of one picture gives it `still_fps` times per second. Every lap opens the file again, because seeking back is
    not exact in every container, and impossible in some. Raises SourceUnavailable when the film can no longer be read.
    """
    start = 0.0
    while True:
        count = 0
        with _opened(path) as container:
            stream = container.streams.video[0]
            step = float(1 / (stream.average_rate or Fraction(25)))
            shape = stream.sample_aspect_ratio or None
            due, before, length = start - step, None, step
            for frame in _decoded(container):
                time = frame.time if frame.time is not None else (before or 0.0) + step
                gap = step if before is None else time - before
                due, before = due + (gap if 0 < gap < _MAX_STEP_S else step), time
                picture = Picture(frame, due, shape)
                length = _duration(frame) or step
                count += 1
                yield picture
        if not count:
            raise SourceUnavailable(f"{Path(path).name} is not a video that can be read: none of it can be decoded")
        while count == 1:
            due += 1 / still_fps
            yield picture._replace(time=due)
        start = due + length


def held(pictures: Generator[Picture, None, None]) -> Generator[Picture, None, None]:
    """The same pictures; one that stays for more than two seconds is given again every second."""
    before: Picture | None = None
    with closing(pictures):
        for picture in pictures:
            while before is not None and picture.time - before.time > 2 * _REPEAT_PERIOD_S:
                before = before._replace(time=before.time + _REPEAT_PERIOD_S)
                yield before
            before = picture
            yield picture


def thinned(pictures: Generator[Picture, None, None], fps: float) -> Generator[Picture | None, None, None]:
    """The first picture in each 1 / `fps` seconds, and None for each of the others.

    Up to a quarter of that early counts as in time, so that a film of exactly this rate loses no picture to rounded
    timestamps.
    """
    newest = -1
    with closing(pictures):
        for picture in pictures:
            tick = floor(picture.time * fps + 0.25)
            yield picture if tick > newest else None
            newest = max(tick, newest)


def _opened(path: str) -> InputContainer:
    name = Path(path).name
    container = None
    try:
        if S_ISREG(Path(path).stat().st_mode):  # opening a pipe would block
            # Without the prefix libav takes a name with a colon for an address.
            container = av.open(f"file:{path}", metadata_errors="replace")
    except FileNotFoundError:
        raise SourceUnavailable(f"no such file: {name}") from None
    except (av.FFmpegError, OSError) as error:
        raise SourceUnavailable(f"{name} is not a video that can be read: {error.strerror}") from error
    if container is None:
        raise SourceUnavailable(f"{name} is not a file")
    if not container.streams.video or container.format.name in _TEXT_FORMATS:
        container.close()
        raise SourceUnavailable(f"{name} is not a video that can be read: there are no pictures in it")
    stream = container.streams.video[0]
    if getattr(stream, "codec_context", None) is None:  # there are pictures, but of an unknown codec
        container.close()
        raise SourceUnavailable(f"{name} is not a video that can be read: nothing here decodes its pictures")
    if stream.width * stream.height > _MAX_PIXELS:
        container.close()
        raise SourceUnavailable(
            f"{name} is not a video that can be read: {stream.width} x {stream.height} is too large"
        )
    stream.codec_context.options = {"max_pixels": str(_MAX_PIXELS)}  # also for pictures whose size changes later
    # Threads that each decode a picture also keep pictures: 12 MB at 720p, which one thread decodes in time.
    stream.thread_type = "AUTO" if stream.width * stream.height > _MAX_ONE_THREAD_PIXELS else "SLICE"
    return container


def _decoded(container: InputContainer) -> Generator[av.VideoFrame, None, None]:
    """Every picture that can be decoded; damaged ones are skipped, and counted in the log."""
    name = Path(container.name).name
    damaged = 0
    try:
        for packet in container.demux(container.streams.video[0]):
            try:
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        yield frame
            except av.InvalidDataError:
                damaged += 1
    except av.FFmpegError as error:
        raise SourceUnavailable(f"{name} cannot be read any more: {error.strerror}") from error
    if damaged:
        _log.warning("%s: %d damaged pictures were skipped", name, damaged)


def _duration(frame: av.VideoFrame) -> float:
    """Seconds; 0 if it is not known, as before PyAV 15."""
    return float(getattr(frame, "duration", 0) or 0) * float(frame.time_base or 0)
