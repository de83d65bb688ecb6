"""The encodings of a frame: one row each. What the wire, HTTP and the doctor say of an encoding comes from its row."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

Encoding = Literal["jpeg", "png", "i420", "rgba", "h264"]  # the names in the rows below; a test compares


class EncodingRow(NamedTuple):
    """What is known of one encoding."""

    name: Encoding
    number: int  # in the frame header, 1 to 255: docs/protocol.md
    lossy: bool  # whether `quality` (1 to 100) has an effect
    media_type: str  # of a file or an HTTP body
    library: str | None  # the Python package that does the work; None: there is no encoder


# In the order in which a service offers them.
_ROWS = (
    EncodingRow("jpeg", 4, True, "image/jpeg", "simplejpeg"),
    EncodingRow("png", 3, False, "image/png", "isal"),
    EncodingRow("i420", 2, False, "application/octet-stream", "numpy"),
    EncodingRow("rgba", 1, False, "application/octet-stream", "av"),
    EncodingRow("h264", 5, True, "video/mp4", None),
)

ENCODINGS: Mapping[Encoding, EncodingRow] = MappingProxyType({row.name: row for row in _ROWS})
