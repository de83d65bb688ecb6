"""Responses to plain http on a port that speaks https: a redirect, and the page about the browser's warning."""

from aiohttp import web

from pi_stream.auth.rights import Right
from pi_stream.server.connection.connection_guard import answering
from pi_stream.server.context import CONTEXT, AppContext
from pi_stream.server.errors import errors, refusal
from pi_stream.server.http.certificate import certificate_page
from pi_stream.server.http.page_files import routes
from pi_stream.server.route import Route, RouteTable
from pi_stream.server.security.origin_check import opens_websocket, origin_check
from pi_stream.server.security.request_address import host_of
from pi_stream.server.security.request_check import wellformed
from pi_stream.server.security.response_headers import add_headers

# Files of the page about the certificate. A browser would not load them by https before it accepts the certificate.
_SUFFIXES = (".css", ".svg")


def plain_application(context: AppContext) -> web.Application:
    """The application for plain http. It shows nothing of the cameras: anyone on the network could read it."""
    app = web.Application(middlewares=[answering, errors, wellformed, origin_check(context)])
    app[CONTEXT] = context
    table = RouteTable(
        [
            Route("GET", "/certificate", certificate_page, Right.NOTHING),
            *(row for row in routes(context.www) if row.path.endswith(_SUFFIXES)),
            Route("*", "/{any:.*}", _redirect, Right.NOTHING),
        ]
    )
    table.add_to(app)
    app.on_response_prepare.append(add_headers(lambda: context.config.server.origins, table))
    return app


async def _redirect(request: web.Request) -> web.Response:
    """To the same path by https. A request that changes something has been sent in the clear already: 403."""
    location = f"https://{host_of(request)}{request.rel_url}"
    if request.method not in ("GET", "HEAD") or opens_websocket(request):
        return refusal(403, "https-needed", f"this service speaks https: {location}")
    # Not permanent: the settings may switch https off again.
    return web.Response(status=307, headers={"Location": location})
