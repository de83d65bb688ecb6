"""Passwords, hashed by scrypt (RFC 7914).

n = 2**14, r = 8, p = 5 is one of the settings that OWASP's Password Storage Cheat Sheet holds equally strong; of these
it needs little memory (16 MiB at a time), which is what a Pi Zero 2 W has least of. It takes 0.13 s of the x86
core where it was measured; on a Pi it was not tried.
"""

import hashlib
import hmac
import secrets
import unicodedata
from typing import Annotated

from msgspec import Meta, Struct

SHORTEST, LONGEST = 8, 200  # characters

_N, _R, _P = 2**14, 8, 5
_SALT = 16  # bytes, RFC 7914 does not say; as many as OWASP asks for
_MEMORY = 64 * 2**20  # bytes that OpenSSL may use


class Password(Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a password: enough to know it again, and not what it was."""

    salt: bytes
    hash: bytes
    n: Annotated[int, Meta(ge=2, le=2**15)] = _N
    r: Annotated[int, Meta(ge=1, le=8)] = _R
    p: Annotated[int, Meta(ge=1, le=16)] = _P


def hashed(password: str, *, n: int = _N) -> Password:
    """Hash a new password. `n`, a power of two, is how dear it is to try one. Not for the event loop."""
    salt = secrets.token_bytes(_SALT)
    return Password(salt, _scrypt(password, salt, n, _R, _P), n)


def matches(password: str, known: Password) -> bool:
    """Whether it is that password. Takes a fraction of a second, on purpose: not for the event loop."""
    if len(password) > LONGEST:
        return False
    return hmac.compare_digest(_scrypt(password, known.salt, known.n, known.r, known.p), known.hash)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # One keyboard sends é as one character, another as two: RFC 8265, clause 4.2.2.
    data = unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)
