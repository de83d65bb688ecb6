"""fontconfig, asked by its program fc-match, on threads of their own: nobody who draws has to wait for it for long."""

import errno
import logging
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet

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


class Question:
    """A pattern that is being asked for, again and again until there is an answer, or it is known that there is none.

    Raises OSError where no thread is to be had for it.
    """

    def __init__(self, ask: Ask, pattern: str) -> None:
        self._answer: Future[str] = Future()
        try:
            threading.Thread(target=self._run, args=(ask, pattern), name="fontconfig", daemon=True).start()
        except RuntimeError as error:  # what CPython makes of pthread_create's EAGAIN
            raise OSError(errno.ENOMEM, "no thread can be started to ask fontconfig on") from error

    @property
    def answered(self) -> bool:
        """Whether `answer` has something to say."""
        return self._answer.done()

    def wait(self, seconds: float) -> None:
        """Wait for the answer, no longer than that."""
        try:
            self._answer.exception(seconds)
        except NotYet:
            return

    def answer(self) -> str:
        """What was answered. Raises what asking raised."""
        return self._answer.result(0)

    def _run(self, ask: Ask, pattern: str) -> None:
        told = False
        while not self.answered:
            try:
                self._answer.set_result(ask(pattern))
            except subprocess.TimeoutExpired:
                if not told:
                    log.warning(
                        "fontconfig did not say within %d s which fonts there are: captions have the bundled font "
                        "alone until it does; it is asked every minute",
                        _PATIENCE,
                    )
                told = True
                time.sleep(_AGAIN)
            except BaseException as error:  # whoever takes the answer gets it: a bug is let out there
                self._answer.set_exception(error)
