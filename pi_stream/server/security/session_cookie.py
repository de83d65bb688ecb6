"""The cookie of a session: what it is called, read and set."""

from aiohttp import web

from pi_stream.server.security.request_address import over_tls

_NAME = "pi-stream-session"


def cookie_of(request: web.Request) -> str | None:
    """Our cookie: RFC 6265, clause 4.2.1. Other services of this host may have set others, with names over which
    aiohttp's reader stumbles in some versions."""
    ours = _name(request)
    for line in request.headers.getall("Cookie", ()):
        for pair in line.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == ours:
                return value
    return None


def set_cookie(answer: web.Response, request: web.Request, value: str, seconds: int) -> None:
    """Without a path: it is then for where the page lies, behind a prefix too (RFC 6265, clause 5.1.4)."""
    attributes = f"Max-Age={seconds}; HttpOnly; SameSite=Strict{'; Secure' if over_tls(request) else ''}"
    answer.headers.add("Set-Cookie", f"{_name(request)}={value}; {attributes}")


def _name(request: web.Request) -> str:
    # Browsers do not let http send or replace a cookie that came over TLS: under the same name, a login by http would
    # come to nothing for as long as they keep it. With this prefix, RFC 6265bis', nor may http set one for https.
    return f"__Secure-{_NAME}" if over_tls(request) else _NAME
