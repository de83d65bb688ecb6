"""PNG, fast: one filter for all rows, a fast deflate, and one stripe of the picture for each core.

Formats: ISO/IEC 15948 (PNG, third edition), clauses 5, 9 and 10; RFC 1950 and 1951 (zlib, deflate). The "up" filter
stores each byte as its difference from the byte above. numpy filters many rows at once, and for film the result is
about as small as with the best filter for each row. Each stripe is deflated separately and ends on a byte boundary, so
the stripes one after the other are one valid deflate stream. Each stripe is one IDAT chunk.
"""

import struct
import threading
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from pi_stream.encoders.scaling import RgbConverter, Scaler
from pi_stream.errors import EncodingFailed
from pi_stream.lib import machine_stats
from pi_stream.media.frame import Frame

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}  # bytes a pixel: greyscale, truecolour, truecolour with alpha
_LEVEL = 1  # of isal's 0 to 3: 0 is a tenth faster and a fifth larger, 2 and 3 are slower and hardly smaller
_ZLIB_HEADER = b"\x78\x01"  # deflate, a window of 32 KiB, the fastest level
_RAW_WINDOW_BITS = -15  # for isal: a window of 2**15 bytes, and (negative) no header
_EMPTY_ADLER32 = 1  # the Adler-32 of no bytes
_ADLER32_MODULUS = 65521
_MAX_STRIPES = 4  # each costs the start of a thread
_MIN_STRIPE_ROWS = 64  # fewer rows take less time than the start of a thread

Rows = NDArray[np.uint8]
TakeRows = Callable[[int, int], Rows]  # the rows from the first number up to the second, (rows, width * depth)


class PngEncoder:
    """Encodes frames as 8-bit truecolour PNG files. `quality` has no effect: PNG is lossless."""

    def __init__(self, width: int, height: int, quality: int) -> None:  # noqa: ARG002 - every encoder has these arguments
        self._scaler = Scaler(width, height)
        self._filtered = np.empty((height, 1 + width * 3), np.uint8)
        self._edges = _edges(height)
        # One for each stripe: each stripe has its own thread, and a converter serves one thread at a time.
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
    """The rows at which stripes begin and end: 0, even numbers, `height`."""
    count = max(1, min(machine_stats.cores(), _MAX_STRIPES, height // _MIN_STRIPE_ROWS))
    return [height * i // (2 * count) * 2 for i in range(count)] + [height]


def _file(depth: int, filtered: Rows, takes: Sequence[TakeRows], edges: Sequence[int]) -> bytes:
    """The file. `filtered`, uint8 (height, 1 + width * depth), is memory for the filtered rows."""
    height, length = filtered.shape[0], filtered.shape[1] - 1
    stripes = [_Stripe(take, filtered, *part) for take, part in zip(takes, pairwise(edges), strict=True)]
    threads = []
    for stripe in stripes[1:]:
        thread = threading.Thread(target=stripe.deflate, name="stripe")
        try:
            thread.start()
        except RuntimeError:  # the service or the machine has reached its limit of threads
            stripe.deflate()
        else:
            threads.append(thread)
    stripes[0].deflate()
    for thread in threads:
        thread.join()
    header = struct.pack(">IIBBBBB", length // depth, height, 8, _COLOUR_TYPE[depth], 0, 0, 0)
    checksum = _EMPTY_ADLER32
    for stripe in stripes:
        stripe.check()
        checksum = _joined(checksum, stripe.checksum, stripe.size)
    stripes[-1].end(checksum)
    idats = (part for stripe in stripes for part in stripe.chunk())
    return b"".join((_SIGNATURE, *_chunk(b"IHDR", header), *idats, *_chunk(b"IEND", b"")))


class _Stripe:
    """The rows from `top` up to `bottom` of a picture, converted, filtered and deflated on any thread: one IDAT chunk.

    `checksum` is the Adler-32 of its `size` filtered bytes.
    """

    def __init__(self, take: TakeRows, filtered: Rows, top: int, bottom: int) -> None:
        self._take, self._filtered, self._top, self._bottom = take, filtered, top, bottom
        self._data: list[bytes] = [_ZLIB_HEADER] if top == 0 else []
        self._crc = isal_zlib.crc32(b"IDAT" + b"".join(self._data))
        self._failure: BaseException | None = None
        self.checksum = _EMPTY_ADLER32
        self.size = (bottom - top) * filtered.shape[1]

    def deflate(self) -> None:
        top, bottom = self._top, self._bottom
        filtered = self._filtered[top:bottom]
        try:
            rows = self._take(max(0, top - 1), bottom)  # with the row above, for the differences
            filtered[:, 0] = _UP
            if top == 0:
                filtered[0, 1:] = rows[0]  # the row above the first one counts as 0
            np.subtract(rows[1:], rows[:-1], out=filtered[1 if top == 0 else 0 :, 1:])
            deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW_WINDOW_BITS)
            last = bottom == self._filtered.shape[0]
            self._add(deflate.compress(filtered))
            self._add(deflate.flush(isal_zlib.Z_FINISH if last else isal_zlib.Z_SYNC_FLUSH))
            self.checksum = isal_zlib.adler32(filtered)
        except BaseException as error:  # `check` raises it, on the thread that waits
            self._failure = error

    def check(self) -> None:
        """Raise the error that `deflate` had; EncodingFailed if it was the library's."""
        if isinstance(self._failure, isal_zlib.error):  # type: ignore[arg-type]  # its stub says that it is no class
            raise EncodingFailed(f"isal could not deflate a PNG: {self._failure}") from self._failure
        if self._failure is not None:
            raise self._failure

    def end(self, checksum: int) -> None:
        """End the stream of all stripes, with its checksum; this is the last stripe. RFC 1950, clause 2.2."""
        self._add(struct.pack(">I", checksum))

    def chunk(self) -> tuple[bytes, ...]:
        """Its IDAT chunk, in pieces."""
        size = sum(len(each) for each in self._data)
        return struct.pack(">I4s", size, b"IDAT"), *self._data, struct.pack(">I", self._crc)

    def _add(self, data: bytes) -> None:
        self._data.append(data)
        self._crc = isal_zlib.crc32(data, self._crc)


def _joined(before: int, after: int, size: int) -> int:
    """The Adler-32 of `before`'s bytes and then `after`'s, which are `size` bytes: RFC 1950, clause 8.2."""
    low = (before & 0xFFFF) - 1
    sums = low + (after & 0xFFFF), (before >> 16) + (after >> 16) + size * low
    return sums[0] % _ADLER32_MODULUS | sums[1] % _ADLER32_MODULUS << 16


def _chunk(name: bytes, data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(name))
    return struct.pack(">I", len(data)), name, data, struct.pack(">I", checksum)
