"""Certificate: for whom the one is that https is served with, and for how long."""

from datetime import UTC, datetime, timedelta

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.errors import SettingError

_say = Area("certificate")

_SOON = timedelta(days=14)  # authorities' programs renew at 30 days, and so do we
_RENEW = {
    "files": "Renew it, then `sudo systemctl reload pi-stream`.",
    "self-signed": "`sudo systemctl restart pi-stream` renews it; if that stays so, is the clock right?",
}


def certificate(patient: DoctorContext, now: datetime | None = None) -> list[Finding]:
    """What it says of itself; `now` is the machine's own clock unless given."""
    now = now or datetime.now(UTC)
    if patient.tls == "off":
        return [_say.ok("none: the page is served by http, which everybody on the network can read")]
    try:
        shown = patient.certificate()
    except SettingError as error:
        if isinstance(error.__context__, PermissionError):
            raise error.__context__ from None  # that is no fault of the file's
        return [_say.fault(str(error), 'Fix the file, or set `mode = "off"` under [tls].')]
    if shown is None:
        return [_say.ok("not there yet: the service makes it when it starts")]
    fix = _RENEW[patient.tls]
    if now >= shown.ends:
        return [_say.fault(f"it ended on {shown.ends:%Y-%m-%d}", fix)]
    if now < shown.begins:
        return [_say.warning(f"it begins on {shown.begins:%Y-%m-%d}, by the clock of now", fix)]
    what = f"for {', '.join(sorted(shown.names))}, until {shown.ends:%Y-%m-%d}; its fingerprint is {shown.fingerprint}"
    return [_say.warning(what, fix) if shown.ends - now < _SOON else _say.ok(what)]
