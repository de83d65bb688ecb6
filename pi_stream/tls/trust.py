"""Whom a viewer trusts: the authorities of its system, those of a file, or one key alone."""

import re
import ssl
from pathlib import Path

from pi_stream.tls.certificate import pin_of

_PIN = re.compile(r"sha256//[A-Za-z0-9+/]{43}=")


def trust(pin: str | None = None, ca_file: str | Path | None = None) -> ssl.SSLContext:
    """What to connect with. A pin is enough: names and dates then say nothing more, and no authority does.

    `ca_file` holds certificates in PEM: of authorities, or that of the service itself. Raises ValueError for a pin that
    is none, and OSError for a file that cannot be read, or holds none.
    """
    if pin is None:
        return ssl.create_default_context(cafile=ca_file)
    if not _PIN.fullmatch(pin):
        raise ValueError(f'expected a pin such as "sha256//" and 44 characters of base64, got {pin!r}')
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # _Pinned asks for more than both

    class Pinned(ssl.SSLObject):
        """A connection whose handshake ends well with the owner of that key only: nothing is sent to anybody else."""

        def do_handshake(self) -> None:
            super().do_handshake()
            shown = self.getpeercert(binary_form=True)
            if shown is None or pin_of(shown) != pin:
                raise ssl.SSLCertVerificationError(1, "its key is not the one of the pin")

    context.sslobject_class = Pinned
    return context
