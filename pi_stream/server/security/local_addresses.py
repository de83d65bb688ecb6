"""The addresses at which a browser on the LAN finds this machine."""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterable

from pi_stream.server.security.host_names import host_name, is_address

_SIOCGIFADDR = 0x8915  # linux/sockios.h: an interface's IPv4 address, in a struct ifreq of 40 bytes


def addresses(host: str) -> tuple[str, ...]:
    """The hosts of the URLs of a service that listens on `host` (empty: every address); localhost comes first."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared with, not bound to
        return ("localhost", *(each for each in _interface_addresses() if not each.startswith("127.")))
    return (f"[{host}]",) if ":" in host else (host,)


def certified(names: Iterable[str]) -> frozenset[str]:
    """The names and addresses of a certificate: those of the names that can be in a URL, and this machine's addresses.

    Of IPv6 only localhost and the address in the settings: others change, and each new certificate makes browsers warn.
    """
    found = {"127.0.0.1", "::1", *_interface_addresses()}
    for name in names:
        if not is_address(name):
            found.update(filter(None, [host_name(name)]))
        elif not (address := ipaddress.ip_address(name.partition("%")[0])).is_unspecified:  # a certificate has no zones
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
