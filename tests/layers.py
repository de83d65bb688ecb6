"""The layers of the package, top first: the one table that the test of imports and docs/design.md are made from.

`python -m tests.layers` prints the table of docs/design.md.
"""

from typing import NamedTuple


class Layer(NamedTuple):
    """A folder or module of the package: what is in it, and the libraries that only it may import."""

    name: str
    holds: str
    libraries: tuple[str, ...] = ()


LAYERS = (
    Layer("__main__", "`python -m pi_stream`"),
    Layer("cli", "the command line, one module a command", ("segno",)),
    Layer("app", "the composition root: the parts of the service, their order of start and stop, maintenance"),
    Layer("features", "what the service does beside showing cameras, one folder a feature", ("aiohttp",)),
    Layer("server", "page, API, pictures and websocket on one port", ("aiohttp",)),
    Layer("stream", "one camera's whole line, from its source to its packets; the events of the service"),
    Layer("client", "the Python viewer", ("websockets",)),
    Layer("health", "the doctor's report about this service; the next steps on a new appliance"),
    Layer("doctor", "checks of the machine, with what fixes each problem"),
    Layer("systemd", "readiness, watchdog, socket activation, journal", ("systemd",)),
    Layer("tls", "certificates, and whom a viewer trusts", ("cryptography",)),
    Layer("hub", "channels: each frame encoded once for all that watch"),
    Layer("sources", "cameras, films, webcams, the synthetic picture, and the supervisor of each", ("av", "picamera2")),
    Layer("overlay", "drawing: captions and offline pictures"),
    Layer("encoders", "frame to bytes, one module an encoding", ("av",)),
    Layer("protocol", "the messages and the frame header of the wire"),
    Layer("captions", "what a caption is, its fields, the store"),
    Layer("config", "settings: types, files, reload, migrations"),
    Layer("auth", "passwords, tokens, rights, throttling"),
    Layer("pacing", "link estimate, window, quality ladder: rules without I/O"),
    Layer("media", "frame, packet, colour space"),
    Layer("lib", "small things that know nothing of cameras"),
    Layer("errors", "the tree of errors that a person can fix"),
    Layer("__init__", "version and `connect`"),
)


def table() -> str:
    """The layers as a table in Markdown."""
    rows = [
        f"| `{layer.name}` | {layer.holds} | {', '.join(f'`{each}`' for each in layer.libraries)} |" for layer in LAYERS
    ]
    return "\n".join(("| layer | what is in it | only here |", "|---|---|---|", *rows))


if __name__ == "__main__":
    print(table())  # noqa: T201 - this is its purpose
