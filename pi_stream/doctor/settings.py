"""Settings: whether the settings file is valid."""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.errors import SettingError

_area = Area("settings")


def check_settings(context: DoctorContext) -> list[Finding]:
    """Report which settings were read, or what is wrong with them."""
    try:
        return [_area.ok(context.settings())]
    except SettingError as error:
        fix = "Fix the file; `pi-stream check-config FILE` checks it, and config.toml lists every setting."
        return [_area.fault(str(error), fix)]
