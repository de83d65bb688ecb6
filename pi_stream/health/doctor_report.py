"""The doctor's report about this service, for `pi-stream doctor` and for the page."""

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
from pi_stream.config.settings import CameraSettings, Config, TlsSettings
from pi_stream.doctor import (
    CertificateInfo,
    Check,
    Doctor,
    DoctorCamera,
    DoctorContext,
    Finding,
    Level,
    Machine,
    Webcam,
    checks,
    worst,
)
from pi_stream.errors import SettingError
from pi_stream.media.encodings import ENCODINGS, Encoding
from pi_stream.media.frame import Frame
from pi_stream.overlay.bidi import fribidi
from pi_stream.overlay.fonts import installed
from pi_stream.sources import choose_source
from pi_stream.sources.webcam.devices import capture_devices

if TYPE_CHECKING:
    from pi_stream.tls.certificate import Certificate

_REPORT_VALID_S = 10.0  # a report is shared by all requests of this time: the checks cost a small Pi a second of CPU
_TRIAL_SIDE_PX = 64  # of the picture that each encoder is tried with
_LIBRARIES = {name: row.library for name, row in ENCODINGS.items() if row.library is not None}


class Report(Struct, frozen=True):
    """What the doctor found; `verdict` is the worst level among the findings."""

    version: str
    verdict: Level
    findings: list[Finding]


class DoctorReports:
    """The reports of a running service: requests at the same time share one run of the checks."""

    def __init__(self, doctor: Doctor) -> None:
        self._doctor = doctor
        self._report: asyncio.Future[Report] | None = None
        self._valid_until = 0.0  # on time.monotonic's clock

    async def report(self) -> Report:
        """Return the newest report: at most ten seconds old, and made after the last `discard`."""
        if self._report is None or (self._report.done() and time.monotonic() >= self._valid_until):
            self._report = asyncio.get_running_loop().run_in_executor(None, self._make)
        # A request that is cancelled must not cancel the report of the others.
        return await asyncio.shield(self._report)

    def discard(self) -> None:
        """Discard the report, because the settings have changed; the next request makes a new one."""
        self._report = None

    def _make(self) -> Report:
        report = make_report(self._doctor)
        self._valid_until = time.monotonic() + _REPORT_VALID_S
        return report


def make_report(doctor: Doctor) -> Report:
    """Run the checks now. Blocks for up to the doctor's time limit."""
    findings = doctor.run_checks()
    return Report(__version__, worst(findings), findings)


def for_service(
    settings: Callable[[], Config],
    state: Path,
    holds_camera: Callable[[], bool],
    certificate: "Callable[[], Certificate] | None" = None,
) -> DoctorReports:
    """Return the reports of the service itself.

    `settings` returns the settings in force, which a reload replaces. `holds_camera`: whether the service has a camera
    of libcamera open now. `certificate` returns the one of https; None: there is no https. Both run on other threads.
    """
    summary = "the settings of this service are valid"
    machine = Machine()

    def current_checks() -> Mapping[str, Check]:
        context = _context(settings(), state, summary, serving=True, holds_camera=holds_camera, certificate=certificate)
        return checks(machine, context)

    return DoctorReports(Doctor(current_checks))


def for_terminal(path: Path | None, assignments: Sequence[str], kind: type[Config] = Config) -> Doctor:
    """Return the doctor of `pi-stream doctor`, with the settings that a service would start with.

    `path` and `assignments` are --config and --set, `kind` is as in `config.files.load`. Wrong settings are a finding;
    the other checks use the defaults.
    """
    try:
        settings, read = config_files.load(path, assignments, kind), path or config_files.SYSTEM_CONFIG
        summary: str | SettingError = f"{read} is valid" if read.exists() else "no settings file: the defaults are used"
    except SettingError as error:
        settings, summary = kind(), error
    # A person at a terminal asks about the service that systemd starts, if there is one.
    own = "STATE_DIRECTORY" in os.environ or not os.path.lexists(config_files.SYSTEM_STATE)
    context = _context(settings, config_files.state_folder() if own else config_files.SYSTEM_STATE, summary)
    return Doctor(lambda: checks(Machine(), context))


def _context(
    settings: Config,
    state: Path,
    summary: str | SettingError,
    *,
    serving: bool = False,
    holds_camera: Callable[[], bool] = lambda: False,
    certificate: "Callable[[], Certificate] | None" = None,
) -> DoctorContext:
    def check_settings() -> str:
        if isinstance(summary, SettingError):
            raise summary
        for camera in settings.all_cameras.values():
            if _is_film(camera):
                choose_source(camera)  # raises SettingError if the film is missing or cannot be decoded
        return summary

    def certificate_info() -> CertificateInfo | None:
        found = certificate() if certificate is not None else _load_certificate(settings.tls, state)
        return None if found is None else CertificateInfo(found.names, found.begins, found.ends, found.fingerprint)

    return DoctorContext(
        state=state,
        cameras=tuple(
            DoctorCamera(
                name=name,
                source=camera.source,
                path=camera.path,
                width=camera.width,
                height=camera.height,
                fps=camera.fps,
            )
            for name, camera in settings.all_cameras.items()
        ),
        host=settings.server.host,
        port=settings.server.port,
        serving=serving,
        holds_camera=holds_camera,
        settings=check_settings,
        tls=settings.tls.mode,
        certificate=certificate_info,
        webcams=lambda: [Webcam(device.path, device.card) for device in capture_devices()],
        # The libraries that a service uses are loaded and work; loading others would make its viewers wait.
        encoders=_name_encoders() if serving else _try_encoders(),
        has_font_for=installed().draws,
        has_bidi=lambda: fribidi() is not None,
    )


def _is_film(camera: CameraSettings) -> bool:
    with_path = camera.source == "auto" and camera.path and not camera.path.startswith("/dev/")
    return camera.source == "file" or bool(with_path)


def _load_certificate(settings: TlsSettings, state: Path) -> "Certificate | None":
    """The certificate that a service with these settings would show; None: not made yet. Raises SettingError."""
    from pi_stream.tls import files, self_signed  # not earlier: without TLS their library is not needed

    if settings.mode == "files":
        return files.load(settings.certificate, settings.key)
    return self_signed.load(state / self_signed.NAME)


def _name_encoders() -> Mapping[str, Callable[[], str]]:
    """Encoders, and the film decoder: functions that return the name and version of the library, without using it."""
    libraries = {**{encoding.upper(): library for encoding, library in _LIBRARIES.items()}, "films": "av"}
    return {name: partial(_library, library) for name, library in libraries.items()}


def _try_encoders() -> Mapping[str, Callable[[], str]]:
    """The same, but each is tried first."""
    return {**{encoding.upper(): partial(_encode, encoding) for encoding in _LIBRARIES}, "films": _load_film_decoder}


def _encode(encoding: Encoding) -> str:
    import numpy as np

    from pi_stream.encoders import ENCODERS  # not earlier: a missing library is one of the findings

    grey = np.full(_TRIAL_SIDE_PX * _TRIAL_SIDE_PX * 3 // 2, 128, np.uint8)
    ENCODERS[encoding](_TRIAL_SIDE_PX, _TRIAL_SIDE_PX, 80).encode(Frame(grey, _TRIAL_SIDE_PX, _TRIAL_SIDE_PX, 0, 0))
    return _library(_LIBRARIES[encoding])


def _load_film_decoder() -> str:
    import pi_stream.sources.films.film  # noqa: F401 - loading it is the trial

    return _library("av")


def _library(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return "the system's library"
