"""The cookie of a session: its name and attributes."""

from aiohttp import web

from pi_stream.server.security.request_address import over_tls

_NAME = "pi-stream-session"


def cookie_of(request: web.Request) -> str | None:
    """The value of our cookie: RFC 6265, clause 4.2.1.

    Other services of this host may have set cookies whose names make the parser of some versions of aiohttp fail.
    """
    ours = _name(request)
    for line in request.headers.getall("Cookie", ()):
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == ours:
                return value
    return None


def set_cookie(answer: web.Response, request: web.Request, value: str, seconds: int) -> None:
    """Set the cookie. Without a Path it is valid for the page's path, also behind a prefix: RFC 6265, clause 5.1.4."""
    attributes = f"Max-Age={seconds}; HttpOnly; SameSite=Strict{'; Secure' if over_tls(request) else ''}"
    answer.headers.add("Set-Cookie", f"{_name(request)}={value}; {attributes}")


def _name(request: web.Request) -> str:
    # Browsers do not let http send or replace a cookie that was set over TLS: with the same name, a login by http would
    # fail as long as they keep it. With this prefix (RFC 6265bis), http cannot set one for https either.
    return f"__Secure-{_NAME}" if over_tls(request) else _NAME
