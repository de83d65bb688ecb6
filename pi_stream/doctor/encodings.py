"""Encodings: each encoder and the decoder of video files, tried; and the Pi's own encoder for H.264."""

from pi_stream.doctor.context import DoctorContext
from pi_stream.doctor.finding import Area, Finding
from pi_stream.doctor.machine import Machine

_area = Area("encodings")


def check_encodings(machine: Machine, context: DoctorContext) -> list[Finding]:
    """Try each encoder, and name its library."""
    working: list[str] = []
    failed: dict[str, list[str]] = {}
    for encoding, encode in context.encoders.items():
        try:
            working.append(f"{encoding} by {encode()}")
        except Exception as error:  # the libraries may raise anything; the finding contains it
            failed.setdefault(f"{type(error).__name__}: {error}", []).append(encoding)
    fix = "Reinstall pi-stream: one of its libraries is missing or broken."
    findings = [_area.fault(f"no {', no '.join(names)}: {why}", fix) for why, names in failed.items()]
    if hardware := _hardware_encoder(machine):
        working.append(f"hardware for H.264 at {hardware} (not used yet)")
    return [*findings, _area.ok(", ".join(working))] if working else findings


def _hardware_encoder(machine: Machine) -> str | None:
    """The Pi's H.264 encoder: /dev/video11 up to the Pi 4; the Pi 5 has none."""
    for path in machine.paths("/sys/class/video4linux/video*/name"):
        if machine.text(path) == "bcm2835-codec-encode":
            return f"/dev/{path.parent.name}"
    return None
