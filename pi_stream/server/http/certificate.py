"""The page that explains the browser's warning about the certificate, and the certificate itself, for tools."""

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from pi_stream.server.context import CONTEXT, AppContext
from pi_stream.server.security.request_address import host_of

if TYPE_CHECKING:
    from pi_stream.tls.certificate import Certificate

_OWN = "the camera has made itself"
_GIVEN = "the camera's owner has given it"


async def certificate_page(request: web.Request) -> web.Response:
    """GET /certificate: also over http, for people whose browser does not accept the certificate yet."""
    context = request.app[CONTEXT]
    certificate = _certificate(context)
    facts = {
        "page": f"https://{host_of(request)}/",
        "kind": _OWN if context.identity is not None and context.identity.self_signed else _GIVEN,
        "names": ", ".join(sorted(certificate.names)),
        "ends": f"{certificate.ends:%Y-%m-%d}",
        "fingerprint": certificate.fingerprint,
        "pin": certificate.pin,
    }
    text = (context.www / "certificate.html").read_text(encoding="utf-8")
    for name, value in facts.items():
        text = text.replace(f"<!--{name}-->", escape(value))
    return web.Response(text=text, content_type="text/html")


async def certificate_file(request: web.Request) -> web.Response:
    """GET /certificate.pem: for curl's --cacert and similar options."""
    text = _certificate(request.app[CONTEXT]).public
    return web.Response(text=text, content_type="application/x-pem-file")


def _certificate(context: AppContext) -> "Certificate":
    if context.identity is None:
        raise web.HTTPNotFound(text='there is no certificate: [tls] mode is "off"')
    return context.identity.certificate
