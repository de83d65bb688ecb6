"""A certificate with its key and TLS context, and the values by which people and programs recognise it."""

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
    """`pem` holds its key, the certificate, and the chain of its issuers; times are UTC."""

    pem: bytes = field(repr=False)
    names: frozenset[str]  # host names and IP addresses
    begins: datetime
    ends: datetime
    fingerprint: str  # SHA-256, "AB:CD:...", as browsers show it; changes with each renewal
    pin: str  # "sha256//...", as for curl's --pinnedpubkey; the same as long as the key is
    public: str  # PEM without the key
    context: ssl.SSLContext = field(repr=False, compare=False)

    @classmethod
    def from_pem(cls, key: bytes, chain: bytes) -> Self:
        """Read a key and a chain of certificates in PEM, the server's own first.

        Raises ValueError if the chain cannot be read, and ssl.SSLError if OpenSSL refuses it. Other OSErrors, such as
        too many open files, are not about the certificate.
        """
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
    """The pin of a certificate in DER (RFC 7469, clause 2.4). Raises ValueError if it cannot be read."""
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
    """The context of a server with this certificate: TLS 1.2 and 1.3, with Python's default ciphers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL reads files only, and a file may change meanwhile: this one holds exactly the bytes that were checked.
    with os.fdopen(os.memfd_create("tls.pem"), "wb") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context
