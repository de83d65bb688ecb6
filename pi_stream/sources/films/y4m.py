"""A y4m whose pictures need no conversion: each is read from the file into the memory of its frame when it is due.

libav would read each into its own memory, and it would have to be copied; for a film without compression that is half
of all the work. Format: yuv4mpeg(5) of the mjpegtools: a line for the film, then for each picture a line that begins
with FRAME, and its planes without padding.
"""

import os
from collections.abc import Generator
from functools import partial
from io import BufferedReader
from pathlib import Path

import numpy as np

from pi_stream.errors import SourceUnavailable
from pi_stream.media.frame import Plane
from pi_stream.sources.films.film import Picture

_MAX_LINE_BYTES = 4096


def y4m_laps(path: str, size: int, fps: float) -> Generator[Picture, None, None]:
    """The pictures of a y4m, `size` bytes each, `fps` per second, in laps without end.

    Each is read when its function is called, as long as the generator is not closed. An incomplete last picture is left
    out. Raises SourceUnavailable when the file can no longer be read (that function does, too), and at the end of a lap
    if another file is in its place, which may be a film of any kind.
    """
    name, count = Path(path).name, 0
    try:
        with Path(path).open("rb") as file:
            while True:
                before = count
                file.seek(0)
                if not file.readline(_MAX_LINE_BYTES).startswith(b"YUV4MPEG2 "):
                    raise SourceUnavailable(f"{name} is no y4m any more")
                while file.readline(_MAX_LINE_BYTES).startswith(b"FRAME"):
                    at = file.tell()
                    if at + size > os.fstat(file.fileno()).st_size:
                        break
                    yield Picture(partial(_planes, file, at, size), count / fps)
                    count += 1
                    file.seek(at + size)
                if count == before:
                    raise SourceUnavailable(f"{name} is not a video that can be read: there is no whole picture in it")
                if not os.path.samestat(os.fstat(file.fileno()), Path(path).stat()):
                    raise SourceUnavailable(f"{name} was replaced by another file")
    except OSError as error:
        if isinstance(error, SourceUnavailable):
            raise
        raise SourceUnavailable(f"{name} cannot be read any more: {error.strerror}") from error


def _planes(file: BufferedReader, at: int, size: int) -> Plane:
    planes = np.empty(size, np.uint8)
    try:
        read = os.preadv(file.fileno(), [planes.data], at)
    except OSError as error:
        raise SourceUnavailable(f"{Path(file.name).name} cannot be read any more: {error.strerror}") from error
    if read < size:
        raise SourceUnavailable(f"{Path(file.name).name} became shorter while it was read")
    return planes
