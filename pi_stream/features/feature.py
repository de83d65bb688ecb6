"""What a feature is: a row that names its parts, and the base of what runs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

from pi_stream.config.settings import Config

if TYPE_CHECKING:  # commands that only read settings do not load what features run on
    from pi_stream.server.context import AppContext
    from pi_stream.server.http.metrics import Metric
    from pi_stream.server.route import Route


class Feature:
    """A feature that is part of a running service. Belongs to the event loop.

    The base does nothing; a feature overrides what it needs. All but `run` is called at any time, whether it runs or
    not.
    """

    def check(self, config: Config) -> None:
        """Check these settings where their types do not say it all: before the start, and before a reload.

        Raises SettingError. It is called on another thread, and may read files.
        """

    async def run(self) -> None:
        """Do the work, until cancelled; return if the settings say that there is none. Lets bugs out.

        It is called again if a reload changed the feature's section, after the last call has ended.
        """

    def routes(self) -> "Iterable[Route]":
        """Its rows of the server; they are asked for once, before `run`."""
        return ()

    def metrics(self) -> "Iterable[Metric]":
        """Its rows of /metrics."""
        return ()

    def status(self) -> Struct | None:
        """Its part of /api/status, under the name of its section; nothing in it may be secret. None: it has none."""
        return None


@dataclass(frozen=True)
class FeatureSpec:
    """One row of `FEATURES`.

    `name` is the name of its section, and `settings` the section's type, each key with a default. `open` makes it for
    a service; what it runs on is imported there, not earlier. `needs_restart` are the keys that a reload cannot
    change. `limits` are the keys that are limits: `refused_total` of /metrics counts what was above each.
    """

    name: str
    settings: type[Struct]
    open: "Callable[[AppContext], Feature]"
    needs_restart: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
