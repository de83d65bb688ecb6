"""The watchdog's heartbeat: systemd hears of the service only while every camera is alive."""

from collections.abc import Callable
from functools import partial

from pi_stream.systemd import Watchdog


class Heartbeat:
    """Feeds the watchdog once each camera has shown a sign of life since the last time. Belongs to the event loop."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        self._silent: set[object] = set()  # cameras that have shown none since the last beat
        self._all: set[object] = set()

    def of_one_more(self) -> Callable[[], None]:
        """What one more camera calls at each sign of life; it counts from now on until it is given to `forget`."""
        camera = object()
        alive = partial(self._alive, camera)
        self._all.add(camera)
        self._silent.add(camera)
        return alive

    def forget(self, alive: Callable[[], None]) -> None:
        """Do not wait for this camera any more."""
        assert isinstance(alive, partial)  # noqa: S101 - for the type checker: `of_one_more` made it
        self._all.discard(alive.args[0])
        self._silent.discard(alive.args[0])

    def _alive(self, camera: object) -> None:
        self._silent.discard(camera)
        if not self._silent:
            self._silent = set(self._all)
            self._watchdog.alive()
