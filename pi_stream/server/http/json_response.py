"""A response in JSON."""

import msgspec
from aiohttp import web


def json_response(value: object, status: int = 200) -> web.Response:
    """What msgspec can encode, as JSON."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json", status=status)
