"""The server: page, API, pictures and websocket on one port. Only this package imports aiohttp."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from pi_stream.errors import SettingError
from pi_stream.server.connection.accept import accept
from pi_stream.server.connection.connection_guard import MAX_HEADER_BYTES, answering
from pi_stream.server.connection.http_protocol import HttpReader
from pi_stream.server.connection.tls_listener import TlsListener
from pi_stream.server.context import CONTEXT, AppContext
from pi_stream.server.errors import errors
from pi_stream.server.http.https_redirect import plain_application
from pi_stream.server.route import Route, RouteTable
from pi_stream.server.routes import all_routes
from pi_stream.server.security.authorize import authorize
from pi_stream.server.security.local_addresses import addresses
from pi_stream.server.security.origin_check import origin_check
from pi_stream.server.security.request_check import wellformed
from pi_stream.server.security.response_headers import add_headers

log = logging.getLogger(__name__)

_ADDRESS_CHECK_PERIOD_S = 5.0  # between two checks of this machine's addresses
_MAX_LOGGED_ADDRESSES = 64  # that are remembered, so that each is logged once
_SHUTDOWN_TIMEOUT_S = 0.5  # for requests in progress
_MAX_WAITING_CONNECTIONS = 512  # to be accepted
_LINGER_S = 5.0  # for reading the rest of the body of an answered request, so that the response is not lost
_KEEP_ALIVE_S = 1e6  # no limit: `Connections` closes idle connections

# TCP keepalive, in seconds: first probe, interval, number of probes (tcp(7)). A client that has left the network is
# disconnected after half a minute.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}


def application(context: AppContext, features: Iterable[Route] = ()) -> web.Application:
    """The application: the rows of the server, and those of `features`."""
    table = RouteTable([*all_routes(context.www), *features])
    app = web.Application(
        middlewares=[answering, errors, wellformed, origin_check(context), authorize(context.access, table)]
    )
    app[CONTEXT] = context
    table.add_to(app)
    app.on_response_prepare.append(add_headers(lambda: context.config.server.origins, table))
    return app


class Server:
    """Listens while its block runs; `urls` are the addresses at which a browser finds it.

    `features` are the routes of the features.
    """

    def __init__(self, context: AppContext, features: Iterable[Route] = ()) -> None:
        self._context = context
        self._features = tuple(features)
        self._life = AsyncExitStack()
        self.urls: tuple[str, ...] = ()
        self._host = ""

    async def __aenter__(self) -> Self:
        """Raises SettingError if the address cannot be used."""
        settings = self._context.config.server
        listener = self._context.listener or _listen(settings.host, settings.port)
        self.port = listener.getsockname()[1]
        self._host = settings.host if self._context.listener is None else listener.getsockname()[0]
        for option, value in _KEEPALIVE.items():
            listener.setsockopt(socket.IPPROTO_TCP, option, value)  # accepted connections inherit it
        self.urls = self._urls()
        async with AsyncExitStack() as life:
            life.callback(listener.close)
            life.callback(self._context.connections.abort_all)
            connections = await _served(life, self._context, application(self._context, self._features))
            life.push_async_callback(self._context.viewers.close_all, 1001, "pi-stream is stopping")

            def viewers() -> int:
                return self._context.viewers.count

            if (identity := self._context.identity) is None:
                server = await accept(listener, connections, _MAX_WAITING_CONNECTIONS, viewers)
                life.callback(server.close)
            else:
                plain = await _served(life, self._context, plain_application(self._context))
                tls_listener = TlsListener(
                    listener,
                    lambda: identity.certificate.context,
                    lambda: self._context.config.limits.header_timeout,
                    secure=connections,
                    plain=plain,
                    viewers=viewers,
                )
                await life.enter_async_context(tls_listener)
            self._life = life.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._life.__aexit__(kind, error, at)

    async def follow_addresses(self) -> None:
        """Update `urls` when addresses change, and log new ones, until cancelled.

        An address that goes and comes back, as on a bad Wi-Fi, is logged once.
        """
        logged = set(self.urls)
        while True:
            await asyncio.sleep(_ADDRESS_CHECK_PERIOD_S)
            try:
                self.urls = self._urls()
            except OSError as error:  # no file descriptor may be left
                log.warning("the addresses of this machine cannot be read: %s", error.strerror)
            if new := [url for url in self.urls if url not in logged]:
                log.info("the network changed; the page is now at %s", ", ".join(new))
                logged = {*self.urls, *(logged if len(logged) < _MAX_LOGGED_ADDRESSES else ())}

    def _urls(self) -> tuple[str, ...]:
        scheme = "http" if self._context.identity is None else "https"
        return tuple(f"{scheme}://{host}:{self.port}/" for host in addresses(self._host))


async def _served(life: AsyncExitStack, context: AppContext, app: web.Application) -> Callable[[], asyncio.Protocol]:
    """Set an application up until `life` ends; the returned function makes the protocol of each connection to it."""
    runner = web.AppRunner(
        app,
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN_TIMEOUT_S,
        handler_cancellation=True,  # a client that leaves an endless response is noticed at once, not at the next frame
    )
    life.push_async_callback(runner.cleanup)
    await runner.setup()
    loop, server = asyncio.get_running_loop(), runner.server
    if server is None:
        raise RuntimeError("a runner that is set up has a server")

    def connection() -> HttpReader:
        no_log: Any = None  # None is missing in aiohttp's annotation
        return HttpReader(
            server,
            loop=loop,
            access_log=no_log,
            keepalive_timeout=_KEEP_ALIVE_S,
            lingering_time=_LINGER_S,
            max_line_size=MAX_HEADER_BYTES,  # of each line; `ConnectionGuard` limits all lines together
            max_field_size=MAX_HEADER_BYTES,
            auto_decompress=False,  # `wellformed` refuses compressed bodies: some versions inflate them without a limit
        )

    return lambda: context.connections.protocol(connection)


def _listen(host: str, port: int) -> socket.socket:
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_MAX_WAITING_CONNECTIONS
            )
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_MAX_WAITING_CONNECTIONS)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingError(f"[server] port: {port} is taken by another program; choose a free one") from None
        if error.errno == errno.EACCES:
            raise SettingError(f"[server] port: {port} needs root; choose one from 1024 up") from None
        raise SettingError(f"[server] host: cannot listen on {host!r}, port {port}: {error.strerror}") from None
    except (TypeError, ValueError) as error:  # not a valid name; socket's messages differ
        raise SettingError(f"[server] host: expected an address or a name, got {host!r} ({error})") from None
