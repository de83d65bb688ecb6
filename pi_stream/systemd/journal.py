"""Logging: to the journal, with fields and priorities, or as plain lines to a stream.

Fields of ours begin with PI_STREAM_, and are passed to the logger as `extra`. `journalctl PI_STREAM_SOURCE=v4l2` shows
the lines about webcams, `PI_STREAM_VIEWER=` those about one viewer.
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
    """Send the log of this process, and the traceback of an uncaught exception, to the journal or to `stream`.

    systemd-python passes fields to the journal; without it, each line begins with its priority (sd-daemon(3)).
    """
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.handlers[:] = [handler := _handler(stream, environment)]
    handler.addFilter(LogRateLimit())
    handler.addFilter(put_on_one_line)
    if to_journal(stream, environment):
        sys.excepthook = _log_uncaught


def put_on_one_line(record: logging.LogRecord) -> bool:
    """A filter that passes every record, and puts its message on one line, because it may hold text from others."""
    with suppress(Exception):  # its arguments do not fit; the handler reports the line on stderr
        record.msg, record.args = on_one_line(record.getMessage()), ()
    return True


def to_journal(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to `stream` goes to the journal: systemd.exec(5) on $JOURNAL_STREAM."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False  # not a file, or closed
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def priority(level: int) -> int:
    """The journal's priority, 7 (debug) to 2 (critical), of a logging level."""
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
    """Sends records to the journal; `send` is systemd.journal.send.

    systemd-python's own JournalHandler would send every attribute of a record as a field, two dozen for each line.
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
        except Exception:  # as in logging: a log that fails is reported on stderr, and does not end the process
            self.handleError(record)


class PriorityFormatter(logging.Formatter):
    """Writes each line after its priority, such as <4>, which journald removes and stores."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        mark = f"<{priority(record.levelno)}>"
        return "\n".join(mark + line for line in f"{record.name}: {super().format(record)}".splitlines())


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("pi_stream").critical("a bug ended pi-stream", exc_info=(kind, error, trace))
