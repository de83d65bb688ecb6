"""A picture of a text alone, encoded: the answer of `/ws/text`."""

import io
from typing import Literal

import numpy as np
from PIL import Image

from pi_stream.encoders.png import png_file
from pi_stream.overlay.text import render_text

_JPEG_QUALITY = 90  # text has sharp edges


def picture_of_text(
    text: str, encoding: Literal["rgba", "png", "jpeg"], width: int, height: int, color: str, background: str
) -> bytes:
    """Draw `text` as large as it fits in `width` x `height` pixels; colours as in a caption.

    `rgba` is width * height * 4 bytes, straight alpha, top row first. JPEG has no transparency: its text is on white.
    Raises BadMessage for an invalid colour, EncodingFailed, and OSError if a font cannot be read.
    """
    pixels = render_text(text, width, height, color=color, background=background)
    if encoding == "rgba":
        return pixels.tobytes()
    if encoding == "png":
        return png_file(pixels.reshape(height, width * 4), 4)
    alpha = pixels[..., 3:].astype(np.uint16)
    on_white = (pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    file = io.BytesIO()
    Image.fromarray(on_white.astype(np.uint8)).save(file, "JPEG", quality=_JPEG_QUALITY, subsampling="4:4:4")
    return file.getvalue()
