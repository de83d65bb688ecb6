"""[webhook]: where events are sent, and which."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pi_stream.config.settings import FilePath

EventName = Literal["source", "captions", "viewers"]

_SECRET = {"secret": True}
# A name with parts of 1 to 63 characters, as in DNS (RFC 1035, 2.3.4; longer ones raise UnicodeError in Python's
# resolver), or an address; and a port up to 65535.
_USER = r"[A-Za-z0-9._~!$&'()*+,;=:%-]+@"  # RFC 3986, 3.2.1
_HOST = r"(?:[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,30}\.?|\[[0-9A-Fa-f:.]{2,45}\])"
_PORT = r"(?:6553[0-5]|655[0-2]\d|65[0-4]\d{2}|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"

Url = Annotated[
    str,
    Meta(
        max_length=2000,
        pattern=rf"\A(?:https?://(?:{_USER})?{_HOST}(?::{_PORT})?(?:[/?#][!-~]*)?)?\Z",
        description='a URL in ASCII of at most 2000 characters, such as "https://ntfy.sh/", or "" for none',
        extra=_SECRET,
    ),
]
Topic = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9_-]{0,64}\Z", description="a name of at most 64 of A-Z, a-z, 0-9, _ and -", extra=_SECRET
    ),
]


class WebhookSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[webhook]: `url` receives the `events`; empty: nothing is sent.

    `topic` is ntfy's. `ca_file` has certificates to trust beside the system's. `interval`, `timeout` and
    `longest_pause` are seconds, `queue` is a number of events.
    """

    url: Url = ""
    topic: Topic = ""
    events: Annotated[tuple[EventName, ...], Meta(max_length=3)] = ("source", "captions", "viewers")
    ca_file: FilePath = ""
    interval: Annotated[float, Meta(ge=0, le=3600)] = 1.0
    timeout: Annotated[float, Meta(ge=0.1, le=120)] = 10.0
    longest_pause: Annotated[float, Meta(ge=0.1, le=3600)] = 60.0
    queue: Annotated[int, Meta(ge=1, le=10_000)] = 100
