"""Every setting: its type, its range and its default.

`config.toml` in the project's folder lists them all for people; a test keeps the two alike.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from pi_stream.lib.sanitize import ONE_LINE

Side = Annotated[int, Meta(ge=64, le=8192, multiple_of=2, description="an even whole number from 64 to 8192")]
HostName = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_.-]{1,253}\Z", description='a name without scheme and port, such as "cam.example.org"'),
]
Origin = Annotated[
    str,
    Meta(
        pattern=r"^https?://[a-z0-9_.:\[\]-]{1,255}\Z",
        description='a site in small letters without a path, such as "http://home.lan:8123"',
    ),
]


# Neither control characters nor halves of characters, in which Python keeps bytes that are no UTF-8: such a text can be
# told to no viewer, and NUL opens no file.
_PLAIN = r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z"
FilePath = Annotated[
    str, Meta(max_length=4096, pattern=_PLAIN, description="a text of 0 to 4096 characters that can be read, in UTF-8")
]


CameraName = Annotated[
    str, Meta(pattern=r"^[a-z0-9-]{1,32}\Z", description="a name of 1 to 32 of a-z, 0-9 and -, such as garden")
]
MAX_CAMERAS = 16


class CameraSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[camera] and each [cameras.NAME]: where frames come from, and their size and rate.

    `name` is for [camera] alone: every other camera has the name of its section. `title` is what people read on the
    page; empty: the name with a capital letter.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9-]{0,32}\Z", description="a name of at most 32 of a-z, 0-9 and -")] = ""
    title: Annotated[str, Meta(max_length=80, pattern=ONE_LINE, description="one line of at most 80 characters")] = ""
    source: Literal["auto", "picamera2", "v4l2", "file", "synthetic"] = "auto"
    path: FilePath = ""
    width: Side = 1280
    height: Side = 720
    fps: Annotated[float, Meta(ge=0.1, le=240)] = 30
    rotation: Literal[0, 180] = 0
    stall_timeout: Annotated[float, Meta(ge=0.5, le=3600)] = 5.0
    idle_stop: Annotated[float, Meta(ge=0, le=1e6)] = 30.0


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[server]: where the page is served, and to whom."""

    host: Annotated[str, Meta(max_length=253)] = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    hosts: Annotated[tuple[HostName, ...], Meta(max_length=32)] = ()
    origins: Annotated[tuple[Origin, ...], Meta(max_length=32)] = ()


class StreamSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[stream]: what viewers are sent."""

    quality: Annotated[int, Meta(ge=1, le=100)] = 80
    stall_timeout: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    max_viewers: Annotated[int, Meta(ge=1, le=10_000)] = 200
    max_per_address: Annotated[int, Meta(ge=1, le=10_000)] = 100
    threads: Annotated[int, Meta(ge=0, le=64)] = 0


class OverlaySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[overlay]: the captions."""

    max_captions: Annotated[int, Meta(ge=1, le=1000)] = 32


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[limits]: what whoever connects may take of a small machine. Seconds, bytes (MiB for `memory`), and how many.

    `messages`, `bad_messages` and `changes` are counted in ten seconds. Limits of viewers and of captions stand in
    [stream] and [overlay]; docs/limits.md has all of them.
    """

    connections: Annotated[int, Meta(ge=1, le=16_000)] = 500
    connections_per_address: Annotated[int, Meta(ge=1, le=16_000)] = 250
    header_timeout: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    body_timeout: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    idle_timeout: Annotated[float, Meta(ge=3, le=1e6)] = 60.0
    request_size: Annotated[int, Meta(ge=1024, le=1 << 24)] = 65_536
    message_size: Annotated[int, Meta(ge=1024, le=1 << 24)] = 65_536
    messages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    bad_messages: Annotated[int, Meta(ge=1, le=10_000)] = 20
    changes: Annotated[int, Meta(ge=1, le=1_000_000)] = 200
    caption_text: Annotated[int, Meta(ge=1, le=1000)] = 1000
    pending: Annotated[int, Meta(ge=65_536, le=1 << 30)] = 1 << 20
    memory: Annotated[int, Meta(ge=0, le=1 << 20)] = 0
    channels: Annotated[int, Meta(ge=1, le=1000)] = 32
    snapshots: Annotated[int, Meta(ge=1, le=10_000)] = 32
    text_pixels: Annotated[int, Meta(ge=1, le=1 << 22)] = 1 << 22
    login_tries: Annotated[int, Meta(ge=1, le=1000)] = 5


class AuthSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[auth]: who may look, and who may change anything."""

    mode: Literal["open", "password"] = "open"
    view: Literal["open", "password"] = "password"


class TlsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """[tls]: whether the page is served over https, and with whose certificate."""

    mode: Literal["off", "self-signed", "files"] = "off"
    certificate: FilePath = ""
    key: FilePath = ""


S = TypeVar("S", bound=Struct)


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """All sections. `camera` is the first camera, `cameras` are the others by name.

    The sections of features are fields of a subclass, which `config_with` makes.
    """

    camera: CameraSettings = CameraSettings()
    cameras: Annotated[dict[CameraName, CameraSettings], Meta(max_length=MAX_CAMERAS - 1)] = {}
    server: ServerSettings = ServerSettings()
    stream: StreamSettings = StreamSettings()
    overlay: OverlaySettings = OverlaySettings()
    limits: LimitSettings = LimitSettings()
    auth: AuthSettings = AuthSettings()
    tls: TlsSettings = TlsSettings()

    @property
    def all_cameras(self) -> dict[str, CameraSettings]:
        """The settings of every camera by its name; the first one is [camera]."""
        return {self.first_camera: self.camera, **self.cameras}

    @property
    def first_camera(self) -> str:
        """The name of [camera]."""
        return self.camera.name or "camera"

    def section(self, kind: type[S]) -> S:
        """The section of a feature by its type; its defaults if there is no such section."""
        values = (getattr(self, name) for name in self.__struct_fields__)
        return next((value for value in values if isinstance(value, kind)), None) or kind()


def config_with(sections: Mapping[str, type[Struct]]) -> type[Config]:
    """The type of settings files that also have these sections: the type of each by its name."""
    return _config_with(tuple(sections.items()))


@cache  # settings of two types are never equal, and a reload compares them
def _config_with(sections: tuple[tuple[str, type[Struct]], ...]) -> type[Config]:
    fields = [(name, kind, kind()) for name, kind in sections]
    made = msgspec.defstruct("Config", fields, bases=(Config,), frozen=True, forbid_unknown_fields=True)
    assert issubclass(made, Config)  # noqa: S101 - for the type checker: `bases` says it
    return made


def title_of(name: str, settings: CameraSettings) -> str:
    """What people read as the name of a camera."""
    return settings.title or name[:1].upper() + name[1:].replace("-", " ")
