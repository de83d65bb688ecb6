"""Who guesses passwords has to wait, longer each time. Rules without I/O.

A few tries are free, then each wrong one doubles the pause, from one second up to a minute. More than a thousand
guessing addresses are not remembered.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 5  # tries, unless told otherwise
LONGEST = 60.0  # seconds
_FORGOTTEN = 600.0  # seconds without a try
_MOST = 1024  # addresses


@dataclass
class _Tries:
    wrong: int = 0
    last: float = 0.0


class Throttle:
    """Counts the tries of each address; `free` of them cost no wait. `now`: seconds of a clock that does not jump."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.free = FREE
        self._now = now
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tries)

    def pause(self, address: str) -> float:
        """Seconds until that address may try again; 0: now."""
        tries = self._tries.get(client_network(address))
        if tries is None or tries.wrong < self.free:
            return 0.0
        pause = min(LONGEST, 2.0 ** min(tries.wrong - self.free, 10))
        return max(0.0, tries.last + pause - self._now())

    def tries(self, address: str) -> None:
        """It tries now. Counts as wrong until `succeeded`, so that many at once are as many."""
        group = client_network(address)
        tries = self._tries.get(group)
        if tries is None or self._now() - tries.last > _FORGOTTEN:
            tries = self._tries[group] = _Tries()
        tries.wrong += 1
        tries.last = self._now()
        self._tries.move_to_end(group)
        while len(self._tries) > _MOST:
            self._tries.popitem(last=False)

    def succeeded(self, address: str, *, all_is_right: bool) -> None:
        """What it tried last was right.

        With `all_is_right` it knows all there is to guess, and what went before is forgiven. Else it may still guess
        more: what went before stays, lest a password that one has makes guesses at the other free.
        """
        group = client_network(address)
        if (tries := self._tries.get(group)) is not None:
            tries.wrong = 0 if all_is_right else tries.wrong - 1
            if tries.wrong <= 0:
                del self._tries[group]


def client_network(address: str) -> str:
    """Whom an address stands for: itself, or with IPv6 its /64, of which one house has every address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:  # an IPv4 address, as a socket for both has it
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
