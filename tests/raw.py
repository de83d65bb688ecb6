"""What no library would send: bytes written by hand to a service's port, and what comes back."""

import asyncio
import http.client
import socket
from dataclasses import dataclass

from tests.running import PATIENCE, Process, Running


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole."""

    status: int
    headers: dict[str, str]
    body: bytes


def port_of(service: Running | Process) -> int:
    """Where it listens."""
    return int(service.url.rstrip("/").rpartition(":")[2])


async def ask(service: Running | Process, request: bytes) -> Answer:
    """Send bytes, and read the answer to the first request in them."""
    return await asyncio.to_thread(_ask, port_of(service), request)


def _ask(port: int, request: bytes) -> Answer:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection, method=request.partition(b" ")[0].decode("latin-1"))
        response.begin()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


async def connect(service: Running | Process) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to its port, to be closed by who asks."""
    return await asyncio.open_connection("127.0.0.1", port_of(service))
