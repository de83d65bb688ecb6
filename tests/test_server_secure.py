"""A connection over TLS, where the protocol that it is for fails."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from pi_stream.server.connection.tls_transport import over_tls_transport
from pi_stream.tls.self_signed import SelfSigned


@pytest.mark.parametrize(("error", "logged"), [(ZeroDivisionError("a bug"), True), (ConnectionResetError(), False)])
async def test_a_protocol_that_fails_ends_its_own_connection_only(
    error: Exception, logged: bool, tmp_path: Path
) -> None:
    """As without TLS: the event loop is told of a bug, not of somebody who left; and who let it in goes on."""
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    certificate = SelfSigned(tmp_path / "tls.pem", ["pi.local"]).current
    trusting = ssl.create_default_context(cadata=certificate.public)

    class Failing(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(b"hello")
            raise error

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        coming = asyncio.create_task(
            asyncio.open_connection(*listener.getsockname(), ssl=trusting, server_hostname="pi.local")
        )
        async with asyncio.timeout(20):
            connection, _ = await loop.sock_accept(listener)
            await over_tls_transport(connection, certificate.context, Failing, shutdown_timeout=1)
            reader, writer = await coming
            try:
                await reader.read()
            except (ConnectionError, ssl.SSLError):
                pass  # cut off
            finally:
                writer.close()
    assert [context["exception"] for context in told] == ([error] if logged else [])
