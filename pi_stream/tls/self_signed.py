"""A self-signed certificate: made, stored, and renewed in time, always with the same key.

Browsers accept certificates that are valid for at most 398 days. A Pi without a battery for its clock starts in the
past, until it sets its clock from the network. So a certificate that is not valid yet is kept until the clock is known
to be right, and its dates are checked repeatedly.
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
_VALIDITY = timedelta(days=397)
_CLOCK_TOLERANCE = timedelta(days=1)  # the clock of a viewer, or ours, may be wrong by this much
_RENEW_BEFORE_END = timedelta(days=30)
_MAX_NAMES = 64


class SelfSigned:
    """The certificate in a file of its own; `current` is the one in use."""

    def __init__(
        self,
        path: Path,
        names: Collection[str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock_set: Callable[[], bool] = lambda: clock_is_set() is True,
    ) -> None:
        """Load the file at `path`, or make a certificate for these names. Blocks for a short time.

        `now` returns the time in UTC; `clock_set` says whether the clock was set from the network. Raises SettingError
        if the file exists and cannot be read.
        """
        self._path, self._now, self._clock_set = path, now, clock_set
        self._warned = False  # that it cannot be written
        stored = load(path)
        if stored is None and path.exists():
            log.warning("the damaged %s: %s", path, quarantine(path))  # a person may be able to repair it
        self._stored = stored is not None
        self.current = stored or _make(names, self._now() - _CLOCK_TOLERANCE)
        self.renew(names)

    def renew(self, names: Collection[str]) -> None:
        """Renew it if it is due or lacks one of these names, and write it if it is not stored yet. Blocks.

        It keeps its old names, so that a machine that moves between two networks does not need a new one each time.
        """
        names = sorted(frozenset(names))[:_MAX_NAMES]
        if reason := renewal_reason(self.current, names, self._now(), clock_set=self._clock_set()):
            begins = self._now() - _CLOCK_TOLERANCE
            if not self._clock_set():
                begins = max(begins, self.current.begins)  # it is later than that, even if the clock is not
            self.current = _make([*names, *sorted(self.current.names)], begins, self.current)
            self._stored = False
            log.info("the certificate was renewed, with the same key: %s", reason)
        if not self._stored:
            self._write()

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.write(self._path, self.current.pem)
        except OSError as error:
            if not self._warned:
                log.warning(
                    "the certificate cannot be stored, so a restart makes a new one: %s: %s", self._path, error.strerror
                )
            self._warned = True
        else:
            self._stored, self._warned = True, False


def renewal_reason(certificate: Certificate, names: Collection[str], now: datetime, *, clock_set: bool) -> str:
    """Why the certificate must be renewed; "": it need not be."""
    if missing := sorted({str(each.value) for each in _general_names(names)} - certificate.names):
        return f"it lacked the name {', '.join(missing)}"
    if now > certificate.ends - _RENEW_BEFORE_END:
        return f"it ends on {certificate.ends:%Y-%m-%d}"
    if now < certificate.begins and clock_set:
        return f"it is not valid before {certificate.begins:%Y-%m-%d}"
    return ""


def load(path: Path) -> Certificate | None:
    """Load the file; None if there is none, or if it is damaged, which is logged. Raises SettingError."""
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingError(f"{path}: cannot be read: {error.strerror}") from None
    key, begin, chain = pem.partition(b"-----BEGIN CERTIFICATE-----")
    try:
        return Certificate.from_pem(key, begin + chain)
    except (ValueError, ssl.SSLError) as error:
        log.warning("the certificate in %s is damaged (%s): it is replaced by a new one, with a new key", path, error)
        return None
    except OSError as error:  # too many open files, for example: the key must not be lost for that
        raise SettingError(f"{path}: the certificate cannot be used now: {error.strerror}") from None


def _make(names: Collection[str], begins: datetime, before: Certificate | None = None) -> Certificate:
    """Make a certificate, with the key of `before` if it is given."""
    found = load_pem_private_key(before.pem, None) if before is not None else None
    key = found if isinstance(found, ec.EllipticCurvePrivateKey) else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pi-stream")])
    # It is no authority, so a key that is stolen from a Pi cannot issue other certificates.
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, begins + _VALIDITY)
        .add_extension(x509.SubjectAlternativeName(list(_general_names(names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Certificate.from_pem(secret, certificate.public_bytes(Encoding.PEM))


_KEY_USAGE = x509.KeyUsage(
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


def _general_names(names: Collection[str]) -> Iterator[x509.GeneralName]:
    """The names as a certificate holds them, each once, and at most 64."""
    for name in [*dict.fromkeys(names)][:_MAX_NAMES]:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))  # a certificate holds no zone
        except ValueError:
            yield x509.DNSName(name)
