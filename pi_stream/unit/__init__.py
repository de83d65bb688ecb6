"""What pi-stream and systemd say to each other: ready, status, watchdog, reload, the port, the journal.

Nothing here needs systemd: without it there is nobody to tell, and nothing is told.
"""

from pi_stream.unit.notify import Notify
from pi_stream.unit.passed import passed_socket
from pi_stream.unit.status import sentence
from pi_stream.unit.watchdog import Watchdog

__all__ = ["Notify", "Watchdog", "passed_socket", "sentence"]
