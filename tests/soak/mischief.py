"""What goes wrong with the service itself, at random: its film, its camera, its encoders, its settings, its machine."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from tests.faulty import Faults

_CAMERA_FAULTS = ("hangs", "raises", "absent", "short", "dtype", "slow")
_ENCODER_FAULTS = ("jpeg-fails", "png-fails", "jpeg-slow", "png-slow")
_LINES = {
    "camera": {"source": '"file"', "path": "PATH", "fps": "30", "stall_timeout": "1.5", "idle_stop": "3"},
    "stream": {"quality": "80", "stall_timeout": "3", "max_viewers": "60", "max_per_address": "30"},
    "overlay": {"max_captions": "8"},
}
"""The settings to which it always comes back: a film, and limits that are reached."""
_OTHERS = (
    ("camera", "source", '"synthetic"'), ("camera", "fps", "12"), ("camera", "rotation", "180"),
    ("camera", "idle_stop", "0"), ("stream", "quality", "50"), ("stream", "max_viewers", "10"),
    ("overlay", "max_captions", "2"), ("camera", "width", "640"),
    ("camera", "fps", '"fast"'), ("camera", "path", '"/nowhere.mp4"'), ("nothing", "at", "all"),
)  # fmt: skip  # section, key and value; the last ones are refused

Change = Callable[[], AbstractAsyncContextManager[str]]


class Mischief:
    """`trouble` is a block in which something is wrong, and which says what."""

    def __init__(self, film: Path, settings: Path, faults: Faults, chance: random.Random) -> None:
        self._film, self._settings, self._faults, self._chance = film, settings, faults, chance
        self._whole = film.read_bytes()
        self.pid = 0  # of the service, once it runs
        self._write(*[])

    def trouble(self) -> AbstractAsyncContextManager[str]:
        """The next one."""
        kinds: tuple[Change, ...] = (self._bad_film, self._bad_camera, self._bad_encoder, self._changed, self._stopped)
        return self._chance.choice(kinds)()

    @asynccontextmanager
    async def _bad_film(self) -> AsyncIterator[str]:
        """The film is gone, cut off, or no film any more; its laps are short, so that this is soon noticed."""
        cut = self._whole[: self._chance.randrange(len(self._whole))]
        name, content = self._chance.choice((("gone", None), ("cut", cut), ("no film", b"hello\n" * 1000)))
        self._film.unlink()
        if content is not None:
            self._film.write_bytes(content)
        try:
            yield f"film {name}"
        finally:
            _replace(self._film, self._whole)

    @asynccontextmanager
    async def _bad_camera(self) -> AsyncIterator[str]:
        """The source is the camera (a stand-in), which fails while it runs."""
        fault = self._chance.choice(_CAMERA_FAULTS)
        self._reload(("camera", "source", '"picamera2"'), ("camera", "path", '""'))
        try:
            await asyncio.sleep(self._chance.uniform(0.5, 2))
            self._faults.put(fault)
            try:
                yield f"camera {fault}"
            finally:
                self._faults.mend(fault)
        finally:
            self._reload()

    @asynccontextmanager
    async def _bad_encoder(self) -> AsyncIterator[str]:
        fault = self._chance.choice(_ENCODER_FAULTS)
        self._faults.put(fault)
        try:
            yield f"encoder {fault}"
        finally:
            self._faults.mend(fault)

    @asynccontextmanager
    async def _changed(self) -> AsyncIterator[str]:
        """Other settings, right or wrong; and back."""
        section, key, value = self._chance.choice(_OTHERS)
        self._reload((section, key, value))
        try:
            yield f"{section}.{key} = {value}"
        finally:
            self._reload()

    @asynccontextmanager
    async def _stopped(self) -> AsyncIterator[str]:
        """The whole service stands still for a moment, as on a machine that sleeps."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._chance.uniform(0.1, 0.4))
        finally:
            os.kill(self.pid, signal.SIGCONT)
        yield "stopped for a moment"

    def _reload(self, *others: tuple[str, str, str]) -> None:
        self._write(*others)
        os.kill(self.pid, signal.SIGHUP)

    def _write(self, *others: tuple[str, str, str]) -> None:
        sections = {name: dict(lines) for name, lines in _LINES.items()}
        sections["camera"]["path"] = f'"{self._film}"'
        for section, key, value in others:
            sections.setdefault(section, {})[key] = value
        text = "\n".join(
            f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())
            for name, lines in sections.items()
        )
        _replace(self._settings, text.encode())


def _replace(path: Path, content: bytes) -> None:
    """In one step."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)
