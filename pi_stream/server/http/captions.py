"""The captions of a camera, as JSON for scripts."""

from aiohttp import web
from msgspec import Struct

from pi_stream.captions.caption import Caption
from pi_stream.errors import NotFound
from pi_stream.protocol import parse_caption
from pi_stream.server.context import CONTEXT, stream_of
from pi_stream.server.http.json_response import json_response
from pi_stream.server.http.request_body import body_of
from pi_stream.server.security.access import address_of


class CaptionList(Struct, frozen=True):
    """All captions of a camera."""

    captions: tuple[Caption, ...]


async def list_captions(request: web.Request) -> web.Response:
    """GET /api/captions"""
    return json_response(CaptionList(stream_of(request).captions.all))


async def get_caption(request: web.Request) -> web.Response:
    """GET /api/captions/{id}"""
    wanted = request.match_info["id"]
    for caption in stream_of(request).captions.all:
        if caption.id == wanted:
            return json_response(caption)
    raise NotFound(f"there is no caption {wanted!r}")


async def post_caption(request: web.Request) -> web.Response:
    """POST /api/captions: create one; 201 with the caption as it is now."""
    request.app[CONTEXT].count_change(address_of(request))
    return json_response(stream_of(request).captions.put(parse_caption(await body_of(request))), 201)


async def put_caption(request: web.Request) -> web.Response:
    """PUT /api/captions/{id}: create that one, 201, or replace it."""
    captions, wanted = stream_of(request).captions, request.match_info["id"]
    request.app[CONTEXT].count_change(address_of(request))
    draft = parse_caption(await body_of(request), wanted)
    new = all(caption.id != wanted for caption in captions.all)
    return json_response(captions.put(draft), 201 if new else 200)


async def delete_caption(request: web.Request) -> web.Response:
    """DELETE /api/captions/{id}: 204"""
    request.app[CONTEXT].count_change(address_of(request))
    stream_of(request).captions.delete(request.match_info["id"])
    return web.Response(status=204)
