"""What a reload takes over of changed settings, and what has to wait for a restart. No I/O.

The size of a camera and the address of the page need a restart: every viewer would have to reconnect anyway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from pi_stream.config.settings import CameraSettings, Config

NEEDS_RESTART = frozenset(
    {
        "camera.width", "camera.height", "server.host", "server.port", "server.hosts", "stream.threads",
        "auth.mode", "auth.view", "tls.mode",
    }
)  # fmt: skip  # by section
"""The settings that are read once, as section.key: when the service starts, or `camera` when a camera is added."""

REOPENS_SOURCE = ("source", "path", "fps", "rotation", "stall_timeout")
"""The keys of a camera for which its source is closed and opened again."""


@dataclass(frozen=True)
class Change:
    """What a reload changes.

    `config` is in force from now on. `taken` and `waiting` name the settings that changed at once and those that need
    a restart, as section.key. Cameras are named as in `config`, but for those in `removed`, which are not in it.
    """

    config: Config
    taken: frozenset[str]
    waiting: tuple[str, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)  # new name by old name
    reopened: tuple[str, ...] = ()

    def touches(self, *names: str) -> bool:
        """Whether any of these settings was taken over."""
        return not self.taken.isdisjoint(names)


def change(old: Config, new: Config, needs_restart: frozenset[str] = NEEDS_RESTART) -> Change:
    """Compare the settings in force with the wanted ones; both have the same sections.

    `needs_restart` names the settings that wait for a restart, as section.key. A camera of another name with otherwise
    the same settings is the same camera, renamed.
    """
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    differ = {
        f"{section}.{key}" for section, keys in after.items() if section not in ("camera", "cameras")
        for key, value in keys.items() if value != before[section][key]
    }  # fmt: skip  # one thought a line
    waiting = sorted(name for name in differ if name in needs_restart)
    for name in waiting:
        section, _, key = name.partition(".")
        after[section][key] = before[section][key]
    renamed = _renamed(old, new)
    was = {renamed.get(name, name): settings for name, settings in old.all_cameras.items()}
    cameras: dict[str, CameraSettings] = {}
    reopened = []
    for name, settings in new.all_cameras.items():
        cameras[name] = settings
        section = "camera" if name == new.first_camera else f"cameras.{name}"
        if name not in was:
            differ.add(section)
            continue
        keys = [key for key in settings.__struct_fields__ if getattr(settings, key) != getattr(was[name], key)]
        differ |= {f"{section}.{key}" for key in keys}
        kept = {key: getattr(was[name], key) for key in keys if f"camera.{key}" in NEEDS_RESTART}
        waiting += [f"{section}.{key}" for key in kept]
        cameras[name] = msgspec.structs.replace(settings, **kept)
        if not set(REOPENS_SOURCE).isdisjoint(keys):
            reopened.append(name)
    removed = tuple(name for name in old.all_cameras if renamed.get(name, name) not in cameras)
    differ |= {f"cameras.{name}" for name in removed}
    first = cameras.pop(new.first_camera)
    after.pop("camera"), after.pop("cameras")
    config = msgspec.structs.replace(msgspec.convert(after, type(new)), camera=first, cameras=cameras)
    added = tuple(name for name in config.all_cameras if name not in was)
    taken = frozenset(differ.difference(waiting))
    return Change(config, taken, tuple(sorted(waiting)), added, removed, renamed, tuple(reopened))


def _renamed(old: Config, new: Config) -> dict[str, str]:
    """The new names by the old ones. A name that another camera had is no new name: cameras are compared by it."""
    renamed = {}
    if new.first_camera not in old.all_cameras and old.first_camera not in new.all_cameras:
        renamed[old.first_camera] = new.first_camera
    gone = {name: each for name, each in old.cameras.items() if name not in new.all_cameras}
    for name, settings in new.cameras.items():
        if name in old.all_cameras:
            continue
        same = next((each for each, was in gone.items() if _untitled(was) == _untitled(settings)), None)
        if same is not None:
            renamed[same] = name
            del gone[same]
    return renamed


def _untitled(settings: CameraSettings) -> CameraSettings:
    return msgspec.structs.replace(settings, title="")
