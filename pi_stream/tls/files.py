"""A certificate and its key from files, as a certificate authority issues them."""

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

_MAX_FILE_BYTES = 1 << 20  # a chain has a few thousand bytes


def load(certificate: str, key: str, now: datetime | None = None) -> Certificate:
    """Read PEM files: `certificate` holds the certificate first, then the chain of its issuers. Blocks.

    A certificate that is not valid yet is accepted, with a warning: a Pi without a battery for its clock starts in the
    past. Raises SettingError for any other problem. `now` is the time in UTC, the machine's own unless given.
    """
    now = now or datetime.now(UTC)
    chain, secret = _read("certificate", certificate), _read("key", key)
    try:
        public = x509.load_pem_x509_certificates(chain)[0].public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise SettingError(f"[tls] certificate: expected a certificate in PEM, got none in {certificate}") from None
    try:
        private = load_pem_private_key(secret, None).public_key()
    except TypeError:
        raise SettingError(f"[tls] key: expected a key without a passphrase, got a key with one in {key}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingError(f"[tls] key: expected a private key in PEM, got none in {key}") from None
    encoding = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if private.public_bytes(*encoding) != public.public_bytes(*encoding):
        raise SettingError(f"[tls] key: expected the key of {certificate}, got the key of another certificate in {key}")
    try:
        found = Certificate.from_pem(secret, chain)
    except ValueError as error:
        raise SettingError(f"[tls] certificate: {certificate} cannot be read: {error}") from None
    except OSError as error:  # ssl.SSLError is one
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise SettingError(f"[tls] certificate: OpenSSL refuses {certificate}: {why}") from None
    if found.ends <= now:
        raise SettingError(f"[tls] certificate: {certificate} expired on {found.ends:%Y-%m-%d}; renew it")
    if found.begins > now:
        log.warning(
            "the certificate in %s is not valid before %s, by this machine's clock",
            certificate,
            f"{found.begins:%Y-%m-%d}",
        )
    return found


def _read(setting: str, path: str) -> bytes:
    if not path:
        raise SettingError(f'[tls] {setting}: expected the path of a file, because mode is "files", got ""')
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe could block for ever
            raise SettingError(f"[tls] {setting}: expected a regular file, got something else at {path}")
        with Path(path).open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingError(f"[tls] {setting}: {path} cannot be read: {error.strerror}") from None
    if len(data) > _MAX_FILE_BYTES:
        raise SettingError(f"[tls] {setting}: expected at most {_MAX_FILE_BYTES >> 20} MiB, got more in {path}")
    return data
