"""`pi-stream certificate`, and what `pi-stream serve` says of its certificate: how to know that it is the right one."""

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
    """What `pi-stream certificate` says of a service with these settings. Raises SettingError when it has none."""
    certificate = _shown(settings.tls, state)
    urls = [f"https://{host}:{settings.server.port}/" for host in addresses(settings.server.host)]
    yield f"Names: {', '.join(sorted(certificate.names))}"
    yield from told(certificate, urls, own=settings.tls.mode == "self-signed")
    yield from qr_code(urls)


def _shown(settings: TlsSettings, state: Path) -> Certificate:
    if settings.mode == "off":
        raise SettingError('[tls] mode: expected "self-signed" or "files", got "off": there is no certificate')
    if settings.mode == "files":
        return files.load(settings.certificate, settings.key)
    found = self_signed.load(state / self_signed.NAME)
    if found is None:
        raise SettingError(f"{state / self_signed.NAME}: not there yet; the service makes it when it starts")
    return found


def told(certificate: Certificate, urls: Sequence[str], *, own: bool) -> Iterator[str]:
    """What a person needs of it, line by line. `urls` are those of the page, this machine's own first."""
    yield f"Certificate: {'made here' if own else 'of [tls] certificate'}, until {certificate.ends:%Y-%m-%d}"
    yield f"  SHA-256 fingerprint: {certificate.fingerprint}"
    yield f"  pin of its key:      {certificate.pin}"
    if own:
        plain = urls[-1].replace("https", "http", 1)
        yield f"  A browser warns of it once: {plain}certificate says why, and what to compare"


def qr_code(urls: Sequence[str]) -> Iterator[str]:
    """Of the first that another machine can use, line by line for a terminal; nothing where there is none."""
    url = next((url for url in urls if not url.startswith("https://localhost")), None)
    if url is None:
        return
    drawn = io.StringIO()
    segno.make_qr(url, error="l").terminal(drawn, compact=True)
    yield f"{url} for a phone's camera:"
    yield from drawn.getvalue().splitlines()
