"""What can go wrong, as words. Everything that is none of these is a bug: it is let out and ends the process.

PiStreamError
├── SettingError (ValueError)            a setting that cannot be: told at start, exit code 2
├── MissingLibrary (ImportError)         something must be installed first: told at start, exit code 1
├── SourceUnavailable (ConnectionError)  no pictures now: told to every viewer, tried again
├── SourceStuck (TimeoutError)           it will not close: only a new process frees it: exit code 75
├── EncodingFailed (RuntimeError)        a library could not encode a frame: it is lost, the next one is tried
├── Disconnected (ConnectionError)       the Python viewer lost its service
└── Refused (ValueError)                 what somebody asked cannot be done; carries the wire's `code`
    ├── BadMessage                       "bad-message": it is not what the protocol says
    ├── NotFound (LookupError)           "not-found": there is no such caption
    ├── LimitReached                     "limit": it would be more than may be; try again later
    ├── Unsupported                      "unsupported": this service, or this source, has no such thing
    └── Forbidden (PermissionError)      "forbidden": whoever asks may only look
"""

import errno
from typing import ClassVar

_USED_UP = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class PiStreamError(Exception):
    """Everything that pi-stream reports to a person rather than dies of."""


class SettingError(PiStreamError, ValueError):
    """A setting that cannot be; the text is one line that names file, section, key, expected and got."""


class MissingLibrary(PiStreamError, ImportError):
    """Something that pi-stream cannot do without is not installed; the text says what, and how to install it."""


class SourceUnavailable(PiStreamError, ConnectionError):
    """The source gives no pictures now; the text is the reason that viewers read. It will be tried again."""


class SourceStuck(PiStreamError, TimeoutError):
    """A source would not close: its thread hangs in a library, and only a new process can free the device."""


class EncodingFailed(PiStreamError, RuntimeError):
    """A library could not make a packet of a frame; the text is the reason that viewers read if it goes on."""

    code: ClassVar[str] = "encoding-failed"


class Disconnected(PiStreamError, ConnectionError):
    """The service went away, or would not have this viewer; the text says which."""


class Refused(PiStreamError, ValueError):
    """A request that is answered with an error instead of being done."""

    code: ClassVar[str] = "refused"

    def __init__(self, text: str, re: str | float | None = None) -> None:
        """`re` is the id of the message that is refused, where it had one."""
        super().__init__(text)
        self.re = re


class BadMessage(Refused):
    """What was said is not what the protocol says; the text says what was wrong where."""

    code = "bad-message"


class NotFound(Refused, LookupError):
    """What was named does not exist."""

    code = "not-found"


class LimitReached(Refused):
    """It would be more than a limit allows; the text names it.

    `limit` is the setting, as section.key; `wait`: whole seconds after which it is worth another try; `theirs`: it is
    who asks that asks for too much, rather than all together.
    """

    code = "limit"

    def __init__(self, text: str, *, limit: str, wait: int = 10, theirs: bool = False) -> None:
        super().__init__(text)
        self.limit, self.wait, self.theirs = limit, wait, theirs


class Unsupported(Refused):
    """This service, or the source it has now, cannot do that."""

    code = "unsupported"


class Forbidden(Refused, PermissionError):
    """Whoever asks has not the right to do that; the text says which right it takes."""

    code = "forbidden"


def used_up(error: BaseException | None) -> bool:
    """Whether it says that no file descriptor, or no memory of the kernel's, is left now. That is nobody's bug."""
    return isinstance(error, OSError) and error.errno in _USED_UP
