"""PNG, fast: one filter for every row, a deflate made for speed, and a stripe of the picture for each core.

Formats: ISO/IEC 15948 (PNG, third edition), clauses 5, 9 and 10; RFC 1950 and 1951 (zlib, deflate). The "up" filter
stores each byte as its difference from the one above; numpy takes it of many rows at once, and it leaves film about as
small as the best choice row by row would. Each stripe is deflated by itself, up to a byte's boundary, so that the
stripes in a row are one valid deflate stream; each is one IDAT chunk.
"""

import struct
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from pi_stream import vitals
from pi_stream.encoders.convert import RgbConverter, Scaler
from pi_stream.errors import EncodingFailed
from pi_stream.frame import Frame

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}  # bytes a pixel: greyscale, truecolour, truecolour with alpha
_LEVEL = 1  # of isal's 0 to 3: 0 is a tenth faster and a fifth larger, 2 and 3 are slower and hardly smaller
_ZLIB_HEADER = b"\x78\x01"  # deflate, a window of 32 KiB, the fastest level
_RAW = -15  # isal's way to say: this window, and no header
_STRIPES = 4  # at most; each costs the start of a thread, and more would be waited for
_LEAST = 64  # rows that make a stripe worth its thread


Rows = NDArray[np.uint8]
TakeRows = Callable[[int, int], Rows]  # rows from here up to there, each `width` * `depth` bytes long


class PngEncoder:
    """Encodes frames as 8-bit truecolour PNG files. `quality` plays no part: PNG loses nothing."""

    def __init__(self, width: int, height: int, quality: int) -> None:  # noqa: ARG002 - every encoder is made alike
        self._scaler = Scaler(width, height)
        self._filtered = np.empty((height, 1 + width * 3), np.uint8)
        self._edges = _edges(height)
        # One for each stripe: libswscale converts on one thread, and each stripe has its own.
        self._converters = [RgbConverter("rgb24") for _ in self._edges[1:]]

    def encode(self, frame: Frame) -> bytes:
        """A complete file. Raises EncodingFailed."""
        frame = self._scaler.scale(frame)
        takes = [partial(converter.rows, frame) for converter in self._converters]
        return _file(3, self._filtered, takes, self._edges)


def png_file(rows: Rows, depth: int) -> bytes:
    """A PNG file of `rows`, uint8 (height, width * depth), with `depth` 1, 3 or 4 bytes a pixel.

    Raises EncodingFailed.
    """
    height, length = rows.shape
    edges = _edges(height)

    def take(top: int, bottom: int) -> Rows:
        return rows[top:bottom]

    return _file(depth, np.empty((height, 1 + length), np.uint8), [take] * (len(edges) - 1), edges)


def _edges(height: int) -> list[int]:
    """Where stripes begin and end: 0, even rows, `height`."""
    count = max(1, min(vitals.cores(), _STRIPES, height // _LEAST))
    return [height * i // (2 * count) * 2 for i in range(count)] + [height]


def _file(depth: int, filtered: Rows, takes: Sequence[TakeRows], edges: Sequence[int]) -> bytes:
    """The file; `filtered`, uint8 (height, 1 + width * depth), is memory to work in."""
    height, length = filtered.shape[0], filtered.shape[1] - 1
    stripes = [_Stripe(take, filtered, *part) for take, part in zip(takes, pairwise(edges), strict=True)]
    threads = []
    for stripe in stripes[1:]:
        thread = threading.Thread(target=stripe.deflate, name="stripe")
        try:
            thread.start()
        except RuntimeError:  # the unit, or the machine, has no thread to spare: then here
            stripe.deflate()
        else:
            threads.append(thread)
    stripes[0].deflate()
    for thread in threads:
        thread.join()
    header = struct.pack(">IIBBBBB", length // depth, height, 8, _COLOUR_TYPE[depth], 0, 0, 0)
    checksum = struct.pack(">I", isal_zlib.adler32(filtered))
    bodies = [stripe.body() for stripe in stripes]
    bodies[0] = _ZLIB_HEADER + bodies[0]
    bodies[-1] += checksum
    idats = (part for body in bodies for part in _chunk(b"IDAT", body))
    return b"".join((_SIGNATURE, *_chunk(b"IHDR", header), *idats, *_chunk(b"IEND", b"")))


class _Stripe:
    """Rows `top` to `bottom` of a picture, taken, filtered and deflated, on whichever thread."""

    def __init__(self, take: TakeRows, filtered: Rows, top: int, bottom: int) -> None:
        self._take, self._filtered, self._top, self._bottom = take, filtered, top, bottom
        self._body: bytes | BaseException = b""

    def deflate(self) -> None:
        top, bottom = self._top, self._bottom
        filtered = self._filtered[top:bottom]
        try:
            rows = self._take(max(0, top - 1), bottom)  # with the row above, from which the first one differs
            filtered[:, 0] = _UP
            if top == 0:
                filtered[0, 1:] = rows[0]  # above the first row, all is 0
            np.subtract(rows[1:], rows[:-1], out=filtered[1 if top == 0 else 0 :, 1:])
            deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW)
            last = bottom == self._filtered.shape[0]
            self._body = deflate.compress(filtered) + deflate.flush(
                isal_zlib.Z_FINISH if last else isal_zlib.Z_SYNC_FLUSH
            )
        except BaseException as error:  # not lost: `body` raises it
            self._body = error

    def body(self) -> bytes:
        """The deflated bytes."""
        if isinstance(self._body, isal_zlib.error):  # type: ignore[arg-type]  # its stub says that it is no class
            raise EncodingFailed(f"isal could not deflate a PNG: {self._body}") from self._body
        if isinstance(self._body, BaseException):
            raise self._body
        return self._body


def _chunk(name: bytes, data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(name))
    return struct.pack(">I", len(data)), name, data, struct.pack(">I", checksum)
