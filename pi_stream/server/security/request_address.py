"""How a request was addressed: by which host, over which connection, and how deep its path is.

aiohttp 3.11, Debian 13's, takes the scheme from the request line if that has a whole URL, and every version loses the
port there. A client could choose what is believed of its connection.
"""

from urllib.parse import urlsplit

from aiohttp import web


def over_tls(request: web.Request) -> bool:
    """Whether the connection is encrypted. False if the connection has ended."""
    return request.transport is not None and request.transport.get_extra_info("ssl_object") is not None


def host_of(request: web.Request) -> str:
    """The host, with the port if one was given, of the request line or else of Host (RFC 9112, clause 3.2.2)."""
    host = request.headers.get("Host", "")
    if request.raw_path.startswith("/"):
        return host
    try:
        return urlsplit(request.raw_path).netloc.rpartition("@")[2] or host
    except ValueError:
        return host


def path_to_root(request: web.Request) -> str:
    """The relative path from a request's path to the root of the service: "../../" from /cameras/door/.

    A relative path is right behind a reverse proxy with a path prefix, too. At the root it is "./".
    """
    return "../" * (request.rel_url.raw_path.count("/") - 1) or "./"
