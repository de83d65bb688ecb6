"""fontconfig, asked by its program fc-match, on threads of their own: nobody who draws has to wait for it for long."""

import errno
import logging
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from pi_stream.lib.daemon_thread import in_daemon_thread

log = logging.getLogger(__name__)

_FORMAT = "%{file}|%{index}|%{outline}|%{color}|%{charset}\n"
_PATIENCE = 20  # seconds for fc-match: usually 0.01, but the first call after a font was installed reads them all
_AGAIN = 60  # seconds until it is asked once more, after it gave no answer

Ask = Callable[[str], str]


def ask_fontconfig(pattern: str) -> str:
    """fontconfig's fonts for a pattern such as `serif:lang=ja`, best first, one a line as `_FORMAT` says.

    Blocks while fc-match runs. Raises OSError or subprocess.SubprocessError when it cannot be asked.
    """
    program = shutil.which("fc-match")
    if program is None:
        raise FileNotFoundError("fc-match was not found")
    answer = subprocess.run(  # noqa: S603 - a program by its path, no shell, and patterns of our own only
        [program, "--sort", f"--format={_FORMAT}", pattern],
        capture_output=True,
        check=True,
        text=True,
        errors="surrogateescape",
        timeout=_PATIENCE,
    )
    return answer.stdout


def fonts_of(pattern: str, ask: Ask) -> Future[str]:
    """The answer of `ask`, which is asked again and again until it gives one, or raises that there is none.

    Raises OSError where no thread is to be had for it.
    """
    try:
        return in_daemon_thread(partial(_persistently, pattern, ask))
    except RuntimeError as error:  # what CPython makes of pthread_create's EAGAIN
        raise OSError(errno.ENOMEM, "no thread can be started to ask fontconfig on") from error


def _persistently(pattern: str, ask: Ask) -> str:
    told = False
    while True:
        try:
            return ask(pattern)
        except subprocess.TimeoutExpired:
            if not told:
                log.warning(
                    "fontconfig did not say within %d s which fonts there are: captions have the bundled font alone "
                    "until it does; it is asked every minute",
                    _PATIENCE,
                )
            told = True
            time.sleep(_AGAIN)
