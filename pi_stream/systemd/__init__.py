"""systemd: readiness, status, watchdog, reload, socket activation, journal.

Nothing here needs systemd: without it, the methods do nothing.
"""

from pi_stream.systemd.notify import Notify
from pi_stream.systemd.socket_activation import activation_socket
from pi_stream.systemd.status import status_line
from pi_stream.systemd.watchdog import Watchdog

__all__ = ["Notify", "Watchdog", "activation_socket", "status_line"]
