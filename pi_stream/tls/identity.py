"""The service's certificate: self-signed or from files, as the settings say; renewed and reloaded."""

import asyncio
import logging
from collections.abc import Callable, Collection
from pathlib import Path

from pi_stream.config.settings import TlsSettings
from pi_stream.errors import used_up
from pi_stream.tls import files
from pi_stream.tls.certificate import Certificate
from pi_stream.tls.self_signed import NAME, SelfSigned

log = logging.getLogger(__name__)

_CHECK_INTERVAL_S = 10.0  # between two checks of dates and names


class Identity:
    """`certificate` is that of new connections; connections that are open keep the one that they began with."""

    def __init__(self, settings: TlsSettings, state: Path, names: Callable[[], Collection[str]]) -> None:
        """`names` returns the host names and addresses of the service. Blocks. Raises SettingError."""
        self._own = SelfSigned(state / NAME, names()) if settings.mode == "self-signed" else None
        self._names = names
        self.certificate: Certificate
        self.reload(settings)

    @property
    def self_signed(self) -> bool:
        """Whether it is self-signed, so that browsers warn."""
        return self._own is not None

    def reload(self, settings: TlsSettings) -> None:
        """Read the files of these settings again. Blocks. Raises SettingError, and then keeps the old certificate."""
        self.certificate = self._own.current if self._own else files.load(settings.certificate, settings.key)

    async def run(self) -> None:
        """Renew a self-signed certificate before it ends, and when the machine has new names; until cancelled."""
        while (own := self._own) is not None:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            try:
                await asyncio.to_thread(own.renew, self._names())
            except OSError as error:
                if not used_up(error):
                    raise
                log.warning("the certificate cannot be renewed now: %s", error.strerror)
            self.certificate = own.current
