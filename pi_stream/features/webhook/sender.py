"""One POST to the receiver, and in which way it failed."""

import asyncio
import os
import socket
import ssl
from concurrent.futures import Future
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from pi_stream import __version__
from pi_stream.errors import SettingError
from pi_stream.features.webhook.settings import WebhookSettings
from pi_stream.lib.daemon_thread import in_daemon_thread

_READ_SIZE = 4096  # bytes that are read ahead of an answer's body; none of it is used
_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}  # and all from 500 up
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"pi-stream/{__version__}"}


class NotDelivered(Exception):
    """The receiver did not take a message. The text says why, and has nothing of the URL but scheme, host and port.

    `answered`: the receiver answered. `final`: the same message would be refused again.
    """

    def __init__(self, reason: str, *, answered: bool = False, final: bool = False) -> None:
        super().__init__(reason)
        self.answered = answered
        self.final = final


class Sender:
    """Sends to the URL of these settings while its block runs."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._life = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises SettingError if the certificates to trust cannot be read."""
        secure = self._settings.url.startswith("https:")
        trust = await asyncio.to_thread(trusted, self._settings.ca_file) if secure else True
        self._session = await self._life.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    force_close=True, limit=1, resolver=_Resolver(), use_dns_cache=False, ssl=trust
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
                auto_decompress=False,
                read_bufsize=_READ_SIZE,
            )
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._life.__aexit__(kind, error, at)

    async def send(self, body: bytes) -> None:
        """Send this JSON. Raises NotDelivered."""
        try:
            async with self._session.post(
                self._settings.url, data=body, headers=_HEADERS, allow_redirects=False
            ) as answer:
                status = answer.status
        except TimeoutError:
            raise NotDelivered(f"no answer within {self._settings.timeout:g} seconds") from None
        except aiohttp.ClientConnectorDNSError as error:
            raise NotDelivered(
                f"the name cannot be looked up: {error.os_error.strerror or 'the system gives no reason'}"
            ) from None
        except aiohttp.ClientConnectorCertificateError as error:
            why = getattr(error.certificate_error, "verify_message", "") or "it is not valid"
            raise NotDelivered(f"the certificate is not trusted: {why}") from None
        except aiohttp.ClientSSLError:
            raise NotDelivered("there is no https at this address") from None
        except aiohttp.ServerDisconnectedError:
            raise NotDelivered("the connection was closed without an answer") from None
        except aiohttp.InvalidURL:
            raise NotDelivered("the host in the URL is not valid") from None
        except aiohttp.ClientResponseError:
            raise NotDelivered("the answer is not valid HTTP", answered=True) from None
        except OSError as error:  # aiohttp's own, and want of file descriptors
            raise NotDelivered(_words(error)) from None
        except aiohttp.ClientError as error:
            raise NotDelivered(f"the request failed: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise NotDelivered(_answer(status), answered=True, final=status < 500 and status not in _AGAIN)


def place(url: str) -> str:
    """Where a URL leads, without what in it may be secret: user, password, path and query."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def trusted(ca_file: str) -> ssl.SSLContext:
    """The system's certificates, and those of this file if it has a name. Blocks. Raises SettingError."""
    trust = ssl.create_default_context()
    if ca_file:
        try:
            trust.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise SettingError(f"[webhook] ca_file: expected certificates in PEM, got none in {ca_file}") from None
        except OSError as error:
            raise SettingError(f"[webhook] ca_file: {ca_file} cannot be read: {error.strerror}") from None
    return trust


class _Resolver(AbstractResolver):
    """Looks the receiver's name up on a daemon thread, one at a time: the system's resolver may hang for long.

    asyncio's own threads have frames to draw, and a process that ends waits for them.
    """

    def __init__(self) -> None:
        self._asked: Future[list[ResolveResult]] | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See aiohttp. Raises OSError."""
        if self._asked is None or self._asked.done():
            self._asked = in_daemon_thread(partial(_addresses, host, port, family))
        return await asyncio.wrap_future(self._asked)

    async def close(self) -> None:
        """See aiohttp: there is nothing to close."""


def _addresses(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    numeric = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return [
        ResolveResult(
            hostname=host,
            # With the interface's name, if it is a link-local address.
            host=socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0],
            port=port,
            family=kind,
            proto=protocol,
            flags=numeric,
        )
        for kind, _, protocol, _, address in found
    ]


def _answer(status: int) -> str:
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = str(status)
    hint = "; redirects are not followed, webhook.url must be the final address" if 300 <= status < 400 else ""
    return f"the answer was {phrase}{hint}"


def _words(error: OSError) -> str:
    """The system's words, without aiohttp's, which may quote the URL."""
    inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return os.strerror(inner.errno) if inner.errno else "the connection failed"
