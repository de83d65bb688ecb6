"""A certificate and its key from files of somebody else's, an authority's for one."""

import logging
import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from pi_stream.errors import SettingError
from pi_stream.tls.certificate import Certificate

log = logging.getLogger(__name__)

_LARGEST = 1 << 20  # bytes; a chain is a few thousand


def load(certificate: str, key: str, now: datetime | None = None) -> Certificate:
    """What the files at these paths hold: PEM, the certificate first, then those by which it was issued. Blocks.

    One that begins in the future is taken, with a warning: a Pi without a clock's battery starts in the past. Raises
    SettingError for all else that is wrong.
    """
    now = now or datetime.now(UTC)
    chain, secret = _read("certificate", certificate), _read("key", key)
    try:
        first = x509.load_pem_x509_certificates(chain)[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise SettingError(f"[tls] certificate: expected a certificate in PEM, got none in {certificate}") from None
    try:
        fitting = load_pem_private_key(secret, None).public_key()
    except TypeError:
        raise SettingError(f"[tls] key: expected a key without a passphrase, got one with it in {key}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingError(f"[tls] key: expected a private key in PEM, got none in {key}") from None
    kind = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if fitting.public_bytes(*kind) != first.public_bytes(*kind):
        raise SettingError(f"[tls] key: expected the key of {certificate}, got that of another one in {key}")
    try:
        found = Certificate.of(secret, chain)
    except ValueError as error:
        raise SettingError(f"[tls] certificate: {certificate} cannot be understood: {error}") from None
    except OSError as error:  # of these, OpenSSL's
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingError(f"[tls] certificate: OpenSSL does not take {certificate}: {why}") from None
    if found.ends <= now:
        raise SettingError(f"[tls] certificate: {certificate} ended on {found.ends:%Y-%m-%d}; renew it")
    if found.begins > now:
        log.warning("the certificate in %s begins on %s, by the clock of now", certificate, f"{found.begins:%Y-%m-%d}")
    return found


def _read(setting: str, path: str) -> bytes:
    if not path:
        raise SettingError(f'[tls] {setting}: expected the path of a file, for mode is "files", got ""')
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # to open a pipe would wait for ever
            raise SettingError(f"[tls] {setting}: expected a regular file, got something else at {path}")
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise SettingError(f"[tls] {setting}: {path} cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST:
        raise SettingError(f"[tls] {setting}: expected at most {_LARGEST >> 20} MiB, got more in {path}")
    return data
