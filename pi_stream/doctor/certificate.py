"""Certificate: the names and dates of the certificate of https."""

from datetime import UTC, datetime, timedelta

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.errors import SettingError

_area = Area("certificate")

_WARN_BEFORE_END = timedelta(days=14)  # certificate authorities' programs renew 30 days before the end, and so do we
_RENEW = {
    "files": "Renew it, then `sudo systemctl reload pi-stream`.",
    "self-signed": "`sudo systemctl restart pi-stream` renews it. If that does not help, check the clock.",
}


def check_certificate(context: DoctorContext, now: datetime | None = None) -> list[Finding]:
    """Check its dates against `now`, the machine's own clock unless given."""
    now = now or datetime.now(UTC)
    if context.tls == "off":
        return [_area.ok("none: the page is served over http, which everyone on the network can read")]
    try:
        certificate = context.certificate()
    except SettingError as error:
        if isinstance(error.__context__, PermissionError):
            raise error.__context__ from None  # the file may be right; this user cannot read it
        return [_area.fault(str(error), 'Fix the file, or set `mode = "off"` under [tls].')]
    if certificate is None:
        return [_area.ok("none yet: the service makes it when it starts")]
    begins, ends = certificate.begins, certificate.ends
    fix = _RENEW[context.tls]
    if now >= ends:
        return [_area.fault(f"it expired on {ends:%Y-%m-%d}", fix)]
    if now < begins:
        return [_area.warning(f"by this machine's clock it is not valid before {begins:%Y-%m-%d}", fix)]
    names = ", ".join(sorted(certificate.names))
    what = f"for {names}, until {ends:%Y-%m-%d}; its fingerprint is {certificate.fingerprint}"
    return [_area.warning(what, fix) if ends - now < _WARN_BEFORE_END else _area.ok(what)]
