"""The checkup: the doctor, told of this house, for the command and for the page."""

import asyncio
import importlib.metadata
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from pi_stream import __version__
from pi_stream.config import files as config_files
from pi_stream.config.settings import Config, TlsSettings
from pi_stream.doctor import Doctor, DoctorContext, Finding, Level, Look, Machine, Shown, Webcam, checks, worst
from pi_stream.errors import SettingError
from pi_stream.media.encodings import ENCODINGS, Encoding
from pi_stream.media.frame import Frame
from pi_stream.overlay.bidi import library as fribidi
from pi_stream.overlay.fonts import installed
from pi_stream.sources import choose_source
from pi_stream.sources.webcam.devices import capture_devices

if TYPE_CHECKING:
    from pi_stream.tls.certificate import Certificate

_KEPT = 10.0  # seconds that a report is shown to all who ask: looking costs a small Pi a second of its processor
_SIDE = 64  # pixels of the picture that each encoder is tried with
_LIBRARIES = {name: row.library for name, row in ENCODINGS.items() if row.library is not None}


class Report(Struct, frozen=True):
    """What the doctor found: `verdict` is the worst level among the findings."""

    version: str
    verdict: Level
    findings: list[Finding]


class DoctorReports:
    """The doctor of a running service: many may ask, and one examination at a time is made for them all."""

    def __init__(self, doctor: Doctor) -> None:
        self._doctor = doctor
        self._made: asyncio.Future[Report] | None = None
        self._until = 0.0  # on time.monotonic's clock

    async def report(self) -> Report:
        """The newest report, at most ten seconds old, and made after the last `forget`."""
        if self._made is None or (self._made.done() and time.monotonic() >= self._until):
            self._made = asyncio.get_running_loop().run_in_executor(None, self._examine)
        # Who goes away while it is being made does not take it from the others.
        return await asyncio.shield(self._made)

    def forget(self) -> None:
        """What was found holds no more, as the settings are others now: who asks next has it looked for anew."""
        self._made = None

    def _examine(self) -> Report:
        report = made(self._doctor)
        self._until = time.monotonic() + _KEPT
        return report


def made(doctor: Doctor) -> Report:
    """Examine now; blocks for at most the doctor's patience."""
    findings = doctor.examine()
    return Report(__version__, worst(findings), findings)


def of_service(
    settings: Callable[[], Config],
    state: Path,
    holds_camera: Callable[[], bool],
    own: "Callable[[], Certificate] | None" = None,
) -> DoctorReports:
    """For the service itself; `settings` are those in force, which a reload replaces: they are asked for each time.

    `holds_camera`: has it libcamera's camera open now? `own` is the certificate that it shows; None: there is none.
    """
    said = "those of this service are right"
    machine = Machine()

    def looks() -> Mapping[str, Look]:
        patient = _patient(settings(), state, said, serving=True, holds_camera=holds_camera, own=own)
        return checks(machine, patient)

    return DoctorReports(Doctor(looks))


def of_machine(path: Path | None, assignments: Sequence[str]) -> Doctor:
    """For whoever asks at a terminal, whether a service runs or not: with the settings that it would start with."""
    try:
        settings, read = config_files.load(path, assignments), path or config_files.SYSTEM_CONFIG
        said: str | SettingError = f"{read} is right" if read.exists() else "there is no file: the defaults hold"
    except SettingError as error:
        settings, said = Config(), error  # the other checks go on with the defaults
    # Whom a person at a terminal asks about is the service that systemd starts, if there is one.
    mine = "STATE_DIRECTORY" in os.environ or not os.path.lexists(config_files.SYSTEM_STATE)
    patient = _patient(settings, config_files.state_folder() if mine else config_files.SYSTEM_STATE, said)
    return Doctor(lambda: checks(Machine(), patient))


def _patient(
    settings: Config,
    state: Path,
    said: str | SettingError,
    *,
    serving: bool = False,
    holds_camera: Callable[[], bool] = lambda: False,
    own: "Callable[[], Certificate] | None" = None,
) -> DoctorContext:
    def settings_said() -> str:
        if isinstance(said, SettingError):
            raise said
        camera = settings.camera
        if camera.source == "file" or (camera.source == "auto" and camera.path and not camera.path.startswith("/dev/")):
            choose_source(camera)  # raises SettingError where the film is missing or none
        return said

    def certificate() -> Shown | None:
        found = own() if own is not None else _certificate(settings.tls, state)
        return None if found is None else Shown(found.names, found.begins, found.ends, found.fingerprint)

    return DoctorContext(
        state=state,
        source=settings.camera.source,
        path=settings.camera.path,
        width=settings.camera.width,
        height=settings.camera.height,
        host=settings.server.host,
        port=settings.server.port,
        serving=serving,
        holds_camera=holds_camera,
        settings=settings_said,
        tls=settings.tls.mode,
        certificate=certificate,
        webcams=lambda: [Webcam(device.path, device.card) for device in capture_devices()],
        # What a service has loaded works; what it has not is not loaded for the look, for viewers would wait for that.
        encoders=_named() if serving else _tried(),
        draws=installed().draws,
        shapes=lambda: fribidi() is not None,
    )


def _certificate(settings: TlsSettings, state: Path) -> "Certificate | None":
    """The one that a service with these settings would show, if it is there yet. Raises SettingError."""
    from pi_stream.tls import files, self_signed  # not earlier: without TLS their library is not needed

    if settings.mode == "files":
        return files.load(settings.certificate, settings.key)
    return self_signed.load(state / self_signed.NAME)


def _named() -> Mapping[str, Callable[[], str]]:
    """Encoders, and what decodes films, that say with what."""
    libraries = {**{encoding.upper(): library for encoding, library in _LIBRARIES.items()}, "films": "av"}
    return {name: partial(_library, library) for name, library in libraries.items()}


def _tried() -> Mapping[str, Callable[[], str]]:
    """The same, but they are tried first."""
    return {**{encoding.upper(): partial(_encode, encoding) for encoding in _LIBRARIES}, "films": _load_films}


def _encode(encoding: Encoding) -> str:
    import numpy as np

    from pi_stream.encoders import ENCODERS  # not earlier: a library that is missing is one of the findings

    grey = np.full(_SIDE * _SIDE * 3 // 2, 128, np.uint8)
    ENCODERS[encoding](_SIDE, _SIDE, 80).encode(Frame(grey, _SIDE, _SIDE, 0, 0))
    return _library(_LIBRARIES[encoding])


def _load_films() -> str:

    return _library("av")


def _library(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return "the system's library"
