"""What a reload takes over of changed settings, and what has to wait for a restart. No I/O.

Size and address are what everything else was built for: viewers would have to come again anyway.
"""

from dataclasses import dataclass

import msgspec

from pi_stream.config.settings import Config

NEEDS_RESTART = frozenset(
    {
        "camera.width", "camera.height", "server.host", "server.port", "server.hosts", "stream.threads",
        "auth.mode", "auth.view", "tls.mode",
    }
)  # fmt: skip  # by section
"""The settings that are read once, when the service starts."""

OPENS_AGAIN = ("camera.source", "camera.path", "camera.fps", "camera.rotation", "camera.stall_timeout")
"""Those for which the source is closed, and one like that is opened."""


@dataclass(frozen=True)
class Change:
    """`config` is what is in force from now on; settings by their names, as section.key."""

    config: Config
    taken: frozenset[str]
    waiting: tuple[str, ...]

    def touches(self, *names: str) -> bool:
        """Whether any of these was taken over."""
        return not self.taken.isdisjoint(names)


def change(old: Config, new: Config) -> Change:
    """Compare what is in force with what is wanted."""
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    differ = [
        f"{section}.{key}" for section, keys in after.items() for key, value in keys.items()
        if value != before[section][key]
    ]  # fmt: skip  # one thought a line
    waiting = tuple(name for name in differ if name in NEEDS_RESTART)
    for name in waiting:
        section, _, key = name.partition(".")
        after[section][key] = before[section][key]
    return Change(msgspec.convert(after, Config), frozenset(differ) - NEEDS_RESTART, waiting)
