"""A certificate with its key, ready to be shown; and what people and programs know it by."""

import os
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True)
class Certificate:
    """`pem` is its key, itself, and those by which it was issued; times are UTC."""

    pem: bytes = field(repr=False)
    names: frozenset[str]  # host names and IP addresses
    begins: datetime
    ends: datetime
    fingerprint: str  # "AB:CD:...", as browsers show it; another one with every certificate
    pin: str  # "sha256//...", as curl's --pinnedpubkey has it; the same for as long as the key is
    public: str  # PEM, without the key
    context: ssl.SSLContext = field(repr=False, compare=False)

    @classmethod
    def of(cls, key: bytes, chain: bytes) -> Self:
        """Of PEM. Raises ValueError where the chain is none that can be read, and ssl.SSLError where OpenSSL would not
        show it; any other OSError has nothing to do with either."""
        pem = key.rstrip() + b"\n" + chain
        try:
            first = x509.load_pem_x509_certificates(chain)[0]
            names, pin = _names(first), _pin(first)
        except (UnsupportedAlgorithm, x509.UnsupportedGeneralNameType) as error:
            raise ValueError(str(error)) from error
        return cls(
            pem,
            names,
            first.not_valid_before_utc,
            first.not_valid_after_utc,
            first.fingerprint(hashes.SHA256()).hex(":").upper(),
            pin,
            chain.decode("ascii", "replace"),
            _context(pem),
        )


def pin_of(certificate: bytes) -> str:
    """The pin of a certificate in DER: RFC 7469, clause 2.4. Raises ValueError for what is none."""
    return _pin(x509.load_der_x509_certificate(certificate))


def _pin(certificate: x509.Certificate) -> str:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key)
    return f"sha256//{b64encode(digest.finalize()).decode()}"


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset((*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))))


def _context(pem: bytes) -> ssl.SSLContext:
    """What a server shows it with: TLS 1.2 and 1.3, by Python's own choice of ciphers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL is given files only, which change while they are read; what is shown is what was looked at.
    with os.fdopen(os.memfd_create("tls.pem"), "wb") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context
