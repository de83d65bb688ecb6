"""QEMU's guest agent, which runs commands in a machine whether that has a network or not.

It speaks JSON, a line each way, on a socket of QEMU's: docs/interop/qemu-ga-ref in QEMU's documentation.
"""

import base64
import json
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess
from typing import IO, Any

_POLL = 0.1  # seconds between two looks whether a command has ended: the agent cannot say so by itself
_ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8")


class Agent:
    """One machine's agent. It need not have started, nor need the machine: each call waits for it."""

    def __init__(self, path: Path) -> None:
        """`path` is where QEMU listens."""
        self._path = path

    def answers(self, timeout: float) -> bool:
        """Whether it does, within so many seconds."""
        with suppress(TimeoutError, OSError):
            self._ask("guest-ping", deadline=time.monotonic() + timeout)
            return True
        return False

    def call(
        self,
        *command: str,
        timeout: float,
        input: bytes = b"",  # noqa: A002 - subprocess's word for it
        environment: Mapping[str, str] | None = None,
    ) -> "CompletedProcess[bytes]":
        """Run a command to its end as root. Raises TimeoutError; the command may then still run."""
        deadline = time.monotonic() + timeout
        path, *arguments = command
        started = self._ask(
            "guest-exec",
            deadline=deadline,
            path=path,
            arg=arguments,
            env=[*_ENVIRONMENT, *(f"{name}={value}" for name, value in (environment or {}).items())],
            **({"input-data": base64.b64encode(input).decode()} if input else {}),
            **{"capture-output": True},
        )
        while not (done := self._ask("guest-exec-status", deadline=deadline, pid=started["pid"]))["exited"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{' '.join(command)} took longer than {timeout:g} s")
            time.sleep(_POLL)
        told, errors = (base64.b64decode(done.get(name, "")) for name in ("out-data", "err-data"))
        return CompletedProcess(command, done.get("exitcode", -done.get("signal", 0)), told, errors)

    def _ask(self, execute: str, *, deadline: float, **arguments: Any) -> dict[str, Any]:
        """One question, on a connection of its own: nobody then gets an answer that was meant for another."""
        mark = time.monotonic_ns() & 0x7FFFFFFF
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(max(deadline - time.monotonic(), 0.1))
            connection.connect(str(self._path))
            with connection.makefile("rb") as lines:
                _tell(connection, "guest-sync", id=mark)
                while _line(lines).get("return") != mark:
                    pass  # what was said to somebody else, who did not wait for it
                _tell(connection, execute, **arguments)
                answer = _line(lines)
        if "error" in answer:
            raise OSError(f"the machine's agent, {execute}: {answer['error']['desc']}")
        value: dict[str, Any] = answer["return"]
        return value


def _tell(connection: socket.socket, execute: str, **arguments: Any) -> None:
    connection.sendall(json.dumps({"execute": execute, "arguments": arguments}).encode() + b"\n")


def _line(lines: IO[bytes]) -> dict[str, Any]:
    line = lines.readline()
    if not line:
        raise OSError("the machine's agent hung up")
    value: dict[str, Any] = json.loads(line)
    return value
