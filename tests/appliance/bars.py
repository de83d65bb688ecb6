"""The picture of libcamera's virtual camera: eight bars of equal width, a pixel farther left with each frame."""

from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

Colours = tuple[tuple[float, float, float], ...]

RGB = (
    (255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0),
)  # fmt: skip  # white, yellow, cyan, green, magenta, red, blue, black
YCBCR = tuple(
    (
        0.299 * r + 0.587 * g + 0.114 * b,
        min(128 - 0.168736 * r - 0.331264 * g + 0.5 * b, 255),
        min(128 + 0.5 * r - 0.418688 * g - 0.081312 * b, 255),
    )
    for r, g, b in RGB
)
"""The same in BT.601, full range, by JFIF 1.02, page 3."""


def what_is_wrong(picture: NDArray[np.uint8], colours: Colours, tolerance: float, edges: float = 0.02) -> str:
    """Why a picture, (height, width, 3), is not that of the bars in these colours, in order, wherever they begin.

    "" if it is. `tolerance` is how far a value may be off. The part `edges` of the pixels may be of any colour: those
    where bars meet.
    """
    rows = picture[:: max(1, picture.shape[0] // 20)]
    off = np.abs(rows[:, :, np.newaxis].astype(float) - np.array(colours)).max(axis=-1)
    bar, near = off.argmin(axis=-1), off.min(axis=-1) <= tolerance
    if near.mean() < 1 - edges:
        wrong = rows[~near]
        return f"{1 - near.mean():.1%} of the pixels are of none of the colours, such as {wrong[len(wrong) // 2]}"
    for each, good in zip(bar, near, strict=True):
        order = [int(key) for key, _ in groupby(each[good])]
        if len(order) not in (8, 9) or any((after - before) % 8 != 1 for before, after in pairwise(order)):
            return f"the bars are in the order {order}"
    return ""
