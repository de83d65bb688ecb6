"""Passwords, hashed by scrypt (RFC 7914).

n = 2**14, r = 8, p = 5 is one of the equally strong parameter sets of OWASP's Password Storage Cheat Sheet. It is one
that needs little memory (16 MiB), of which a Pi Zero 2 W has little. It takes 0.13 s on one core of an x86 machine; on
a Pi it was not measured.
"""

import hashlib
import hmac
import secrets
import unicodedata
from typing import Annotated

from msgspec import Meta, Struct

MIN_CHARACTERS, MAX_CHARACTERS = 8, 200

_N, _R, _P = 2**14, 8, 5
_SALT_BYTES = 16  # RFC 7914 sets no length
_MAX_MEMORY_BYTES = 64 * 2**20  # that OpenSSL may use


class Password(Struct, frozen=True, forbid_unknown_fields=True):
    """A password as it is stored: its scrypt hash, salt and parameters."""

    salt: bytes
    hash: bytes
    n: Annotated[int, Meta(ge=2, le=2**15)] = _N
    r: Annotated[int, Meta(ge=1, le=8)] = _R
    p: Annotated[int, Meta(ge=1, le=16)] = _P


def hash_password(password: str, *, n: int = _N) -> Password:
    """Hash a new password. `n`, a power of two, is scrypt's cost. Takes a fraction of a second; call it on a thread."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return Password(salt, _scrypt(password, salt, n, _R, _P), n)


def matches(password: str, known: Password) -> bool:
    """Whether the password is right. Takes a fraction of a second, by design; call it on a thread."""
    if len(password) > MAX_CHARACTERS:
        return False
    return hmac.compare_digest(_scrypt(password, known.salt, known.n, known.r, known.p), known.hash)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # Some keyboards send é as one character, others as two: RFC 8265, clause 4.2.2.
    data = unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY_BYTES, dklen=32)
