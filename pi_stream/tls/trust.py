"""What a viewer trusts: the certificate authorities of its system, those in a file, or one key."""

import re
import ssl
from pathlib import Path

from pi_stream.tls.certificate import pin_of

_PIN = re.compile(r"sha256//[A-Za-z0-9+/]{43}=")


def trust(pin: str | None = None, ca_file: str | Path | None = None) -> ssl.SSLContext:
    """Return the TLS context of a viewer.

    With a pin only the key counts: names, dates and issuers are not checked. `ca_file` holds certificates in PEM: of
    authorities, or of the service itself. Raises ValueError for a malformed pin, and OSError for a file that cannot be
    read, or holds no certificate.
    """
    if pin is None:
        return ssl.create_default_context(cafile=ca_file)
    if not _PIN.fullmatch(pin):
        raise ValueError(f'expected a pin such as "sha256//" and 44 characters of base64, got {pin!r}')
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # Pinned checks the key instead

    class Pinned(ssl.SSLObject):
        """A connection whose handshake succeeds only with the owner of that key: no other peer is sent data."""

        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True)
            if certificate is None or pin_of(certificate) != pin:
                raise ssl.SSLCertVerificationError(1, "the server's key does not have this pin")

    context.sslobject_class = Pinned
    return context
