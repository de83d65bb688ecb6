"""Where the log goes: to the journal with fields and priorities, or as plain lines to whoever started this.

Fields of ours begin with PI_STREAM_, and are given to the logger as `extra`. `journalctl PI_STREAM_SOURCE=v4l2` finds
what concerns webcams, `PI_STREAM_VIEWER=` what concerns one viewer.
"""

import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from pi_stream.lib.sanitize import on_one_line
from pi_stream.systemd.log_rate_limit import LogRateLimit

_PLAIN = "%(levelname)s %(name)s: %(message)s"
_FIELD = "PI_STREAM_"
# syslog(3)'s priorities, which are the journal's.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


def set_up_log(stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
    """Send the log of this process, and the traceback that ends it, to the journal or to `stream`.

    The journal takes fields through systemd-python; without it, lines that say their priority (sd-daemon(3)).
    """
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.handlers[:] = [handler := _handler(stream, environment)]
    handler.addFilter(LogRateLimit())
    handler.addFilter(on_one_line_each)
    if to_journal(stream, environment):
        sys.excepthook = _log_end


def on_one_line_each(record: logging.LogRecord) -> bool:
    """A filter that lets every record pass, its message on one line: it may have words of somebody's in it."""
    with suppress(Exception):  # its arguments do not fit; the handler tells on stderr whose line it is, and goes on
        record.msg, record.args = on_one_line(record.getMessage()), ()
    return True


def to_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to `stream` goes to the journal: systemd.exec(5) on $JOURNAL_STREAM."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False  # it is no file, or closed
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def priority(level: int) -> int:
    """The journal's priority, 7 (debug) to 2 (critical), for a level of logging."""
    return next((number for lowest, number in _PRIORITIES if level >= lowest), _DEBUG)


def _handler(stream: TextIO, environment: Mapping[str, str]) -> logging.Handler:
    if not to_journal(stream, environment):
        handler: logging.Handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter(_PLAIN))
        return handler
    try:
        return JournalHandler(importlib.import_module("systemd.journal").send)
    except ImportError:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(PriorityFormatter())
        return handler


class JournalHandler(logging.Handler):
    """Records as entries of the journal; `send` is systemd.journal.send.

    systemd-python's own JournalHandler would make a field of everything that a record knows, two dozen for each line.
    """

    def __init__(self, send: Callable[..., object]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """See logging."""
        try:
            fields = {name: str(value) for name, value in vars(record).items() if name.startswith(_FIELD)}
            self._send(
                self.format(record),
                PRIORITY=str(priority(record.levelno)),
                SYSLOG_IDENTIFIER="pi-stream",
                LOGGER=record.name,
                CODE_FILE=record.pathname,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName,
                **fields,
            )
        except Exception:  # logging's way: a log that fails is told on stderr, and ends nothing
            self.handleError(record)


class PriorityFormatter(logging.Formatter):
    """Each line after its priority, as <4>: journald takes that off, and files the line under it."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        mark = f"<{priority(record.levelno)}>"
        return "\n".join(mark + line for line in f"{record.name}: {super().format(record)}".splitlines())


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("pi_stream").critical("a bug ended pi-stream", exc_info=(kind, error, trace))
