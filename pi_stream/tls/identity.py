"""What the service proves with that it is itself: its own certificate, or that of files, whichever the settings say."""

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

_LOOK = 10.0  # seconds between two looks at dates and names


class Identity:
    """`certificate` is what new connections are shown; those that are open go on with what they were shown."""

    def __init__(self, settings: TlsSettings, state: Path, names: Callable[[], Collection[str]]) -> None:
        """`names` are those by which it is asked for. Blocks. Raises SettingError."""
        self._own = SelfSigned(state / NAME, names()) if settings.mode == "self-signed" else None
        self._names = names
        self.certificate: Certificate
        self.read_again(settings)

    @property
    def self_signed(self) -> bool:
        """Whether no authority speaks for it, so that browsers warn."""
        return self._own is not None

    def read_again(self, settings: TlsSettings) -> None:
        """Take over the files of these settings, as they are now. Blocks. Raises SettingError, and all stays."""
        self.certificate = self._own.current if self._own else files.load(settings.certificate, settings.key)

    async def run(self) -> None:
        """Renew a certificate of our own in time, and where the machine is called otherwise; until cancelled."""
        while (own := self._own) is not None:
            await asyncio.sleep(_LOOK)
            try:
                await asyncio.to_thread(own.renew, self._names())
            except OSError as error:
                if not used_up(error):
                    raise
                log.warning("the certificate cannot be looked after: %s", error.strerror)
            self.certificate = own.current
