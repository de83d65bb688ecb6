"""What is answered to plain http at a port that speaks TLS: where to look, and why a browser warns there."""

from aiohttp import web

from pi_stream.server.connection.connection_guard import answering
from pi_stream.server.context import CONTEXT, AppContext
from pi_stream.server.errors import errors, refusal
from pi_stream.server.http.certificate import certificate_page
from pi_stream.server.http.page_files import routes
from pi_stream.server.security.origin_check import opens_websocket, origin_check
from pi_stream.server.security.request_address import host_of
from pi_stream.server.security.request_check import expecting, wellformed
from pi_stream.server.security.response_headers import add_headers

_LOOKS = (".css", ".svg")  # of files that the explaining page is made with: from there, a browser would not take them


def plain_application(context: AppContext) -> web.Application:
    """Nothing of the camera: whoever listens on the network could read it."""
    app = web.Application(middlewares=[answering, errors, wellformed, origin_check(context)])
    app[CONTEXT] = context
    app.on_response_prepare.append(add_headers(lambda: context.config.server.origins))
    app.add_routes(
        expecting(route)
        for route in [
            web.get("/certificate", certificate_page),
            *(route for route in routes(context.www) if route.path.endswith(_LOOKS)),
            web.route("*", "/{any:.*}", _elsewhere),
        ]
    )
    return app


async def _elsewhere(request: web.Request) -> web.Response:
    """To the same place by https. What changes something has been overheard already, so it is refused instead."""
    there = f"https://{host_of(request)}{request.rel_url}"
    if request.method not in ("GET", "HEAD") or opens_websocket(request):
        return refusal(403, "https-needed", f"this service speaks https: {there}")
    # For this time only: the settings may say http again.
    return web.Response(status=307, headers={"Location": there, "Cache-Control": "no-store"})
