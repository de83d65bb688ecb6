"""What pi-stream and systemd say to each other: ready, status, watchdog, reload, the port, the journal.

Nothing here needs systemd: without it there is nobody to tell, and nothing is told.
"""

from pi_stream.systemd.notify import Notify
from pi_stream.systemd.socket_activation import activation_socket
from pi_stream.systemd.status import status_line
from pi_stream.systemd.watchdog import Watchdog

__all__ = ["Notify", "Watchdog", "activation_socket", "status_line"]
