"""Which names are this machine's: what a request's Host may say.

A page of a stranger can have the stranger's name point at this machine's address ("DNS rebinding"): a browser then
takes the camera for a part of that page's own site, and lets it look. Such a request still carries the stranger's name
in its Host, and that is how it is told apart.

An IP address is nobody's to rebind: a browser that says one was sent to it by its own address, so whatever address
reached us is right, be it through a port forward, a container's network or one that came a moment ago by DHCP.
"""

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from pi_stream.config.settings import ServerSettings

_RESOLVER = Path("/etc/resolv.conf")
_WRITTEN = Path("/etc/hostname")
_LOOK_AGAIN = 10.0  # seconds: a machine is renamed, or moves to another network, once in a long while
_LONGEST = 253  # characters of a name: RFC 1035, clause 2.3.4
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_PORT = re.compile(r":[0-9]{0,5}$")
_AGAIN = re.compile(r"-[0-9]{1,3}(?=\.local$)")  # avahi's "raspberrypi-2.local", where two machines are called alike


class Names:
    """This machine's names, asked for again every ten seconds at most, and the ones that the settings add."""

    def __init__(
        self,
        added: Iterable[str] = (),
        *,
        hostname: Callable[[], str] = socket.gethostname,
        resolver: Path = _RESOLVER,
        written: Path = _WRITTEN,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._added = frozenset(filter(None, map(_plain, added)))
        self._hostname, self._resolver, self._written, self._now = hostname, resolver, written, now
        self._known: frozenset[str] = frozenset()
        self._until = float("-inf")

    @property
    def known(self) -> frozenset[str]:
        """All names, in lower case. Reads two small files when ten seconds have passed since it last did."""
        if self._now() >= self._until:
            domains = searched(self._resolver)
            # Where systemd keeps the host name from a service (ProtectHostname=), that keeps the one of its start.
            self._known = (
                self._added | own_names(self._hostname(), domains) | own_names(written_name(self._written), domains)
            )
            self._until = self._now() + _LOOK_AGAIN
        return self._known

    def include(self, host: str) -> bool:
        """Whether a Host header names this machine. The port in it says nothing: proxies and forwards change it."""
        name = host_name(host)
        if name is None:
            return False
        return is_address(name) or name in self.known or _AGAIN.sub("", name) in self.known


def names_of(settings: ServerSettings) -> Names:
    """With those that the settings add."""
    return Names((*settings.hosts, settings.host))


def own_names(hostname: str, domains: Iterable[str]) -> frozenset[str]:
    """What a machine of this host name is called: alone, in mDNS, and in the domains where its network looks."""
    short = _plain(hostname).split(".")[0]
    names = {"localhost", "localhost.localdomain", _plain(hostname), short, f"{short}.local"}
    return frozenset(names | {f"{short}.{domain}" for domain in map(_plain, domains)} if short else {"localhost"})


def written_name(path: Path) -> str:
    """The host name that the machine was given last: hostname(5). Empty without the file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def searched(resolver: Path) -> tuple[str, ...]:
    """The domains in which bare names are looked for, such as "fritz.box": resolv.conf(5). None without the file."""
    try:
        lines = resolver.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    return tuple(domain for each in words if each[:1] in (["search"], ["domain"]) for domain in each[1:7])


@lru_cache(maxsize=256)  # the same few come with every request
def host_name(host: str) -> str | None:
    """The name or address in a Host header, in lower case, without port, brackets and last dot; None: it is neither."""
    plain = _plain(_PORT.sub("", host, count=1))
    if plain.startswith("[") and plain.endswith("]"):
        return plain[1:-1] if ":" in plain and is_address(plain[1:-1]) else None
    return plain if len(plain) <= _LONGEST and _NAME.fullmatch(plain) else None


@lru_cache(maxsize=256)
def is_address(name: str) -> bool:
    """Whether it is an IP address as URLs have them: four decimal numbers, or IPv6."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return name.strip().lower().removesuffix(".")
