"""Bugs where nobody awaits: asyncio would log what a callback or a protocol raises, and go on without it."""

import asyncio
from collections.abc import Callable
from traceback import walk_tb
from typing import Any

_OURS = "pi_stream"
_OTHERS = ("aiohttp", "asyncio", "ssl")  # who call us, and whom we call


def end_on_uncaught(loop: asyncio.AbstractEventLoop, fail: Callable[[BaseException], bool]) -> None:
    """Have `fail` told of those that are ours; what it does not take (False), and whatever else happens, is logged.

    Others' bugs end at most the connection that brought them: what a stranger sends must not end the service. So do
    the system's faults; those of a connection asyncio keeps to itself.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, BaseException) and _is_ours(error) and fail(error)):
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _is_ours(error: BaseException) -> bool:
    """Whether it was raised by our code, or by what that called, others left aside, and is no fault of the system's."""
    names = [frame.f_globals.get("__name__", "").partition(".")[0] for frame, _ in walk_tb(error.__traceback__)]
    last = next((name for name in reversed(names) if name in (_OURS, *_OTHERS)), None)
    return last == _OURS and not isinstance(error, OSError | MemoryError)
