"""The names of this machine, which the Host header of a request may have.

The page of another site can have its own name point at this machine's address ("DNS rebinding"): the browser then
treats the service as a part of that site, and lets its scripts read it. Such a request has the site's name in its Host
header, and is refused for that.

An IP address cannot be rebound. Any address is accepted, because a port forward, a container's network or DHCP may give
this machine addresses that it does not know.
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
_KNOWN_NAMES_S = 10.0  # for which names are cached: a machine is rarely renamed or moved to another network
_MAX_NAME_CHARS = 253  # RFC 1035, clause 2.3.4
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_PORT = re.compile(r":[0-9]{0,5}$")
_NUMBERED = re.compile(r"-[0-9]{1,3}(?=\.local$)")  # avahi's "raspberrypi-2.local", if two machines have the same name


class Names:
    """This machine's names, read at most every ten seconds, and those that the settings add."""

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
        """All names, in lower case. Reads two small files if that was done more than ten seconds ago."""
        if self._now() >= self._until:
            domains = searched(self._resolver)
            # With systemd's ProtectHostname=, gethostname() returns the name at the start of the service.
            self._known = (
                self._added | own_names(self._hostname(), domains) | own_names(written_name(self._written), domains)
            )
            self._until = self._now() + _KNOWN_NAMES_S
        return self._known

    def include(self, host: str) -> bool:
        """Whether a Host header names this machine. Its port is ignored, because proxies and forwards change it."""
        name = host_name(host)
        if name is None:
            return False
        return is_address(name) or name in self.known or _NUMBERED.sub("", name) in self.known


def names_of(settings: ServerSettings) -> Names:
    """The names of this machine with those of the settings."""
    return Names((*settings.hosts, settings.host))


def own_names(hostname: str, domains: Iterable[str]) -> frozenset[str]:
    """The names of a machine with this host name: alone, in mDNS, and in the search domains of its network."""
    short = _plain(hostname).split(".")[0]
    names = {"localhost", "localhost.localdomain", _plain(hostname), short, f"{short}.local"}
    return frozenset(names | {f"{short}.{domain}" for domain in map(_plain, domains)} if short else {"localhost"})


def written_name(path: Path) -> str:
    """The host name in /etc/hostname: hostname(5). Empty without the file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def searched(resolver: Path) -> tuple[str, ...]:
    """The search domains, such as "fritz.box": resolv.conf(5). None without the file."""
    try:
        lines = resolver.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    return tuple(domain for each in words if each[:1] in (["search"], ["domain"]) for domain in each[1:7])


@lru_cache(maxsize=256)  # the same few are in every request
def host_name(host: str) -> str | None:
    """The name or address in a Host header, in lower case, without port, brackets and last dot; None if invalid."""
    plain = _plain(_PORT.sub("", host, count=1))
    if plain.startswith("[") and plain.endswith("]"):
        return plain[1:-1] if ":" in plain and is_address(plain[1:-1]) else None
    return plain if len(plain) <= _MAX_NAME_CHARS and _NAME.fullmatch(plain) else None


@lru_cache(maxsize=256)
def is_address(name: str) -> bool:
    """Whether it is an IP address as in URLs: four decimal numbers, or IPv6."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return name.strip().lower().removesuffix(".")
