"""The names under which a browser on the LAN may find this machine."""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterable

from pi_stream.server.security.host_names import host_name, is_address

_SIOCGIFADDR = 0x8915  # linux/sockios.h: an interface's IPv4 address, in a struct ifreq of 40 bytes


def addresses(host: str) -> tuple[str, ...]:
    """Where to point a browser when listening on `host` (empty: on every address): this machine first."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared with, not bound to
        return ("localhost", *(each for each in _interface_addresses() if not each.startswith("127.")))
    return (f"[{host}]",) if ":" in host else (host,)


def certified(names: Iterable[str]) -> frozenset[str]:
    """What a certificate is to be valid for: those of the names that can be in a URL, and where a browser is pointed.

    Of IPv6 only localhost and what is listened on: the others come and go, and a browser would warn anew each time.
    """
    found = {"127.0.0.1", "::1", *_interface_addresses()}
    for name in names:
        if not is_address(name):
            found.update(filter(None, [host_name(name)]))
        elif not (
            address := ipaddress.ip_address(name.partition("%")[0])
        ).is_unspecified:  # no zone is in a certificate
            found.add(str(address))
    return frozenset(found)


def _interface_addresses() -> list[str]:
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("40s", name.encode()[:15]))
            except OSError:
                continue  # this interface has no IPv4 address
            found.append(socket.inet_ntoa(answer[20:24]))
    return found
