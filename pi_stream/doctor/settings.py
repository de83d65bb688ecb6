"""Settings: whether the file is right."""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.errors import SettingError

_say = Area("settings")


def settings(patient: DoctorContext) -> list[Finding]:
    """What was read, or what is wrong with it."""
    try:
        return [_say.ok(patient.settings())]
    except SettingError as error:
        fix = "`pi-stream check-config FILE` says whether it is right; config.toml lists every setting."
        return [_say.fault(str(error), fix)]
