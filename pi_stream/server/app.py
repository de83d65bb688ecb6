"""The web floor: page, API, pictures and websocket, on one port. aiohttp lives here and nowhere else."""

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
from pi_stream.server.connection.connection_guard import HEADER_SIZE, answering
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

_LOOK = 5.0  # seconds between two looks at the addresses of this machine
_REMEMBERED = 64  # addresses that the log was told of
_SHUTDOWN_PATIENCE = 0.5  # seconds for requests that are under way
_BACKLOG = 512  # connections that may wait to be accepted
_LINGER = 5.0  # seconds for which the rest of a body is read that nobody wants, so that the answer is not lost
_KEEP_ALIVE = 1e6  # seconds: `connections` knows better how long one may stay

# The other end of a connection on which nothing is said is asked whether it is there: after so many seconds, again and
# again after so many, so many times. Who has left the Wi-Fi is so forgotten within half a minute: tcp(7).
_ASK = {socket.TCP_KEEPIDLE: 15, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3}


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
        """Raises SettingError when the address cannot be had."""
        settings = self._context.config.server
        listener = self._context.listener or _listen(settings.host, settings.port)
        self.port = listener.getsockname()[1]
        self._host = settings.host if self._context.listener is None else listener.getsockname()[0]
        for option, value in _ASK.items():
            listener.setsockopt(socket.IPPROTO_TCP, option, value)  # each connection that is accepted has it from here
        self.urls = self._urls()
        async with AsyncExitStack() as life:
            life.callback(listener.close)
            life.callback(self._context.connections.cut)
            connections = await _served(life, self._context, application(self._context, self._features))
            life.push_async_callback(self._context.viewers.close_all, 1001, "pi-stream is stopping")

            def viewers() -> int:
                return self._context.viewers.count

            if (identity := self._context.identity) is None:
                server = await accept(listener, connections, _BACKLOG, viewers)
                life.callback(server.close)
            else:
                plain = await _served(life, self._context, plain_application(self._context))
                door = TlsListener(
                    listener,
                    lambda: identity.certificate.context,
                    lambda: self._context.config.limits.header_timeout,
                    secure=connections,
                    plain=plain,
                    viewers=viewers,
                )
                await life.enter_async_context(door)
            self._life = life.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._life.__aexit__(kind, error, at)

    async def follow_addresses(self) -> None:
        """Keep `urls` right while addresses come, change and go, until cancelled; the log is told of those that come.

        One that goes and comes back, as over a bad Wi-Fi, is told once.
        """
        told = set(self.urls)
        while True:
            await asyncio.sleep(_LOOK)
            try:
                self.urls = self._urls()
            except OSError as error:  # to look takes a file descriptor, and there may be none left
                log.warning("the addresses of this machine cannot be looked up: %s", error.strerror)
            if new := [url for url in self.urls if url not in told]:
                log.info("the network came or changed; the page is now at %s", ", ".join(new))
                told = {*self.urls, *(told if len(told) < _REMEMBERED else ())}

    def _urls(self) -> tuple[str, ...]:
        scheme = "http" if self._context.identity is None else "https"
        return tuple(f"{scheme}://{host}:{self.port}/" for host in addresses(self._host))


async def _served(life: AsyncExitStack, context: AppContext, app: web.Application) -> Callable[[], asyncio.Protocol]:
    """Have an application ready until `life` ends; what is returned makes the protocol of each connection to it."""
    runner = web.AppRunner(
        app,
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN_PATIENCE,
        handler_cancellation=True,  # who goes away from an endless answer is noticed at once, not at the next frame
    )
    life.push_async_callback(runner.cleanup)
    await runner.setup()
    loop, server = asyncio.get_running_loop(), runner.server
    if server is None:
        raise RuntimeError("a runner that is set up has a server")

    def connection() -> HttpReader:
        no_log: Any = None  # which aiohttp's annotation forgets
        return HttpReader(
            server,
            loop=loop,
            access_log=no_log,
            keepalive_timeout=_KEEP_ALIVE,
            lingering_time=_LINGER,
            max_line_size=HEADER_SIZE,  # of each line; of all together, `turnstile` sees to it
            max_field_size=HEADER_SIZE,
            auto_decompress=False,  # `wellformed` refuses what is packed: some versions inflate it without a limit
        )

    return lambda: context.connections.protocol(connection)


def _listen(host: str, port: int) -> socket.socket:
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingError(f"[server] port: {port} is taken by another program; choose a free one") from None
        if error.errno == errno.EACCES:
            raise SettingError(f"[server] port: {port} needs root; choose one from 1024 up") from None
        raise SettingError(f"[server] host: cannot listen on {host!r}, port {port}: {error.strerror}") from None
    except (TypeError, ValueError) as error:  # what is no name at all; socket's words for it differ from case to case
        raise SettingError(f"[server] host: expected an address or a name, got {host!r} ({error})") from None
