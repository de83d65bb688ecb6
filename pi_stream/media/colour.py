"""The one colour space of every frame: BT.601, full range, which is what JPEG means by YCbCr.

Formulas: ITU-T T.871 (JFIF), clause 7. Y is 0 (black) to 255 (white); Cb and Cr are 128 where there is no colour.
"""

import numpy as np
from numpy.typing import NDArray


def ycc_from_rgb(rgb: NDArray[np.generic]) -> NDArray[np.float32]:
    """Convert (..., 3) R, G, B of 0 to 255 to (..., 3) float32 Y, Cb, Cr, unrounded, within 0 to 255.5."""
    matrix = np.array(
        [
            [0.299, 0.587, 0.114],
            [-0.168735892, -0.331264108, 0.5],
            [0.5, -0.418687589, -0.081312411],
        ],
        dtype=np.float32,
    )
    return rgb.astype(np.float32) @ matrix.T + np.array([0, 128, 128], dtype=np.float32)


def rgb_from_ycc(ycc: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Convert (..., 3) Y, Cb, Cr of 0 to 255 to (..., 3) uint8 R, G, B, rounded to the nearest and clipped."""
    y, cb, cr = np.moveaxis(ycc.astype(np.float32), -1, 0) - np.array([0, 128, 128], dtype=np.float32).reshape(
        3, *([1] * (ycc.ndim - 1))
    )
    rgb = np.stack([y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb], axis=-1)
    rounded: NDArray[np.uint8] = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return rounded
