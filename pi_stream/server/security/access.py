"""What a request may do, by its token, password, link or session. With [auth] mode "open", it may do everything."""

import asyncio
import hmac
import logging
import secrets
import time
from base64 import b64decode
from binascii import Error as Base64Error
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from pi_stream.auth import store
from pi_stream.auth.credentials import SESSION_S, Credentials, in_time
from pi_stream.auth.rights import EVERYTHING, Grant, Right
from pi_stream.auth.throttle import Throttle
from pi_stream.config.settings import AuthSettings
from pi_stream.errors import LimitReached, SettingError
from pi_stream.server.security.live_sessions import LiveSessions
from pi_stream.server.security.request_address import over_tls
from pi_stream.server.security.session_cookie import cookie_of

log = logging.getLogger(__name__)

_CHECK_PERIOD_S = 1.0  # between two checks of the file
_MAX_CACHED_PASSWORDS = 64  # correct ones that clients sent with their requests
_MAX_WAITING_PASSWORDS = 8  # to be checked; each takes a fraction of a second


class LoginNeeded(Exception):
    """The request does not prove the right that it needs; the text says why."""


def address_of(request: web.Request) -> str:
    """The client's address; an IPv4 address has no IPv6 prefix, even if the socket accepts both."""
    return (request.remote or "").removeprefix("::ffff:")


@dataclass
class Access:
    """Checks what requests prove. `live_sessions` are the connections that end with the grant that allowed them."""

    settings: AuthSettings
    file: Path
    now: Callable[[], float] = time.time
    throttle: Throttle = field(default_factory=Throttle)

    def __post_init__(self) -> None:
        """Reads the file of passwords, which blocks shortly. Raises SettingError if it is damaged."""
        self.keys: Credentials | None = None
        self.live_sessions = LiveSessions()
        self._version: tuple[int, int, int] | None = None
        self._valid: frozenset[str] = frozenset()
        self._cached: OrderedDict[bytes, Grant] = OrderedDict()
        self._cache_key = secrets.token_bytes(32)  # the key of the cache's digests
        self._trying, self._waiting = asyncio.Lock(), 0
        if not self.open:
            self._version = store.version(self.file)
            keys = store.load(self.file)
            self._take(keys)
            if keys is None or not keys.passwords:
                log.warning("[auth] mode is password, and none is set: set one with `pi-stream password`")

    @property
    def open(self) -> bool:
        """Whether all requests may do everything."""
        return self.settings.mode == "open"

    @property
    def everybody(self) -> Grant:
        """The grant of a request that proves nothing."""
        if self.open:
            return EVERYTHING
        return Grant(Right.VIEW if self.settings.view == "open" else Right.NOTHING)

    # --- the grant of a request

    async def grant(self, request: web.Request, *, linkable: bool = False) -> Grant:
        """What a request may do; `linkable`: a link may open its path, and gives the right to view.

        Raises LoginNeeded for a wrong password or token, LimitReached for too many.
        """
        if self.open:
            return EVERYTHING
        if (shown := request.headers.get("Authorization")) is not None:
            return await self._by_header(shown, address_of(request))
        found: Grant | None = None
        if self.keys is not None:
            if linkable and (link := request.query.get("access")) is not None:
                found = self.keys.by_link(request.path, link, self.now())
            if found is None and (cookie := cookie_of(request)) is not None:
                found = self.keys.by_session(cookie, self.now(), secure=over_tls(request))
        return found or self.everybody

    async def _by_header(self, shown: str, address: str) -> Grant:
        scheme, _, rest = shown.partition(" ")
        if scheme.lower() == "bearer":
            found = self.keys.by_token(rest.strip()) if self.keys is not None else None
            if found is None:
                self._pause(address)
                self.throttle.count_try(address)
                raise LoginNeeded("this token is not known")
            return found
        if scheme.lower() != "basic":
            raise LoginNeeded(f"expected Authorization: Basic or Bearer, got {scheme[:20]}")
        try:
            password = (
                b64decode(rest.strip(), validate=True).decode().partition(":")[2]
            )  # RFC 7617; the name is ignored
        except (Base64Error, ValueError):
            raise LoginNeeded(
                "expected Authorization: Basic with name and password in the format of RFC 7617"
            ) from None
        digest = hmac.digest(self._cache_key, password.encode(), "sha256")
        if (known := self._cached.get(digest)) is not None:
            return known  # clients send it with every request, and scrypt is slow on purpose
        found = await self.by_password(password, address)
        self._cached[digest] = found
        while len(self._cached) > _MAX_CACHED_PASSWORDS:
            self._cached.popitem(last=False)
        return found

    async def by_password(self, password: str, address: str) -> Grant:
        """The grant of a password. Raises what `grant` raises; LimitReached also if too many are being checked."""
        self._pause(address)
        if self._waiting >= _MAX_WAITING_PASSWORDS:
            raise LimitReached(
                "too many passwords are being checked at the same time", limit="limits.login_tries", wait=5
            )
        self.throttle.count_try(address)
        self._waiting += 1
        try:
            async with self._trying:  # one at a time: scrypt needs memory and CPU that the frames need, too
                keys = self.keys
                found = await asyncio.to_thread(keys.by_password, password) if keys is not None else None
        finally:
            self._waiting -= 1
        if found is None or keys is not self.keys:  # the file may have changed meanwhile
            log.warning("a wrong password came from %s", address)
            raise LoginNeeded("this password is not right")
        self.throttle.succeeded(address, all_is_right=found.right is Right.CONTROL)
        return found

    def _pause(self, address: str) -> None:
        """Raises LimitReached while this address has to wait."""
        if (pause := self.throttle.pause(address)) > 0:
            wait = int(pause) + 1
            raise LimitReached(
                f"too many wrong passwords from {address}; try again in {wait} s",
                limit="limits.login_tries",
                wait=wait,
                theirs=True,
            )

    # --- the end of a grant

    def holds(self, grant: Grant) -> bool:
        """Whether a grant is valid now."""
        if grant.by is None:
            return True
        lasts = grant.until is None or in_time(grant.until, self.now(), SESSION_S)
        return lasts and grant.by in self._valid

    async def run(self) -> None:
        """Check once a second whether passwords or tokens changed, and end the sessions of grants that have ended."""
        while not self.open:
            await asyncio.sleep(_CHECK_PERIOD_S)
            if (version := await asyncio.to_thread(store.version, self.file)) != self._version:
                self._version = version
                await self._read_again()
            await self.live_sessions.sweep(self.holds)

    async def _read_again(self) -> None:
        try:
            self._take(await asyncio.to_thread(store.load, self.file))
            log.info("passwords and tokens were read again from %s", self.file)
        except SettingError as error:
            self._take(None)  # no password is valid then
            log.error("no password or token is valid now: %s", error)
            self._version = None  # the error may be temporary: try again

    def _take(self, keys: Credentials | None) -> None:
        self.keys = keys
        self._valid = frozenset() if keys is None else keys.valid
        self._cached.clear()
