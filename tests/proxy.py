"""A network between a viewer and the service, for tests: as slow and as far as they like, and it can stop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_PIECE = 1448  # bytes that travel together: what fits into one packet of an Ethernet
_SOCKET_BYTES = 16_384  # that the proxy's own sockets hold: the queue is to be the one below
QUEUE_BYTES = 65_536  # that wait at the slow place of the network; a reader further ahead is held back


class Proxy:
    """Where it listens (`url`), and what it does to what the service sends; it may be changed at any time.

    `rate` is in bytes a second (None: any), `delay` in seconds for each direction.
    """

    def __init__(self, url: str, rate: float | None, delay: float) -> None:
        self.rate = rate
        self.delay = delay
        self.flows = asyncio.Event()  # cleared: nothing is read from the service, nothing reaches the viewer
        self.flows.set()
        self.url = ""
        self.carried = 0  # bytes, service to viewer
        parts = urlsplit(url)
        self._target = (str(parts.hostname), int(parts.port or 80))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: a pipe for each direction, until one of them ends."""
        upstream = socket.socket()
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BYTES)
        upstream.setblocking(False)
        await asyncio.get_running_loop().sock_connect(upstream, self._target)
        from_service, to_service = await asyncio.open_connection(sock=upstream, limit=_SOCKET_BYTES)
        try:
            pipes = [
                asyncio.create_task(_Pipe(self, slow=True).run(from_service, writer)),
                asyncio.create_task(_Pipe(self, slow=False).run(reader, to_service)),
            ]
            try:
                await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pipe in pipes:
                    pipe.cancel()
                await asyncio.gather(*pipes, return_exceptions=True)
        finally:
            writer.close()
            to_service.close()


class _Pipe:
    """One direction: pieces pass the slow place one after the other, and arrive `delay` later."""

    def __init__(self, proxy: Proxy, *, slow: bool) -> None:
        self._proxy = proxy
        self._slow = slow
        self._due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            async with asyncio.TaskGroup() as tasks:
                arriving = tasks.create_task(self._arrive(writer))
                await self._pass(reader)
                await self._due.join()
                arriving.cancel()

    async def _pass(self, reader: asyncio.StreamReader) -> None:
        clock = asyncio.get_running_loop().time
        free = clock()
        while piece := await reader.read(_PIECE if self._slow else 65_536):
            rate = self._proxy.rate if self._slow else None
            if self._slow:
                await self._proxy.flows.wait()
            free = max(free, clock())
            if rate is not None:
                free += len(piece) / rate
            self._due.put_nowait((free + self._proxy.delay, piece))
            if rate is not None and (ahead := free - clock() - QUEUE_BYTES / rate) > 0:
                await asyncio.sleep(ahead)

    async def _arrive(self, writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, piece = await self._due.get()
            if (early := due - clock()) > 0:
                await asyncio.sleep(early)
            if self._slow:
                await self._proxy.flows.wait()
                self._proxy.carried += len(piece)
            writer.write(piece)
            await writer.drain()
            self._due.task_done()


@asynccontextmanager
async def proxy(url: str, *, rate: float | None = None, delay: float = 0.0) -> AsyncIterator[Proxy]:
    """A proxy to the service at `url`, on a free port. `rate` in bytes a second, `delay` in seconds each way."""
    between = Proxy(url, rate, delay)
    connections: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            # Cancelled below; Python 3.11's asyncio logs a connection that ends so as an error.
            with suppress(asyncio.CancelledError):
                await between.serve(reader, writer)
        finally:
            connections.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        between.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield between
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
