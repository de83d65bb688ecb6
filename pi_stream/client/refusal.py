"""What a service refuses, as the errors of this package."""

import json

import websockets

from pi_stream.errors import Disconnected, NotFound, Refused


def refused(code: str, text: str) -> Refused:
    """The error of an `error` message."""
    kinds = {kind.code: kind for kind in Refused.__subclasses__()}
    return kinds.get(code, Refused)(text)


def refused_handshake(url: str, error: websockets.InvalidStatus) -> Disconnected | NotFound:
    """The error of a handshake that is answered with an HTTP status: NotFound if there is no such camera."""
    try:
        detail = json.loads(error.response.body or b"")["error"]
        code, reason = str(detail["code"]), str(detail["message"])
    except (ValueError, KeyError, TypeError):  # no pi-stream's response
        return Disconnected(f"no pi-stream answers at {url}: {error}")
    if code == NotFound.code:
        return NotFound(f"{url}: {reason}")
    return Disconnected(f"{url} refused this viewer: {reason}")
