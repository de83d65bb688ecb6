"""The doctor: looks at the machine and at pi-stream's place in it, and says what is wrong and what fixes it.

    doctor = Doctor(lambda: checks(Machine(), patient))
    for finding in doctor.examine():
        print(finding.level, finding.area, finding.what, finding.fix)

A new check is one function that gives findings, and one line here. It reads, and neither writes nor needs a running
service. docs/doctor.md lists what each one looks at.
"""

from collections.abc import Mapping

from pi_stream.doctor.camera_memory import camera_memory
from pi_stream.doctor.cameras import cameras
from pi_stream.doctor.certificate import certificate
from pi_stream.doctor.context import DoctorContext, Shown, Webcam
from pi_stream.doctor.device_users import holders
from pi_stream.doctor.encodings import encodings
from pi_stream.doctor.examination import PATIENCE, Doctor, Look
from pi_stream.doctor.finding import LEVELS, Finding, Level, worst
from pi_stream.doctor.fonts import fonts
from pi_stream.doctor.machine import Machine
from pi_stream.doctor.memory import memory
from pi_stream.doctor.port import port
from pi_stream.doctor.power import power, temperature
from pi_stream.doctor.rights import rights
from pi_stream.doctor.settings import settings
from pi_stream.doctor.storage import storage
from pi_stream.doctor.system import system
from pi_stream.doctor.time_sync import clock_is_set, time_sync
from pi_stream.doctor.unit import unit

__all__ = [
    "LEVELS",
    "PATIENCE",
    "Doctor",
    "DoctorContext",
    "Finding",
    "Level",
    "Look",
    "Machine",
    "Shown",
    "Webcam",
    "checks",
    "clock_is_set",
    "worst",
]


def checks(machine: Machine, patient: DoctorContext) -> Mapping[str, Look]:
    """Every check by its area, in the order in which people read them."""
    return {
        "camera": lambda: cameras(machine, patient),
        "in use": lambda: holders(machine, patient),
        "rights": lambda: rights(machine, patient),
        "camera memory": lambda: camera_memory(machine, patient),
        "encodings": lambda: encodings(machine, patient),
        "settings": lambda: settings(patient),
        "service": lambda: unit(machine, patient),
        "port": lambda: port(machine, patient),
        "certificate": lambda: certificate(patient),
        "storage": lambda: storage(machine, patient),
        "fonts": lambda: fonts(patient),
        "power": lambda: power(machine),
        "temperature": lambda: temperature(machine),
        "memory": lambda: memory(machine),
        "time": lambda: time_sync(machine),
        "system": lambda: system(machine),
    }
