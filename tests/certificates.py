"""Certificates as an authority issues them, for tests: real ones, of keys that nobody else has."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

DAY = timedelta(days=1)


class Files(NamedTuple):
    """Where they lie: the certificate with the authority's behind it, its key, and the authority's alone."""

    certificate: Path
    key: Path
    authority: Path

    @property
    def settings(self) -> tuple[str, ...]:
        """Of a service that shows them."""
        return ("tls.mode=files", f"tls.certificate={self.certificate}", f"tls.key={self.key}")


def issue(
    folder: Path,
    *names: str,
    begins: timedelta = -DAY,
    ends: timedelta = 90 * DAY,
    bits: int = 0,
    passphrase: bytes | None = None,
) -> Files:
    """Issue one for these host names, from now plus `begins` to now plus `ends`; RSA of so many `bits`, or P-256."""
    now = datetime.now(UTC)
    authority = ec.generate_private_key(ec.SECP256R1())
    key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    root = _certificate("authority", authority, "authority", authority, now - 400 * DAY, now + 4000 * DAY)
    leaf = _certificate("authority", authority, "leaf", key, now + begins, now + ends, *names)
    files = Files(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    files.certificate.write_bytes(leaf + root)
    files.authority.write_bytes(root)
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    return files


def _certificate(
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    subject: str,
    key: CertificateIssuerPrivateKeyTypes,
    begins: datetime,
    ends: datetime,
    *names: str,
) -> bytes:
    builder = (
        x509.CertificateBuilder(
            _name(issuer), _name(subject), key.public_key(), x509.random_serial_number(), begins, ends
        )
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names)]), critical=False)
    else:
        builder = builder.add_extension(_ISSUES, critical=True)
    return builder.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM)


_ISSUES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
