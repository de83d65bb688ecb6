"""A certificate of our own: made, kept, and renewed in time, with the same key for as long as there is one.

Browsers take none that is valid for more than 398 days. A Pi without a clock's battery starts in the past, until the
network tells it the time: so a certificate that seems to begin in the future is kept until the clock is known to be
right, and one that was made in the past is looked at again and again.
"""

import ipaddress
import logging
import ssl
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pi_stream.errors import SettingError
from pi_stream.lib import atomic_file
from pi_stream.lib.quarantine import quarantine
from pi_stream.lib.utc_clock import clock_is_set
from pi_stream.tls.certificate import Certificate

log = logging.getLogger(__name__)

NAME = "tls.pem"  # in the state folder
_LIFE = timedelta(days=397)
_SLACK = timedelta(days=1)  # by which the clock of a viewer, or ours, may differ
_EARLY = timedelta(days=30)  # before its end
_MOST = 64  # names


class SelfSigned:
    """The certificate in a file of its own. `current` is what is shown."""

    def __init__(
        self,
        path: Path,
        names: Collection[str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock_set: Callable[[], bool] = lambda: clock_is_set() is True,
    ) -> None:
        """Blocks shortly. Raises SettingError when the file is there and cannot be read."""
        self._path, self._now, self._clock_set = path, now, clock_set
        self._told = False  # that it cannot be written
        known = load(path)
        if known is None and path.exists():
            log.warning("the damaged %s: %s", path, quarantine(path))  # its key may yet be saved
        self._kept = known is not None
        self.current = known or _made(names, self._now() - _SLACK)
        self.renew(names)

    def renew(self, names: Collection[str]) -> None:
        """Make another where it is time, or where one of these names is missing; write what is not written yet. Blocks.

        Names that were ours before stay, so that a machine that moves between two networks is not renewed each time.
        """
        names = sorted(frozenset(names))[:_MOST]
        if why := due(self.current, names, self._now(), clock_set=self._clock_set()):
            begins = self._now() - _SLACK
            if not self._clock_set():
                begins = max(begins, self.current.begins)  # it is later than that, whatever the clock says
            self.current = _made([*names, *sorted(self.current.names)], begins, self.current)
            self._kept = False
            log.info("the certificate was renewed, with the key that it had: %s", why)
        if not self._kept:
            self._write()

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.write(self._path, self.current.pem)
        except OSError as error:
            if not self._told:
                log.warning("the certificate is another one after a restart: %s: %s", self._path, error.strerror)
            self._told = True
        else:
            self._kept, self._told = True, False


def due(certificate: Certificate, names: Collection[str], now: datetime, *, clock_set: bool) -> str:
    """Why it is time for another one; empty: it is not."""
    if missing := sorted({str(each.value) for each in _general(names)} - certificate.names):
        return f"it had not the name {', '.join(missing)}"
    if now > certificate.ends - _EARLY:
        return f"it ends on {certificate.ends:%Y-%m-%d}"
    if now < certificate.begins and clock_set:
        return f"it begins on {certificate.begins:%Y-%m-%d} only"
    return ""


def load(path: Path) -> Certificate | None:
    """The one in a file; None: there is none, or it is damaged, which the log says. Raises SettingError."""
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
    key, begin, chain = pem.partition(b"-----BEGIN CERTIFICATE-----")
    try:
        return Certificate.of(key, begin + chain)
    except (ValueError, ssl.SSLError) as error:
        log.warning("the certificate in %s is damaged (%s): another one takes its place, with another key", path, error)
        return None
    except OSError as error:  # no file descriptor is left, for one: the key must not be lost for that
        raise SettingError(f"{path}: its certificate cannot be used now: {error.strerror}") from None


def _made(names: Collection[str], begins: datetime, before: Certificate | None = None) -> Certificate:
    """A new one; with the key of the one `before`."""
    found = load_pem_private_key(before.pem, None) if before is not None else None
    key = found if isinstance(found, ec.EllipticCurvePrivateKey) else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pi-stream")])
    # No authority, so that nothing else can be issued with its key by who steals it from a Pi.
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, begins + _LIFE)
        .add_extension(x509.SubjectAlternativeName(list(_general(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate.of(secret, made.public_bytes(Encoding.PEM))


_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _general(names: Collection[str]) -> Iterator[x509.GeneralName]:
    """As certificates have them, each once; the first of them, where there are too many."""
    for name in [*dict.fromkeys(names)][:_MOST]:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))  # a certificate holds no zone
        except ValueError:
            yield x509.DNSName(name)
