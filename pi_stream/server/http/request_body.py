"""The body of a request, with limits of size and time."""

import asyncio

from aiohttp import web

from pi_stream.server.context import CONTEXT
from pi_stream.server.security.access import address_of


async def body_of(request: web.Request) -> bytes:
    """The whole body. Raises HTTPRequestEntityTooLarge, and HTTPRequestTimeout if its end does not arrive in time."""
    context = request.app[CONTEXT]
    limits, address = context.config.limits, address_of(request)
    try:
        async with asyncio.timeout(limits.body_timeout):
            body = bytearray()
            while len(body) <= limits.request_size and (chunk := await request.content.readany()):
                body += chunk
    except TimeoutError:
        text = f"the body of a request did not arrive within {limits.body_timeout:g} s (limits.body_timeout)"
        context.refusals.count("limits.body_timeout", address, text)
        raise web.HTTPRequestTimeout(text=text) from None
    if len(body) > limits.request_size:
        text = f"the body of a request was longer than {limits.request_size} bytes (limits.request_size)"
        context.refusals.count("limits.request_size", address, text)
        raise web.HTTPRequestEntityTooLarge(limits.request_size, len(body), text=text)
    return bytes(body)
