"""Which device each of several cameras gets: one that no other camera has, the same one after a restart."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from pi_stream.config.settings import CameraSettings
from pi_stream.errors import SettingError
from pi_stream.lib.daemon_thread import in_daemon_thread
from pi_stream.media.source_state import SourceInfo
from pi_stream.sources.choice import NO_CAMERA, NO_WEBCAM, choose_source, is_better, setting_says, spec_of
from pi_stream.sources.inventory import Inventory, device_identity, matching
from pi_stream.sources.spec import Kind, SourceSpec
from pi_stream.sources.webcam.devices import port_link

_NONE: Mapping[str, SourceSpec] = MappingProxyType({})


def allocate(
    wanted: Mapping[str, CameraSettings],
    held: Mapping[str, SourceSpec] = _NONE,
    had: Mapping[str, SourceSpec] = _NONE,
) -> dict[str, SourceSpec]:
    """Choose the source of each camera in `wanted`, by name.

    `held` are the sources of the other cameras, which keep their devices; one that is chosen only by its kind is in the
    result, too, with the device that it is to open from now on. `had` are the sources that cameras in `wanted` had:
    each keeps its device if it is still there. A camera that names its device takes it first; the others take the first
    that is free, by port, in the order of `wanted`. A camera that cannot have a device says why in `unavailable`.

    Blocks like `choose_source`, which chooses for a camera that is alone. Raises SettingError, with the camera's name
    if there are several, for a film that is missing or is no film.
    """
    if len(wanted) + len(held) == 1:
        return {name: choose_source(settings) for name, settings in wanted.items()}
    return _Allocation(held, had).allocate(wanted)


async def allocate_async(
    wanted: Mapping[str, CameraSettings],
    held: Mapping[str, SourceSpec] = _NONE,
    had: Mapping[str, SourceSpec] = _NONE,
) -> dict[str, SourceSpec]:
    """`allocate` on a daemon thread: neither a caller that is cancelled nor a process that ends waits for it."""
    return await asyncio.wrap_future(in_daemon_thread(lambda: allocate(wanted, held, had)))


def pinned(spec: SourceSpec, info: SourceInfo) -> SourceSpec:
    """The same source, by the device that it has open (`info`) and not as the first of its kind."""
    if spec.path or info.device is None:
        return spec
    return replace(spec, path=port_link(info.device) if spec.kind == "v4l2" else info.device)


def takes_place(new: SourceSpec, old: SourceSpec, *, online: bool) -> bool:
    """Whether a camera changes to a source that was chosen for it later. `online`: the old one gives frames.

    It does for a better kind of device, and for any device if the old one is away.
    """
    if new.unavailable or old.unavailable:
        return not new.unavailable
    if new.kind != old.kind:
        return is_better(new.kind, old.kind)
    return not online and new.path != old.path


class _Allocation:
    def __init__(self, held: Mapping[str, SourceSpec], had: Mapping[str, SourceSpec]) -> None:
        self._there = Inventory()
        self._reserved = {(spec.kind, device): name for name, spec in had.items() if (device := self._identity(spec))}
        self._taken: dict[tuple[Kind, str], str] = {}  # the camera that has a device
        self._pinned: dict[str, SourceSpec] = {}
        for name, spec in held.items():
            if device := self._identity(spec):
                self._taken[spec.kind, device] = name
        for name, spec in held.items():
            if spec.kind in ("picamera2", "v4l2") and not spec.path:
                path, unavailable = self._take(name, spec.kind)
                self._pinned[name] = replace(spec, path=path, unavailable=unavailable)

    def allocate(self, wanted: Mapping[str, CameraSettings]) -> dict[str, SourceSpec]:
        specs = {name: self._settled(name, each) for name, each in wanted.items() if _names_its_source(each)}
        for name, settings in wanted.items():
            if name not in specs:
                specs[name] = self._free(name, settings)
        return {**{name: specs[name] for name in wanted}, **self._pinned}

    def _settled(self, name: str, settings: CameraSettings) -> SourceSpec:
        """The source that the settings name, unless another camera has it."""
        try:
            spec = choose_source(settings)
        except SettingError as error:
            raise SettingError(f"{name}: {error}") from None
        if spec.kind == "picamera2" and len(found := matching(self._there.pi_cameras, spec.path)) > 1:
            which = " and ".join(f"{camera.number} ({camera.id})" for camera in found)
            advice = "choose one by its number or its id"
            return replace(spec, unavailable=f'several cameras are called "{spec.path}": {which}; {advice}')
        if not (device := self._identity(spec)):
            return spec  # a film, or a device that is not there: opening it says so
        if other := self._taken.get((spec.kind, device)):
            return replace(spec, unavailable=f"{spec.path} is the device of the camera {other} already")
        self._taken[spec.kind, device] = name
        return replace(spec, path=device) if spec.kind == "picamera2" else spec

    def _identity(self, spec: SourceSpec) -> str:
        """What tells the device of this source from others; "" if it has none."""
        if spec.unavailable or not spec.path:
            return ""
        if spec.kind == "v4l2":
            return device_identity(spec.path)
        found = matching(self._there.pi_cameras, spec.path) if spec.kind == "picamera2" else []
        return found[0].id if found else ""

    def _free(self, name: str, settings: CameraSettings) -> SourceSpec:
        """A source with a device that no other camera has."""
        kind = settings.source
        if kind == "picamera2" or kind == "v4l2":
            path, unavailable = self._take(name, kind)
            return spec_of(settings, kind, path, setting_says(settings), unavailable=unavailable)
        path, no_pi_camera = self._take(name, "picamera2")
        if path:
            return spec_of(settings, "picamera2", path, f"libcamera finds {self._title(path)}")
        refused = [f"picamera2: {no_pi_camera}"]
        path, no_webcam = self._take(name, "v4l2")
        if path:
            return spec_of(settings, "v4l2", path, f"a webcam was found at {self._title(path)}", tuple(refused))
        refused.append(f"v4l2: {no_webcam}")
        why = "every camera that was found is the device of another one, so the test picture is shown"
        return spec_of(
            settings,
            "synthetic",
            "",
            why if self._there.pi_cameras or self._there.webcams else NO_CAMERA,
            tuple(refused),
        )

    def _take(self, name: str, kind: Kind) -> tuple[str, str]:
        """The path of a free device, which is this camera's from now on, or "" and why there is none."""
        paths = self._paths(kind)
        users = {path: self._user(self._key(kind, path)) for path in paths}
        if free := [path for path, user in users.items() if user in (None, name)]:
            path = min(free, key=lambda path: users[path] is None)  # the one that it had, else the first
            self._taken[self._key(kind, path)] = name
            return path, ""
        if users:
            return "", f"every camera is in use: {', '.join(f'{self._title(path)} by {users[path]}' for path in paths)}"
        return "", (self._there.no_pi_camera or "") if kind == "picamera2" else NO_WEBCAM

    def _user(self, device: tuple[Kind, str]) -> str | None:
        """The camera that has a device, or had it and keeps it."""
        return self._taken.get(device) or self._reserved.get(device)

    def _paths(self, kind: Kind) -> list[str]:
        there = self._there
        return [each.id for each in there.pi_cameras] if kind == "picamera2" else [each.path for each in there.webcams]

    def _key(self, kind: Kind, path: str) -> tuple[Kind, str]:
        return kind, device_identity(path) if kind == "v4l2" else path

    def _title(self, path: str) -> str:
        """What a person knows a device by."""
        named: Iterable[str] = (
            *(f"{each.model} ({each.id})" for each in self._there.pi_cameras if each.id == path),
            *(f"{device_identity(each.path)} ({each.card})" for each in self._there.webcams if each.path == path),
        )
        return next(iter(named), path)


def _names_its_source(settings: CameraSettings) -> bool:
    return bool(settings.path) or settings.source in ("file", "synthetic")
