"""The browser's share: ready-made JPEGs over a websocket to a page that draws each as it comes, and does nothing else.

`python -m tests.bench.bare_page PORT Y4M`
"""

import asyncio
import itertools
import json
import struct
import sys
from itertools import islice
from pathlib import Path

from aiohttp import WSMsgType, web

from pi_stream.encoders.jpeg import JpegEncoder
from pi_stream.lib import clock
from tests.bench.film import FPS, HEIGHT, PICTURES, WIDTH, frames
from tests.bench.parties import QUALITY

_PAGE = f"""<!doctype html><link rel="icon" href="data:,">
<canvas id="picture" width="{WIDTH}" height="{HEIGHT}"></canvas>
<script type="module">
const canvas = document.getElementById('picture'), context = canvas.getContext('2d', {{ alpha: false }});
const socket = new WebSocket(new URL('ws', document.baseURI).href.replace(/^http/, 'ws'));
socket.binaryType = 'arraybuffer';
socket.onopen = () => socket.send('{{"type":"watch"}}');
socket.onmessage = async ({{ data }}) => {{
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, 8)], {{ type: 'image/jpeg' }}));
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  canvas.dataset.captured = String(new DataView(data).getBigUint64(0, true));
  canvas.dataset.seq = '0';
}};
</script>"""


async def _page(_request: web.Request) -> web.Response:
    return web.Response(text=_PAGE, content_type="text/html")


def _socket(files: list[bytes]) -> web.Application:
    async def send(socket: web.WebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        for file in itertools.cycle(files):
            await socket.send_bytes(struct.pack("<Q", clock.now()) + file)
            due += 1 / FPS
            await asyncio.sleep(due - loop.time())

    async def serve(request: web.Request) -> web.WebSocketResponse:
        """Pictures for who watches, and the clock for who pings: as pi-stream has it, for `canvas`."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sending: asyncio.Task[None] | None = None
        try:
            async for message in socket:
                asked = json.loads(message.data) if message.type is WSMsgType.TEXT else {}
                if asked.get("type") == "ping":
                    await socket.send_json({"type": "pong", "sent": asked["sent"], "clock": clock.now()})
                elif sending is None:
                    sending = asyncio.create_task(send(socket))
        finally:
            if sending is not None:
                sending.cancel()
        return socket

    app = web.Application()
    app.add_routes([web.get("/", _page), web.get("/ws", serve)])
    return app


if __name__ == "__main__":
    _encoder = JpegEncoder(WIDTH, HEIGHT, QUALITY)
    _files = [_encoder.encode(frame) for frame in islice(frames(Path(sys.argv[2])), PICTURES)]
    web.run_app(_socket(_files), host="127.0.0.1", port=int(sys.argv[1]), print=None)
