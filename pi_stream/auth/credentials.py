"""Passwords, tokens, and the secret that signs sessions and links. Values, no I/O.

A session is signed with a key that is derived from the secret and from the password that began it. So a new password
ends it, and no list of sessions has to be kept.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, field, structs

from pi_stream.auth.passwords import Password, matches
from pi_stream.auth.rights import Grant, Right

MAX_TOKENS = 64
SESSION_S = 30 * 86_400
_OVER_TLS = " over TLS"
MAX_LINK_S = 7 * 86_400
_CLOCK_TOLERANCE_S = 86_400  # a Pi, whose clock has no battery, starts a little in the past

RightName = Literal["view", "control"]
TokenName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}\Z", description="1 to 40 letters, digits, dots, hyphens or underscores")
]


class Token(Struct, frozen=True, forbid_unknown_fields=True):
    """A token as it is stored. Its text has 256 random bits, so a fast hash is enough."""

    right: RightName
    hash: bytes
    made: str  # a date, such as 2026-01-31, for people


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file of passwords and tokens."""

    secret: Annotated[bytes, Meta(min_length=32)] = field(default_factory=lambda: secrets.token_bytes(32))
    passwords: dict[RightName, Password] = {}
    tokens: Annotated[dict[TokenName, Token], Meta(max_length=MAX_TOKENS)] = {}

    # --- changes: each returns a new value

    def with_password(self, right: RightName, password: Password | None) -> Self:
        """Set the password for a right, or, with None, remove it."""
        others = {name: known for name, known in self.passwords.items() if name != right}
        return structs.replace(self, passwords=others if password is None else {**others, right: password})

    def with_token(self, name: str, right: RightName, made: str) -> tuple[Self, str]:
        """Add a token, in place of one of the same name. Also returns its text, which is stored nowhere."""
        text = f"pi-{secrets.token_urlsafe(32)}"
        return structs.replace(self, tokens={**self.tokens, name: Token(right, _digest(text), made)}), text

    def without_token(self, name: str) -> Self:
        """Remove a token. Raises KeyError if there is none of that name."""
        tokens = dict(self.tokens)
        del tokens[name]
        return structs.replace(self, tokens=tokens)

    # --- checks

    def by_password(self, password: str) -> Grant | None:
        """The grant of a password; None: it is wrong. Takes a fraction of a second; call it on a thread."""
        for right in (Right.CONTROL, Right.VIEW):
            known = self.passwords.get(_right_name(right))
            if known is not None and matches(password, known):
                return Grant(right, _mark(right.word, known.hash))
        return None

    def by_token(self, text: str) -> Grant | None:
        """The grant of a token; None: it is unknown."""
        digest, found = _digest(text), None
        for name, token in self.tokens.items():  # all of them, so that the time does not depend on which it is
            if hmac.compare_digest(digest, token.hash):
                found = Grant(Right[token.right.upper()], _mark(f"token {name}", token.hash))
        return found

    def session(self, grant: Grant, now: float, *, secure: bool = False) -> str:
        """The value of a session cookie for a grant that a password gave. `now` in seconds since 1970.

        `secure`: the cookie is for TLS. A session of TLS is not valid over plain http, nor the reverse: others
        may have read a cookie of plain http.
        """
        until = int(now) + SESSION_S
        signature = self._sign("session", grant.right.word, f"{until}{_OVER_TLS if secure else ''}")
        return f"{grant.right.word}.{until}.{signature}"

    def by_session(self, text: str, now: float, *, secure: bool = False) -> Grant | None:
        """The grant of a session cookie at `now`; None: it is invalid or expired."""
        word, _, rest = text.partition(".")
        until, _, signature = rest.partition(".")
        if word not in self.passwords or not in_time(_number(until), now, SESSION_S):
            return None
        if not _equal(signature, self._sign("session", word, f"{until}{_OVER_TLS if secure else ''}")):
            return None
        right = Right[word.upper()]
        return Grant(right, _mark(word, self.passwords[_right_name(right)].hash), float(until))

    def link(self, path: str, seconds: int, now: float) -> str:
        """The value of ?access= that allows to GET `path` for `seconds` from `now`."""
        until = str(int(now) + seconds)
        return f"{until}.{self._sign('link', path, until)}"

    def by_link(self, path: str, text: str, now: float) -> Grant | None:
        """The grant of such a value at `now`, for this path; None: it is invalid or expired."""
        until, _, signature = text.partition(".")
        if not in_time(_number(until), now, MAX_LINK_S) or not _equal(signature, self._sign("link", path, until)):
            return None
        return Grant(Right.VIEW, self._links, float(until))

    @property
    def valid(self) -> frozenset[str]:
        """The `by` of every grant that is still valid."""
        passwords = {_mark(right, known.hash) for right, known in self.passwords.items()}
        tokens = {_mark(f"token {name}", token.hash) for name, token in self.tokens.items()}
        return frozenset({*passwords, *tokens, self._links})

    @property
    def _links(self) -> str:
        """The `by` of links: they belong to no password, so a change of any password ends them all."""
        return _mark("link", b"".join(known.hash for _, known in sorted(self.passwords.items())))

    def _sign(self, purpose: Literal["session", "link"], subject: str, until: str) -> str:
        mark = (
            self._links
            if purpose == "link"
            else _mark(subject, self.passwords[_right_name(Right[subject.upper()])].hash)
        )
        text = "\n".join((purpose, mark, subject, until))
        return urlsafe_b64encode(hmac.digest(self.secret, text.encode(), "sha256")).decode().rstrip("=")


def _right_name(right: Right) -> RightName:
    return "control" if right is Right.CONTROL else "view"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _mark(what: str, secret: bytes) -> str:
    """A name for a password or token that changes with it, and reveals nothing of it."""
    return f"{what} {hashlib.sha256(secret).hexdigest()}"


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())


def in_time(until: float, now: float, max_s: int) -> bool:
    """Whether the time `until` has not come yet; it was at most `max_s` seconds ahead when it was set.

    A time that is further ahead was set before the clock was set back, and is not valid until the clock is right again.
    """
    return now < until <= now + max_s + _CLOCK_TOLERANCE_S


def _number(text: str) -> float:
    """Digits as a time in seconds; 0 for anything else."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else 0.0
