"""The features of a running service: made, checked, run, and run anew when a reload changes their settings."""

import asyncio
from collections.abc import Iterable, Mapping

from pi_stream.config.settings import Config
from pi_stream.features.feature import Feature, FeatureSpec
from pi_stream.server.context import AppContext
from pi_stream.server.route import Route


class Features:
    """Runs each feature in a task of `tasks`. Belongs to the event loop."""

    def __init__(self, specs: Iterable[FeatureSpec], context: AppContext, tasks: asyncio.TaskGroup) -> None:
        self.all: Mapping[str, Feature] = {spec.name: spec.open(context) for spec in specs}
        self._tasks = tasks
        self._running: dict[str, asyncio.Task[None]] = {}

    @property
    def routes(self) -> list[Route]:
        """The routes of all of them."""
        return [route for feature in self.all.values() for route in feature.routes()]

    async def check(self, config: Config) -> None:
        """Raises SettingError if a feature cannot use these settings."""
        for feature in self.all.values():
            await asyncio.to_thread(feature.check, config)

    def start(self) -> None:
        """Run all of them."""
        for name in self.all:
            self._start(name)

    async def take_over(self, taken: Iterable[str]) -> None:
        """Run those anew that have a setting among `taken`, which are named as section.key."""
        changed = {name.partition(".")[0] for name in taken}
        for name in [name for name in self.all if name in changed]:
            running = self._running[name]
            running.cancel()
            await asyncio.wait({running})
            self._start(name)

    def stop(self) -> None:
        """Have all of them end."""
        for task in self._running.values():
            task.cancel()

    def _start(self, name: str) -> None:
        self._running[name] = self._tasks.create_task(self.all[name].run(), name=f"feature {name}")
