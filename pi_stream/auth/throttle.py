"""Limits guessing of passwords: each wrong try makes the next one wait longer. Rules without I/O.

The first wrong tries are free; each further one doubles the pause, from one second up to a minute. At most 1024 client
networks are remembered.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_TRIES = 5  # the default
MAX_PAUSE_S = 60.0
_FORGET_AFTER_S = 600.0  # without a try
_MAX_NETWORKS = 1024


@dataclass
class _Tries:
    wrong: int = 0
    last: float = 0.0


class Throttle:
    """Counts the tries of each client network; the first `free` wrong ones need no pause.

    `now` returns seconds of a monotonic clock. For one thread.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.free = FREE_TRIES
        self._now = now
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tries)

    def pause(self, address: str) -> float:
        """Seconds until this address may try again; 0: now."""
        tries = self._tries.get(client_network(address))
        if tries is None or tries.wrong < self.free:
            return 0.0
        pause = min(MAX_PAUSE_S, 2.0 ** min(tries.wrong - self.free, 10))
        return max(0.0, tries.last + pause - self._now())

    def count_try(self, address: str) -> None:
        """Count a try. It counts as wrong until `succeeded`, so that tries at the same time are all counted."""
        network = client_network(address)
        tries = self._tries.get(network)
        if tries is None or self._now() - tries.last > _FORGET_AFTER_S:
            tries = self._tries[network] = _Tries()
        tries.wrong += 1
        tries.last = self._now()
        self._tries.move_to_end(network)
        while len(self._tries) > _MAX_NETWORKS:
            self._tries.popitem(last=False)

    def succeeded(self, address: str, *, all_is_right: bool) -> None:
        """The last try was right.

        `all_is_right`: it was the password with all rights, so the count is reset. Otherwise the count of wrong tries
        stays, so that knowing one password does not make guesses at the other free.
        """
        network = client_network(address)
        if (tries := self._tries.get(network)) is not None:
            tries.wrong = 0 if all_is_right else tries.wrong - 1
            if tries.wrong <= 0:
                del self._tries[network]


def client_network(address: str) -> str:
    """The network of a client: its IPv4 address, or the /64 of its IPv6 address, of which one client may use every
    address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:  # an IPv4 client of a dual-stack socket
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
