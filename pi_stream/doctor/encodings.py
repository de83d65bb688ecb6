"""Encodings: each encoder and the film decoder, tried; and the Pi's own encoder for H.264."""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_say = Area("encodings")


def encodings(machine: Machine, patient: DoctorContext) -> list[Finding]:
    """What each is made with."""
    made: list[str] = []
    failed: dict[str, list[str]] = {}
    for encoding, encode in patient.encoders.items():
        try:
            made.append(f"{encoding} by {encode()}")
        except Exception as error:  # the libraries raise what they like; the sentence tells it
            failed.setdefault(f"{type(error).__name__}: {error}", []).append(encoding)
    fix = "Install pi-stream anew: one of its libraries is missing or broken."
    findings = [_say.fault(f"no {', no '.join(names)}: {why}", fix) for why, names in failed.items()]
    if hardware := _hardware(machine):
        made.append(f"hardware for H.264 at {hardware} (not used yet)")
    return [*findings, _say.ok(", ".join(made))] if made else findings


def _hardware(machine: Machine) -> str | None:
    """The Pi's H.264 encoder: /dev/video11 on all up to the Pi 4; the Pi 5 has none."""
    for path in machine.paths("/sys/class/video4linux/video*/name"):
        if machine.text(path) == "bcm2835-codec-encode":
            return f"/dev/{path.parent.name}"
    return None
