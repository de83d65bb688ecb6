"""What somebody may do, by what a request shows: a token, a password, a link or a session.

Nothing here is asked for where [auth] mode is "open".
"""

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

_LOOK_EVERY = 1.0  # seconds between two looks at the file
_REMEMBERED = 64  # passwords that tools sent with their requests, and that were right
_WAITING = 8  # passwords that may wait to be tried; each takes a fraction of a second


class LoginNeeded(Exception):
    """What was shown does not prove the right that it takes; the text says what is wrong with it."""


def address_of(request: web.Request) -> str:
    """Whom it came from; IPv4 as such, also where one socket listens for both kinds."""
    return (request.remote or "").removeprefix("::ffff:")


@dataclass
class Access:
    """What proves what; and `visits`, who are here on the strength of it."""

    settings: AuthSettings
    file: Path
    now: Callable[[], float] = time.time
    throttle: Throttle = field(default_factory=Throttle)

    def __post_init__(self) -> None:
        """Blocks shortly. Raises SettingError when the file of passwords is damaged."""
        self.keys: Credentials | None = None
        self.live_sessions = LiveSessions()
        self._version: tuple[int, int, int] | None = None
        self._valid: frozenset[str] = frozenset()
        self._remembered: OrderedDict[bytes, Grant] = OrderedDict()
        self._seal = secrets.token_bytes(32)  # of what is remembered
        self._trying, self._waiting = asyncio.Lock(), 0
        if not self.open:
            self._version = store.version(self.file)
            keys = store.load(self.file)
            self._take(keys)
            if keys is None or not keys.passwords:
                log.warning("[auth] mode is password, and none is set: set one with `pi-stream password`")

    @property
    def open(self) -> bool:
        """Whether everybody may do everything."""
        return self.settings.mode == "open"

    @property
    def everybody(self) -> Grant:
        """What is granted to one who shows nothing."""
        if self.open:
            return EVERYTHING
        return Grant(Right.VIEW if self.settings.view == "open" else Right.NOTHING)

    # --- who somebody is

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
            password = b64decode(rest.strip(), validate=True).decode().partition(":")[2]  # RFC 7617; any name will do
        except (Base64Error, ValueError):
            raise LoginNeeded("expected Authorization: Basic with name and password as RFC 7617 has them") from None
        memory = hmac.digest(self._seal, password.encode(), "sha256")
        if (known := self._remembered.get(memory)) is not None:
            return known  # a tool says it with every request, and scrypt is slow on purpose
        found = await self.by_password(password, address)
        self._remembered[memory] = found
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    async def by_password(self, password: str, address: str) -> Grant:
        """What it allows. Raises as `grant` does, LimitReached also when many try at once."""
        self._pause(address)
        if self._waiting >= _WAITING:
            raise LimitReached("too many passwords are being tried at once", limit="limits.login_tries", wait=5)
        self.throttle.count_try(address)
        self._waiting += 1
        try:
            async with self._trying:  # one at a time: a Pi has little memory, and frames to encode
                keys = self.keys
                found = await asyncio.to_thread(keys.by_password, password) if keys is not None else None
        finally:
            self._waiting -= 1
        if found is None or keys is not self.keys:  # it may have been changed meanwhile
            log.warning("a wrong password came from %s", address)
            raise LoginNeeded("this password is not right")
        self.throttle.succeeded(address, all_is_right=found.right is Right.CONTROL)
        return found

    def _pause(self, address: str) -> None:
        """Raises LimitReached while that address has to wait."""
        if (pause := self.throttle.pause(address)) > 0:
            wait = int(pause) + 1
            raise LimitReached(
                f"too many wrong passwords from {address}; try again in {wait} s",
                limit="limits.login_tries",
                wait=wait,
                theirs=True,
            )

    # --- for how long

    def holds(self, grant: Grant) -> bool:
        """Whether it is valid now."""
        if grant.by is None:
            return True
        lasts = grant.until is None or in_time(grant.until, self.now(), SESSION_S)
        return lasts and grant.by in self._valid

    async def run(self) -> None:
        """Notice within a second or so that passwords or tokens were changed, and who they let in no longer."""
        while not self.open:
            await asyncio.sleep(_LOOK_EVERY)
            if (version := await asyncio.to_thread(store.version, self.file)) != self._version:
                self._version = version
                await self._read_again()
            await self.live_sessions.sweep(self.holds)

    async def _read_again(self) -> None:
        try:
            self._take(await asyncio.to_thread(store.load, self.file))
            log.info("passwords and tokens were read again from %s", self.file)
        except SettingError as error:
            self._take(None)  # rather nobody than somebody who may not
            log.error("nobody can log in: %s", error)
            self._version = None  # what is wrong may not be the file: look again

    def _take(self, keys: Credentials | None) -> None:
        self.keys = keys
        self._valid = frozenset() if keys is None else keys.valid
        self._remembered.clear()
