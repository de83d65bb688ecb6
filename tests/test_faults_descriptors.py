"""Out of file descriptors: those who are there go on, those who come wait, the log says so, and all is well after."""

import asyncio
import io
import os
import shutil
import socket
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pi_stream.protocol import parse_packet
from tests.running import PATIENCE, http, next_frame, process, say

_LIMIT = 48  # file descriptors; the service needs about half of them without a viewer


def _spent(pid: int) -> float:
    """Seconds of CPU that a process has taken: proc(5), utime and stime."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _shows_red(service_frames: bytes) -> bool:
    packet, _ = parse_packet(service_frames)
    with Image.open(io.BytesIO(bytes(packet.data))) as picture:
        corner = np.asarray(picture)[6:20, 6:20].reshape(-1, 3).mean(axis=0)
    return bool(corner[0] > 150 and corner[1] < 90)


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit, of util-linux, is not here")
@pytest.mark.parametrize("tls", ["off", "self-signed"])
async def test_who_is_there_goes_on_and_who_comes_is_let_in_when_there_is_room_again(tmp_path: Path, tls: str) -> None:
    """No picture stops, nothing spins, one line says it; a caption whose font cannot be read now is drawn later."""
    launcher = ("prlimit", f"--nofile={_LIMIT}:{_LIMIT}")
    caption = {"text": "日本 {time}", "x": 0, "y": 0, "size": 0.3, "color": "#ff0000", "background": "#ff0000"}
    async with process(tmp_path, f"tls.mode={tls}", launcher=launcher) as service, http(service) as session:
        port = int(service.url.rstrip("/").rpartition(":")[2])
        async with service.socket() as viewer:
            await say(viewer, "watch", accept=["png"])
            await next_frame(viewer)
            with ExitStack() as idle:
                for _ in range(2 * _LIMIT):
                    idle.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
                line = await service.says("no connection can be accepted")
                assert "Too many open files; 1 viewers are connected" in line
                before, began = _spent(service.process.pid), asyncio.get_running_loop().time()
                await say(viewer, "caption.put", caption=caption)
                for _ in range(60):
                    await next_frame(viewer)
                took = asyncio.get_running_loop().time() - began
                assert _spent(service.process.pid) - before < took / 2, "it spins"
            async with session.get("healthz") as answer:  # it waited, or comes now
                assert answer.status == 200
            async with session.get("main.js") as answer:
                assert answer.status == 200
            async with asyncio.timeout(PATIENCE):
                while not await _shows_red(await next_frame(viewer)):
                    pass
        assert await service.stop() == 0
        said = "".join(service.lines)
        assert said.count("no connection can be accepted") == 1
        assert "Traceback" not in said


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit, of util-linux, is not here")
async def test_a_page_that_cannot_be_read_now_is_503(tmp_path: Path) -> None:
    """Not 404: it is there. And a stop just then is as clean as ever."""
    async with process(tmp_path, launcher=("prlimit", f"--nofile={_LIMIT}:{_LIMIT}")) as service:
        port = int(service.url.rstrip("/").rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with ExitStack() as idle:
            idle.callback(writer.close)
            for _ in range(2 * _LIMIT):
                idle.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            await service.says("no connection can be accepted")
            writer.write(b"GET /main.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status = await asyncio.wait_for(reader.readline(), PATIENCE)
            assert status.split()[1] == b"503"
            assert await service.stop() == 0
        assert "Traceback" not in "".join(service.lines)
