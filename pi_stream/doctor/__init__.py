"""The doctor: checks the machine and pi-stream's use of it; says what is wrong, and how to fix it.

    doctor = Doctor(lambda: checks(Machine(), context))
    for finding in doctor.run_checks():
        print(finding.level, finding.area, finding.what, finding.fix)

A new check is one function that returns findings, and one line in `checks`. Checks only read, and need no running
service. docs/doctor.md lists what each of them checks.
"""

from collections.abc import Mapping

from pi_stream.doctor.camera_memory import check_camera_memory
from pi_stream.doctor.cameras import check_cameras
from pi_stream.doctor.certificate import check_certificate
from pi_stream.doctor.context import CertificateInfo, DoctorCamera, DoctorContext, Webcam
from pi_stream.doctor.device_users import check_device_users
from pi_stream.doctor.encodings import check_encodings
from pi_stream.doctor.finding import LEVELS, Finding, Level, worst
from pi_stream.doctor.fonts import check_fonts
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.memory import check_memory
from pi_stream.doctor.port import check_port
from pi_stream.doctor.power import check_power, check_temperature
from pi_stream.doctor.rights import check_rights
from pi_stream.doctor.runner import CHECKS_TIMEOUT_S, Check, Doctor
from pi_stream.doctor.settings import check_settings
from pi_stream.doctor.storage import check_storage
from pi_stream.doctor.system import check_system
from pi_stream.doctor.time_sync import check_time
from pi_stream.doctor.unit import check_unit

__all__ = [
    "CHECKS_TIMEOUT_S",
    "LEVELS",
    "CertificateInfo",
    "Check",
    "Doctor",
    "DoctorCamera",
    "DoctorContext",
    "Finding",
    "Level",
    "Machine",
    "Webcam",
    "checks",
    "worst",
]


def checks(machine: Machine, context: DoctorContext) -> Mapping[str, Check]:
    """Return every check by its area, in the order in which findings are shown."""
    return {
        "camera": lambda: check_cameras(machine, context),
        "in use": lambda: check_device_users(machine, context),
        "rights": lambda: check_rights(machine, context),
        "camera memory": lambda: check_camera_memory(machine, context),
        "encodings": lambda: check_encodings(machine, context),
        "settings": lambda: check_settings(context),
        "service": lambda: check_unit(machine, context),
        "port": lambda: check_port(machine, context),
        "certificate": lambda: check_certificate(context),
        "storage": lambda: check_storage(machine, context),
        "fonts": lambda: check_fonts(context),
        "power": lambda: check_power(machine),
        "temperature": lambda: check_temperature(machine),
        "memory": lambda: check_memory(machine),
        "time": lambda: check_time(machine),
        "system": lambda: check_system(machine),
    }
