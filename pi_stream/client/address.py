"""Addresses of a pi-stream and of its cameras."""

import re
from urllib.parse import unquote, urlsplit, urlunsplit

from pi_stream.errors import BadMessage

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_CAMERA_PATH = re.compile(r"/cameras/(?P<name>[a-z0-9-]{1,32})\Z")
_CAMERA_NAME = re.compile(r"[a-z0-9-]{1,32}")


def websocket_url(url: str, camera: str | None = None) -> str:
    """The address of the websocket of a camera of the pi-stream at `url`, which may be the page of a camera.

    `camera` is a name; None: the camera that `url` names, or else the service's first camera. Raises BadMessage if that
    is no address or no name, or if both name a camera, and not the same one.
    """
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        scheme = _SCHEMES.get(parts.scheme)
        right = scheme is not None and bool(parts.hostname) and parts.port != 0  # asking for the port checks it
    except ValueError:
        right = False
    if not right or scheme is None:
        raise BadMessage(f"expected an address such as http://raspberrypi.local:8000, got {url!r}")
    path = parts.path.removesuffix("/ws").rstrip("/")
    if camera is not None:
        path = _camera_path(path, camera)
    return urlunsplit((scheme, parts.netloc, f"{path}/ws", "", ""))


def _camera_path(path: str, camera: str) -> str:
    if not _CAMERA_NAME.fullmatch(camera):
        raise BadMessage(f"camera: expected a name of 1 to 32 of a-z, 0-9 and -, got {camera!r}")
    if (named := _CAMERA_PATH.search(path)) is None:
        return f"{path}/cameras/{camera}"
    if named["name"] != camera:
        raise BadMessage(f"camera: the address is that of {named['name']!r}, got {camera!r}")
    return path


def without_password(url: str) -> str:
    """The address as messages may show it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def password_of(url: str) -> str | None:
    """The password in an address; None if it has none. Raises BadMessage if it is no UTF-8.

    It is decoded here, because websockets 15 and 16 send its percent escapes as they are.
    """
    if (escaped := urlsplit(url).password) is None:
        return None
    try:
        return unquote(escaped, errors="strict")
    except UnicodeDecodeError:
        raise BadMessage("the password in the address: expected percent escapes of UTF-8, got others") from None
