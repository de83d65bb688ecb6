"""Programs that webhooks are sent to: one that works, and one that says anything at all."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.running import PATIENCE, free_port

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def ok(_: web.Request) -> web.StreamResponse:
    """The answer of a receiver that takes everything."""
    return web.Response()


def status(number: int, **headers: str) -> Answer:
    """An answer with this status."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=number, headers=headers)

    return answer


class Receiver:
    """Takes webhooks at `url` while it is started; `answer` says what it answers, and may be replaced at any time."""

    def __init__(self, trust: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.answer: Answer = ok
        self.requests: list[web.Request] = []
        self.url = f"{'http' if trust is None else 'https'}://{host}:{(port := free_port())}/hook"
        self._port = port
        self._trust = trust
        self._bodies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._trust).start()

    async def stop(self) -> None:
        """Listen no more, and close all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def next(self, event: str = "") -> dict[str, Any]:
        """The next body that came, whatever was answered; of this event, if one is named."""
        async with asyncio.timeout(PATIENCE):
            while True:
                body = await self._bodies.get()
                if event in ("", body["event"]):
                    return body

    def none_left(self) -> bool:
        """Whether `next` has given all that came."""
        return self._bodies.empty()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self._bodies.put_nowait(await request.json())
        return await self.answer(request)


@asynccontextmanager
async def receiver(trust: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """One that works."""
    made = Receiver(trust, host)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@asynccontextmanager
async def raw_receiver(answer: bytes, *, close: bool = True) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Its URL, for one that answers each request with these bytes; and what is set once one came.

    Without `close`, each connection stays open as long as the other side wants.
    """
    came = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            came.set()
            writer.write(answer)
            await writer.drain()
            if not close:
                await reader.read()  # until the other side closes
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has left
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", came
