"""The service of this checkout, running inside a container as a unit of its own, and what a test here sees of it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.appliance.container import INSIDE, Container

PORT = 8000
_numbers = count(1)  # of units: one that was stopped stays in systemd's memory for a while
PATIENCE = 30.0  # seconds until something must have come


class Serving:
    """`pi-stream serve` in a container, from its start until `stop`, or until the container ends."""

    def __init__(self, container: Container, *assignments: str, properties: tuple[str, ...] = ()) -> None:
        """`properties` are systemd's, such as "User=nobody". It is there once its port answers."""
        self.container = container
        self.url = container.url(PORT)
        self._unit = f"pi-stream-{next(_numbers)}"
        settings = ("camera.source=picamera2", "camera.stall_timeout=1", f"server.port={PORT}", *assignments)
        container.run(
            *("systemd-run", f"--unit={self._unit}", "--quiet", "--collect"),
            *(f"--property={each}" for each in ("StateDirectory=pi-stream", "Restart=no", *properties)),
            *("--setenv=PYTHONDONTWRITEBYTECODE=1", f"--working-directory={INSIDE}"),
            *("/usr/bin/python3", "-m", "pi_stream", "serve", "--config", "/dev/null"),
            *(f"--set={each}" for each in settings),
        )
        self.until(lambda _: True)

    def health(self) -> dict[str, Any]:
        """What /healthz says, with its status beside."""
        try:
            with urllib.request.urlopen(self.url + "healthz", timeout=PATIENCE) as answer:  # noqa: S310 - our own address
                return {**json.load(answer), "status": answer.status}
        except urllib.error.HTTPError as error:
            return {**json.load(error), "status": error.code}

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Its health as soon as that fulfils a condition."""
        deadline = time.monotonic() + PATIENCE
        health: dict[str, Any] = {}
        while time.monotonic() < deadline:
            try:
                health = self.health()
            except OSError as error:  # it does not listen yet
                health = {"error": str(error)}
            else:
                if condition(health):
                    return health
            time.sleep(0.05)
        raise AssertionError(f"last seen: {health}\n{self.log()}")

    def log(self) -> str:
        """What it wrote into the journal."""
        return self.container.run("journalctl", f"--unit={self._unit}", "--no-pager", "--output=cat")

    def stop(self) -> None:
        """End it in an orderly way."""
        self.container.run("systemctl", "stop", self._unit)
