"""A calendar that jumps by a year, forwards and backwards, under the running service: tests/stand_in_clock.c.

And a time zone that is another one, as when somebody tells a new appliance where it is.
"""

import asyncio
import io
import os
import struct
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import websockets
from PIL import Image

from pi_stream.auth import store
from pi_stream.auth.credentials import Credentials
from pi_stream.auth.passwords import hash_password
from pi_stream.protocol import parse_packet
from tests.launchers import or_skip
from tests.preloaded import compiled
from tests.running import PATIENCE, http, messages_until, next_frame, process, say

_YEAR = 365 * 86_400  # seconds
_PASSWORD = "correct horse"  # noqa: S105 - of this test


class Calendar:
    """The calendar of a process with `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "offset"
        self.environment = {"LD_PRELOAD": str(compiled("stand_in_clock", folder)), "CALENDAR_OFFSET": str(self._file)}
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """Have it be off by so much."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)


# The command that comes after it, for which the file that is named first is the machine's time zone.
_OWN_ZONE = (
    *("unshare", "--mount", "--map-root-user"),
    *("sh", "-c", 'mount --bind "$0" /etc/localtime && exec env --unset=TZ "$@"'),
)


class Zone:
    """A file as /etc/localtime is one; what it says is changed in place, for it is seen through a mount."""

    def __init__(self, file: Path, name: str) -> None:
        self.file = file
        self.become(name, 0)

    def become(self, name: str, hours: int) -> None:
        """Have it be a zone of three letters, so many hours ahead of UTC: RFC 8536's version 1, with no changes."""
        counts = struct.pack(">6L", 0, 0, 0, 0, 1, len(name) + 1)
        kind = struct.pack(">lBB", hours * 3600, 0, 0)
        self.file.write_bytes(b"TZif" + bytes(16) + counts + kind + name.encode() + b"\0")
        os.utime(self.file, (hours, hours))  # it was written in an instant, and changes are seen by the second


async def _one_in_the_picture(viewer: websockets.ClientConnection, expected: object) -> None:
    """Wait until the caption in the upper half, a field, reads as the one in the lower half, which is put there."""
    await say(viewer, "caption.put", id=1, caption=_caption(str(expected), "below", 0.5))
    await messages_until(viewer, "ok", re=1)
    async with asyncio.timeout(PATIENCE):
        while True:
            packet, _ = parse_packet(await next_frame(viewer))
            with Image.open(io.BytesIO(bytes(packet.data))) as picture:
                above, below = (
                    np.asarray(picture)[top + 26 : top + 66, :100] for top in (0, 90)
                )  # inside of the boxes
            if np.array_equal(above, below):
                assert above.max() > 200, "it is the background alone"
                return


def _caption(text: str, name: str, y: float) -> dict[str, object]:
    return {"id": name, "text": text, "x": 0, "y": y, "size": 0.4, "background": "#204060", "ttl": 1000}


async def _may(session: aiohttp.ClientSession, path: str) -> bool:
    async with session.get(path) as answer:
        if answer.status != 200:
            assert (answer.status, (await answer.json())["error"]["code"]) == (401, "login-needed")
        return answer.status == 200


@pytest.mark.parametrize("step", [_YEAR, -_YEAR], ids=["forwards", "backwards"])
async def test_pictures_and_captions_go_on_when_the_calendar_jumps(tmp_path: Path, step: int) -> None:
    """Nothing is late, lost or gone by it: only `{time}`, and what is told of the calendar, is another."""
    calendar = Calendar(tmp_path)
    async with process(tmp_path, environment=calendar.environment) as service, service.socket() as viewer:
        await say(viewer, "caption.put", id=0, caption=_caption("{time:%Y}", "above", 0))
        await messages_until(viewer, "ok", re=0)
        await say(viewer, "watch", accept=["png"])
        year = datetime.now(UTC).year
        await _one_in_the_picture(viewer, year)
        calendar.jump(step)
        packets = [parse_packet(await next_frame(viewer))[0] for _ in range(30)]
        assert not any(packet.offline for packet in packets)
        assert all(0 < b.captured - a.captured < 60_000_000 for a, b in pairwise(packets))
        await _one_in_the_picture(viewer, year + (1 if step > 0 else -1))
        await say(viewer, "ping", sent=1)
        assert (await messages_until(viewer, "pong"))["utc"].startswith(str(year + (1 if step > 0 else -1)))
        assert 0 < (await messages_until(viewer, "stats"))["source_fps"] < 100
        async with http(service) as session, session.get("api/captions") as answer:
            assert len((await answer.json())["captions"]) == 2
        assert await service.stop() == 0
        assert "Traceback" not in "".join(service.lines)


async def test_a_time_zone_that_is_set_is_in_the_pictures_without_a_restart(tmp_path: Path) -> None:
    """The C library reads the machine's zone once, and again only when it is asked to look."""
    zone = Zone(tmp_path / "localtime", "AAA")
    launcher = await or_skip((*_OWN_ZONE, str(zone.file)), "a time zone for one process")
    async with process(tmp_path, launcher=launcher) as service, service.socket() as viewer:
        await say(viewer, "caption.put", id=0, caption=_caption("{time:%Z}", "above", 0))
        await messages_until(viewer, "ok", re=0)
        await say(viewer, "watch", accept=["png"])
        await _one_in_the_picture(viewer, "AAA")
        zone.become("WWW", 9)
        await _one_in_the_picture(viewer, "WWW")
        assert await service.stop() == 0


@pytest.mark.parametrize("step", [_YEAR, -_YEAR], ids=["forwards", "backwards"])
async def test_logins_and_links_prove_nothing_while_the_calendar_is_off_by_a_year(tmp_path: Path, step: int) -> None:
    """Who is logged in is let go with a reason, and let in again once the calendar is right."""
    calendar = Calendar(tmp_path)
    store.save(tmp_path / store.NAME, Credentials().with_password("control", hash_password(_PASSWORD, n=2)))
    locked = ("auth.mode=password", "auth.view=password")
    async with (
        process(tmp_path, *locked, environment=calendar.environment) as service,
        aiohttp.ClientSession(service.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        http(service) as stranger,
    ):
        async with session.post("login", data={"password": _PASSWORD}, allow_redirects=False) as answer:
            assert answer.status == 303
            cookie = answer.cookies["pi-stream-session"].value
        session.cookie_jar.clear()
        session.headers["Cookie"] = f"pi-stream-session={cookie}"  # as a browser sends it, whose calendar is right
        async with session.post("api/links", json={"path": "/snapshot.jpg", "seconds": 600}) as answer:
            link = (await answer.json())["path"].lstrip("/")
        async with service.socket(additional_headers=dict(session.headers)) as viewer:
            assert await _may(session, "api/status")
            assert await _may(stranger, link)
            calendar.jump(step)
            await asyncio.wait_for(viewer.wait_closed(), PATIENCE)
            assert (viewer.close_code, viewer.close_reason) == (1008, "the login has ended")
        assert not await _may(session, "api/status")
        assert not await _may(stranger, link)
        calendar.jump(0)
        assert await _may(session, "api/status")
        assert await _may(stranger, link)
        assert await service.stop() == 0
