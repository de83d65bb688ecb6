"""The picture of a text alone: what the smallest client there is gets."""

import io
from typing import Literal

import numpy as np
from PIL import Image

from pi_stream.encoders.png import png_file
from pi_stream.overlay import render_text

_QUALITY = 90  # of the JPEG: text has sharp edges


def picture_of_text(
    text: str, encoding: Literal["rgba", "png", "jpeg"], width: int, height: int, color: str, background: str
) -> bytes:
    """Draw `text` as large as fits in width x height pixels; colours as in a caption.

    `rgba` is width * height * 4 bytes, straight alpha, top down. JPEG knows no transparency: it lies on white.
    """
    pixels = render_text(text, width, height, color=color, background=background)
    if encoding == "rgba":
        return pixels.tobytes()
    if encoding == "png":
        return png_file(pixels.reshape(height, width * 4), 4)
    alpha = pixels[..., 3:].astype(np.uint16)
    on_white = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    file = io.BytesIO()
    Image.fromarray(on_white.astype(np.uint8)).save(file, "JPEG", quality=_QUALITY, subsampling="4:4:4")
    return file.getvalue()
