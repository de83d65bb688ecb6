"""A y4m whose pictures are ours already: read from the file straight to where they stay.

libav would read each into memory of its own, from where it had to be copied; of a film without compression that is half
of all the work. Format: yuv4mpeg(5) of the mjpegtools: a line for the film, then for each picture a line that begins
with FRAME, and its planes without padding.
"""

from collections.abc import Generator
from pathlib import Path

import numpy as np

from pi_stream.errors import SourceUnavailable
from pi_stream.sources.film import Picture

_LONGEST_LINE = 4096  # bytes


def y4m_laps(path: str, size: int, fps: float) -> Generator[Picture, None, None]:
    """The pictures of a y4m, `size` bytes each, over and over, `fps` a second.

    A last picture that is not whole is left out. Raises SourceUnavailable when the file cannot be read any more.
    """
    name, count = Path(path).name, 0
    while True:
        before = count
        try:
            with Path(path).open("rb") as file:
                if not file.readline(_LONGEST_LINE).startswith(b"YUV4MPEG2 "):
                    raise SourceUnavailable(f"{name} is no y4m any more")
                while file.readline(_LONGEST_LINE).startswith(b"FRAME"):
                    planes = np.empty(size, np.uint8)
                    if file.readinto(planes.data) < size:
                        break
                    yield Picture(planes, count / fps)
                    count += 1
        except OSError as error:
            if isinstance(error, SourceUnavailable):
                raise
            raise SourceUnavailable(f"{name} cannot be read any more: {error.strerror}") from error
        if count == before:
            raise SourceUnavailable(f"{name} is not a video that can be read: there is no whole picture in it")
