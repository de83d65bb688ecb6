"""How a request was addressed: by what host, and over what.

aiohttp 3.11, Debian 13's, takes the scheme from the request line where that holds a whole URL, and every version loses
the port there. Whoever asks would choose what is believed of the connection.
"""

from urllib.parse import urlsplit

from aiohttp import web


def over_tls(request: web.Request) -> bool:
    """Whether nobody on the way could read it. One that is gone is taken for one that was not."""
    return request.transport is not None and request.transport.get_extra_info("ssl_object") is not None


def host_of(request: web.Request) -> str:
    """Who is meant, with the port if one was said: by the request line or else the Host (RFC 9112, clause 3.2.2)."""
    said = request.headers.get("Host", "")
    if request.raw_path.startswith("/"):
        return said
    try:
        return urlsplit(request.raw_path).netloc.rpartition("@")[2] or said
    except ValueError:
        return said
