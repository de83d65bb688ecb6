"""A certificate as lines for a terminal: what a person compares with what the browser shows."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import segno

from pi_stream.config.settings import Config, TlsSettings
from pi_stream.errors import SettingError
from pi_stream.server.security.local_addresses import addresses
from pi_stream.tls import files, self_signed
from pi_stream.tls.certificate import Certificate


def lines(settings: Config, state: Path) -> Iterator[str]:
    """Describe the certificate of a service with these settings, whose state is in the folder `state`.

    Raises SettingError if it has no certificate.
    """
    certificate = _load(settings.tls, state)
    urls = [f"https://{host}:{settings.server.port}/" for host in addresses(settings.server.host)]
    yield f"Names: {', '.join(sorted(certificate.names))}"
    yield from summary(certificate, urls, own=settings.tls.mode == "self-signed")
    yield from qr_code(urls)


def _load(settings: TlsSettings, state: Path) -> Certificate:
    if settings.mode == "off":
        raise SettingError('[tls] mode: expected "self-signed" or "files", got "off": there is no certificate')
    if settings.mode == "files":
        return files.load(settings.certificate, settings.key)
    found = self_signed.load(state / self_signed.NAME)
    if found is None:
        raise SettingError(f"{state / self_signed.NAME}: does not exist yet; the service makes it when it starts")
    return found


def summary(certificate: Certificate, urls: Sequence[str], *, own: bool) -> Iterator[str]:
    """Describe a certificate, line by line.

    `urls` are the addresses of the page, this machine's own first; `own` is true for a certificate that pi-stream made.
    """
    yield f"Certificate: {'self-signed' if own else 'from [tls] certificate'}, until {certificate.ends:%Y-%m-%d}"
    yield f"  SHA-256 fingerprint: {certificate.fingerprint}"
    yield f"  pin of its key:      {certificate.pin}"
    if own:
        plain = urls[-1].replace("https", "http", 1)
        yield f"  Browsers warn once; {plain}certificate explains why, and what to compare"


def qr_code(urls: Sequence[str]) -> Iterator[str]:
    """Draw a QR code of the first URL that another machine can open, line by line; nothing if there is none."""
    url = next((url for url in urls if not url.startswith("https://localhost")), None)
    if url is None:
        return
    drawing = io.StringIO()
    segno.make_qr(url, error="l").terminal(drawing, compact=True)
    yield f"{url} for a phone's camera:"
    yield from drawing.getvalue().splitlines()
