"""An answer in JSON."""

import msgspec
from aiohttp import web


def json_response(value: object, status: int = 200) -> web.Response:
    """What msgspec can encode, as JSON that no cache keeps."""
    return web.Response(
        body=msgspec.json.encode(value),
        content_type="application/json",
        status=status,
        headers={"Cache-Control": "no-store"},
    )
