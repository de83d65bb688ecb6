"""The fonts of the system, by fontconfig's program fc-match, which runs on a thread of its own: it may be slow."""

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
_FC_MATCH_TIMEOUT_S = 20  # usually it takes 0.01 s; the first call after a font was installed reads all fonts
_RETRY_DELAY_S = 60

Ask = Callable[[str], str]


def ask_fontconfig(pattern: str) -> str:
    """fontconfig's fonts for a pattern such as `serif:lang=ja`, best first, one a line in `_FORMAT`.

    Blocks while fc-match runs. Raises OSError or subprocess.SubprocessError if it cannot run, fails, or is too slow.
    """
    program = shutil.which("fc-match")
    if program is None:
        raise FileNotFoundError("fc-match was not found")
    answer = subprocess.run(  # noqa: S603 - a program by its path, no shell, and only patterns of this package
        [program, "--sort", f"--format={_FORMAT}", pattern],
        capture_output=True,
        check=True,
        text=True,
        errors="surrogateescape",
        timeout=_FC_MATCH_TIMEOUT_S,
    )
    return answer.stdout


def fonts_of(pattern: str, ask: Ask) -> Future[str]:
    """The result of `ask` for a pattern, from a thread. If `ask` takes too long it is called again every minute.

    The future has the error if `ask` fails. Raises OSError if no thread can be started.
    """
    try:
        return in_daemon_thread(partial(_ask_until_answered, pattern, ask))
    except RuntimeError as error:  # what CPython makes of pthread_create's EAGAIN
        raise OSError(errno.ENOMEM, "no thread can be started to run fc-match") from error


def _ask_until_answered(pattern: str, ask: Ask) -> str:
    logged = False
    while True:
        try:
            return ask(pattern)
        except subprocess.TimeoutExpired:
            if not logged:
                log.warning(
                    "fontconfig gave no list of fonts within %d s: captions have only the bundled font until it does; "
                    "it is asked again every minute",
                    _FC_MATCH_TIMEOUT_S,
                )
            logged = True
            time.sleep(_RETRY_DELAY_S)
