"""A patch: a drawn text, prepared to be blended into the planes of any number of frames."""

import numpy as np
from numpy.typing import NDArray

from pi_stream.media.colour import ycc_from_rgb
from pi_stream.media.frame import Frame

_ROWS_AT_ONCE = 64  # that are converted, so that a large patch needs little memory for floats


class Patch:
    """Pixels at one position of a picture, converted to I420 and multiplied with their alpha once.

    `pixels` is (height, width, 4) uint8: red, green, blue and straight alpha. `x` and `y` are the position of its top
    left corner, in pixels of a picture of `size` (width, height). Pixels outside the picture and transparent margins
    are cut off: every pixel takes time in every frame.

    Alpha is scaled to 0 to 256, and the added colour has 8 bits of fraction, so that blending is one multiplication,
    one addition and one shift in 16 bits. At alpha 0 the result is exactly the picture's pixel, at alpha 255 exactly
    the colour. A chroma pixel has the mean alpha of its four pixels, and their mean colour, weighted by alpha.
    """

    def __init__(self, pixels: NDArray[np.uint8], x: int, y: int, size: tuple[int, int]) -> None:
        pixels, x, y = _trimmed(pixels, x, y)
        left, top = min(max(x, 0), size[0]), min(max(y, 0), size[1])
        right, bottom = max(min(x + pixels.shape[1], size[0]), left), max(min(y + pixels.shape[0], size[1]), top)
        self.size = size
        # Chroma has half the pixels in each direction, so the patch begins and ends at even pixels.
        self._x, self._y = left // 2 * 2, top // 2 * 2
        width, height = (right + 1) // 2 * 2 - self._x, (bottom + 1) // 2 * 2 - self._y
        self._luma = np.empty((2, height, width), dtype=np.uint16)  # the picture's factor, and what is added
        self._chroma_stays = np.empty((height // 2, width // 2), dtype=np.uint16)
        self._chroma_added = np.empty((2, height // 2, width // 2), dtype=np.uint16)
        for row in range(0, height, _ROWS_AT_ONCE):
            rows = min(_ROWS_AT_ONCE, height - row)
            part = np.zeros((rows, width, 4), dtype=np.uint8)
            first, last = max(top, self._y + row), min(bottom, self._y + row + rows)
            part[first - self._y - row : last - self._y - row, left - self._x : right - self._x] = pixels[
                first - y : last - y, left - x : right - x
            ]
            self._convert(part, row)

    @property
    def area(self) -> int:
        """How many pixels of the picture it covers."""
        return int(self._luma[0].size)

    def blend(self, frame: Frame) -> None:
        """Blend into a frame, in place. Raises ValueError for a frame of another size than the patch was made for."""
        if (frame.width, frame.height) != self.size:
            raise ValueError(
                f"a patch for {self.size[0]}x{self.size[1]} was given a {frame.width}x{frame.height} frame"
            )
        if not self.area:
            return
        stays, added = self._luma
        height, width = stays.shape
        _mix(frame.y[self._y : self._y + height, self._x : self._x + width], stays, added)
        # U and V are adjacent in memory, so one array has both.
        chroma = frame.data[frame.width * frame.height :].reshape(2, frame.height // 2, frame.width // 2)
        y, x = self._y // 2, self._x // 2
        _mix(chroma[:, y : y + height // 2, x : x + width // 2], self._chroma_stays, self._chroma_added)

    def _convert(self, part: NDArray[np.uint8], row: int) -> None:
        height = len(part)
        ycc = np.minimum(np.rint(ycc_from_rgb(part[..., :3])), 255)  # whole, so that alpha 255 gives them exactly
        alpha = part[..., 3].astype(np.float32)
        self._luma[0, row : row + height] = 256 - np.rint(alpha * (256 / 255))
        self._luma[1, row : row + height] = _weighed(ycc[..., 0], alpha)
        alpha_sum = _fours(alpha)
        chroma_rows = slice(row // 2, (row + height) // 2)
        self._chroma_stays[chroma_rows] = 256 - np.rint(alpha_sum * (256 / 255 / 4))
        for plane in (0, 1):
            colour = _fours(ycc[..., 1 + plane] * alpha) / np.maximum(alpha_sum, 1e-9)
            self._chroma_added[plane, chroma_rows] = _weighed(colour, alpha_sum / 4)


def _trimmed(pixels: NDArray[np.uint8], x: int, y: int) -> tuple[NDArray[np.uint8], int, int]:
    drawn = pixels[..., 3] > 0
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not rows.size:
        return pixels[:0, :0], x, y
    top, left = int(rows[0]), int(columns[0])
    return pixels[top : rows[-1] + 1, left : columns[-1] + 1], x + left, y + top


def _fours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sums of each 2 x 2 values."""
    return values[::2, ::2] + values[::2, 1::2] + values[1::2, ::2] + values[1::2, 1::2]


def _weighed(colour: NDArray[np.floating], alpha: NDArray[np.floating]) -> NDArray[np.float32]:
    """What a colour adds, in 256ths, plus 128, so that the shift rounds."""
    return np.asarray(np.rint(colour * np.rint(alpha * (256 / 255))) + 128, dtype=np.float32)


def _mix(plane: NDArray[np.uint8], stays: NDArray[np.uint16], added: NDArray[np.uint16]) -> None:
    mixed = plane * stays  # at most 255 * 256, which fits 16 bits
    mixed += added  # the sum is at most 255 * 256 + 128, since the two factors add up to 256
    mixed >>= 8
    plane[...] = mixed
