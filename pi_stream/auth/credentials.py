"""All that proves a right: passwords, tokens, and the secret that signs sessions and links. Values, no I/O.

A session is signed with a key made of the secret and of the password that began it, so that a new password ends it,
without a list of sessions that would have to be kept.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, field, structs

from pi_stream.auth.passwords import Password, matches
from pi_stream.auth.rights import Grant, Right

MOST_TOKENS = 64
SESSION_SECONDS = 30 * 86_400
_OVER_TLS = " over TLS"
LONGEST_LINK = 7 * 86_400  # seconds
_SLACK = 86_400  # seconds; a Pi, whose clock has no battery, starts a little in the past

Which = Literal["view", "control"]
TokenName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,40}\Z", description="1 to 40 letters, digits, dots, hyphens or underscores")
]


class Token(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a token. It has 256 random bits, so that a quick hash is enough."""

    right: Which
    hash: bytes
    made: str  # a date, for people


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """What one file holds."""

    secret: Annotated[bytes, Meta(min_length=32)] = field(default_factory=lambda: secrets.token_bytes(32))
    passwords: dict[Which, Password] = {}
    tokens: Annotated[dict[TokenName, Token], Meta(max_length=MOST_TOKENS)] = {}

    # --- changes, each a new value

    def with_password(self, which: Which, password: Password | None) -> Self:
        """Set one of the passwords, or with None take it away."""
        others = {name: known for name, known in self.passwords.items() if name != which}
        return structs.replace(self, passwords=others if password is None else {**others, which: password})

    def with_token(self, name: str, right: Which, made: str) -> tuple[Self, str]:
        """A new token, in place of one of that name, and its text, which is kept nowhere."""
        text = f"pi-{secrets.token_urlsafe(32)}"
        return structs.replace(self, tokens={**self.tokens, name: Token(right, _digest(text), made)}), text

    def without_token(self, name: str) -> Self:
        """Raises KeyError when there is none of that name."""
        tokens = dict(self.tokens)
        del tokens[name]
        return structs.replace(self, tokens=tokens)

    # --- what is shown, and what it proves

    def by_password(self, password: str) -> Grant | None:
        """What it allows; None: it is none of ours. Takes a fraction of a second: not for the event loop."""
        for right in (Right.CONTROL, Right.VIEW):
            known = self.passwords.get(_which(right))
            if known is not None and matches(password, known):
                return Grant(right, _mark(right.word, known.hash))
        return None

    def by_token(self, text: str) -> Grant | None:
        """What it allows; None: it is none of ours."""
        digest, found = _digest(text), None
        for name, token in self.tokens.items():  # all of them, whichever it is
            if hmac.compare_digest(digest, token.hash):
                found = Grant(Right[token.right.upper()], _mark(f"token {name}", token.hash))
        return found

    def session(self, grant: Grant, now: float, *, secure: bool = False) -> str:
        """The text of a cookie that proves a grant that a password gave. `now` in seconds since 1970.

        `secure`: it is given over TLS, and proves the grant there alone, as one of plain http does only there: that one
        may have been overheard.
        """
        until = int(now) + SESSION_SECONDS
        signature = self._sign("session", grant.right.word, f"{until}{_OVER_TLS if secure else ''}")
        return f"{grant.right.word}.{until}.{signature}"

    def by_session(self, text: str, now: float, *, secure: bool = False) -> Grant | None:
        """What a cookie proves now; None: nothing, or nothing any more."""
        word, _, rest = text.partition(".")
        until, _, signature = rest.partition(".")
        if word not in self.passwords or not in_time(_number(until), now, SESSION_SECONDS):
            return None
        if not _equal(signature, self._sign("session", word, f"{until}{_OVER_TLS if secure else ''}")):
            return None
        right = Right[word.upper()]
        return Grant(right, _mark(word, self.passwords[_which(right)].hash), float(until))

    def link(self, path: str, seconds: int, now: float) -> str:
        """The value of ?access= with which anybody may GET `path`, until `seconds` have passed."""
        until = str(int(now) + seconds)
        return f"{until}.{self._sign('link', path, until)}"

    def by_link(self, path: str, text: str, now: float) -> Grant | None:
        """What such a value proves now, for that path; None: nothing."""
        until, _, signature = text.partition(".")
        if not in_time(_number(until), now, LONGEST_LINK) or not _equal(signature, self._sign("link", path, until)):
            return None
        return Grant(Right.VIEW, self._links, float(until))

    @property
    def valid(self) -> frozenset[str]:
        """The `by` of every grant that may still be held."""
        passwords = {_mark(which, known.hash) for which, known in self.passwords.items()}
        tokens = {_mark(f"token {name}", token.hash) for name, token in self.tokens.items()}
        return frozenset({*passwords, *tokens, self._links})

    @property
    def _links(self) -> str:
        """A link is nobody's: whichever password changes ends them all."""
        return _mark("link", b"".join(known.hash for _, known in sorted(self.passwords.items())))

    def _sign(self, purpose: Literal["session", "link"], subject: str, until: str) -> str:
        mark = self._links if purpose == "link" else _mark(subject, self.passwords[_which(Right[subject.upper()])].hash)
        text = "\n".join((purpose, mark, subject, until))
        return urlsafe_b64encode(hmac.digest(self.secret, text.encode(), "sha256")).decode().rstrip("=")


def _which(right: Right) -> Which:
    return "control" if right is Right.CONTROL else "view"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _mark(what: str, secret: bytes) -> str:
    """A name for one password or token that is another when it is set anew, and tells nothing of it."""
    return f"{what} {hashlib.sha256(secret).hexdigest()}"


def _equal(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), right.encode())


def in_time(until: float, now: float, longest: int) -> bool:
    """Whether a time has not come, which was at most `longest` seconds ahead when it was set.

    One that is further ahead was set before the clock was set back: it proves nothing until the clock is right again.
    """
    return now < until <= now + longest + _SLACK


def _number(text: str) -> float:
    """Digits as a time; anything else is one that never was."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) <= 12 else 0.0
