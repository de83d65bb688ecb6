"""The service as a process: how it starts, what it keeps, how it ends."""

import asyncio
import importlib
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from pi_stream.app.service import serve
from pi_stream.config.files import load
from pi_stream.lib.handover import Handover
from tests.raw import framed, raw_socket
from tests.running import PATIENCE, SMALL, Process, http, next_frame, process, running, say

BUNNY = Path(__file__).parent / "media" / "bunny.mp4"


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def number(request: pytest.FixtureRequest) -> int:
    return int(request.param)


async def test_it_says_where_it_is_and_what_it_took_and_ends_when_it_is_told(tmp_path: Path, number: int) -> None:
    """URLs, the source and why; the exit code after a polite signal is 0."""
    async with process(tmp_path, "server.host=") as service:
        said = "".join(service.lines)
        assert "Source: synthetic" in said
        assert 'source = "synthetic"' in said
        assert service.url.startswith("http://localhost:")
        async with http(service) as session, session.get("healthz") as answer:
            assert answer.status == 200
        assert await service.stop(number) == 0


async def test_auto_says_why_it_took_none_of_the_others(tmp_path: Path) -> None:
    """On a machine without a camera: synthetic, with a reason for each of the others, in print and in the status."""
    async with process(tmp_path, "camera.source=auto") as service, http(service) as session:
        async with session.get("api/status") as answer:
            source = (await answer.json())["source"]
        said = "".join(service.lines)
        if source["kind"] == "synthetic":
            assert [reason.split(":")[0] for reason in source["refused"]] == ["picamera2", "v4l2"]
        for reason in source["refused"]:
            assert f"not {reason}" in said


async def test_a_path_decides_what_auto_takes(tmp_path: Path) -> None:
    """`--set camera.path=film.mp4` is all that a film needs."""
    async with process(tmp_path, "camera.source=auto", f"camera.path={BUNNY}") as service:
        assert any("Source: file" in line and "bunny.mp4" in line for line in service.lines)


async def test_captions_survive_a_restart_and_even_a_kill(tmp_path: Path) -> None:
    """They were on the card before the answer's second was over."""
    async with process(tmp_path) as service, http(service) as session:
        async with session.post("api/captions", json={"text": "still here"}) as answer:
            assert answer.status == 201
        assert await service.stop() == 0
    async with process(tmp_path) as service, http(service) as session:
        async with session.get("api/captions") as answer:
            assert [caption["text"] for caption in (await answer.json())["captions"]] == ["still here"]
        await service.stop(signal.SIGKILL)
    async with process(tmp_path) as service, http(service) as session, session.get("api/captions") as answer:
        assert len((await answer.json())["captions"]) == 1


async def test_a_damaged_state_is_set_aside_with_a_warning(tmp_path: Path) -> None:
    """The service starts all the same."""
    (tmp_path / "captions.json").write_text('{"captions": [{"id":', encoding="utf-8")
    async with process(tmp_path) as service:
        assert any("captions.json" in line and line.startswith("WARNING") for line in service.lines)
    assert any(name.startswith("captions.json.damaged") for name in _names(tmp_path))


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def _run(*arguments: str) -> tuple[int, str]:
    """`pi-stream` with these arguments: exit code and all that it printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pi_stream", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(child.communicate(), PATIENCE)
    return child.returncode or 0, output.decode()


def _serve(*assignments: str) -> list[str]:
    settings = ["serve", "--config", os.devnull]
    for assignment in (*SMALL, *assignments):
        settings += ["--set", assignment]
    return settings


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["camera.widht=3"], ["[camera] widht", '"width"']),
        (["camera.source=auto", "camera.path=nowhere.mp4"], ["camera.path", "nowhere.mp4"]),
        (["camera.source=file", f"camera.path={__file__}"], ["camera.path", "test_service.py", "video"]),
        (["server.host=203.0.113.77"], ["[server] host", "203.0.113.77"]),
        (["server.host=a..b\u00e9"], ["[server] host", "expected an address or a name"]),
        (["camera.path=film\udcff.mp4"], ["[camera] path", "UTF-8", "udcff"]),
    ],
)
async def test_a_wrong_setting_ends_with_one_line_and_exit_code_2(assignments: list[str], words: list[str]) -> None:
    """No traceback, and the line names what to mend."""
    code, output = await _run(*_serve(*assignments))
    assert code == 2
    line = output.strip().splitlines()[-1]
    assert "Traceback" not in output
    for word in words:
        assert word in line


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """With its number."""
    async with process(tmp_path) as service:
        port = service.url.rstrip("/").rpartition(":")[2]
        code, output = await _run(*_serve(f"server.port={port}"))
    assert code == 2
    assert f"port: {port} is taken" in output
    assert "Traceback" not in output


async def test_check_config_says_right_or_what_is_wrong(tmp_path: Path) -> None:
    """It starts nothing."""
    path = tmp_path / "config.toml"
    path.write_text("[camera]\nfps = 15\n", encoding="utf-8")
    assert await _run("check-config", str(path)) == (0, f"{path}: valid\n")
    path.write_text("[camera]\nfsp = 15\n", encoding="utf-8")
    code, output = await _run("check-config", str(path))
    assert code == 2
    assert output.count("\n") == 1
    for word in (str(path), "[camera] fsp", '"fps"'):
        assert word in output


async def test_watch_prints_rate_age_and_drops(tmp_path: Path) -> None:
    """Again and again, until it is interrupted or has watched for as long as it was told."""
    async with process(tmp_path) as service:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pi_stream", "watch", service.url, "--encoding", "png"),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert child.stdout is not None
        async with asyncio.timeout(PATIENCE):
            first, *lines = [(await child.stdout.readline()).decode() for _ in range(3)]
            child.send_signal(signal.SIGINT)
            rest, _ = await child.communicate()
        code, output = await _run("watch", service.url, "--seconds", "0.1")
    assert "png 320x180" in first
    assert all("fps" in line and "age" in line and "dropped" in line for line in lines)
    assert b"Traceback" not in rest
    assert (code, output.count("\n")) == (0, 1)
    assert "jpeg 320x180" in output


async def test_a_reader_of_the_output_that_goes_ends_a_command_quietly(tmp_path: Path) -> None:
    """Such as head: nothing is wrong, and nothing is said."""
    reading, writing = os.pipe()
    os.close(reading)
    async with process(tmp_path) as service:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pi_stream", "watch", service.url),
            stdin=asyncio.subprocess.DEVNULL, stdout=writing, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        os.close(writing)
        _, errors = await asyncio.wait_for(child.communicate(), PATIENCE)
    assert (child.returncode, errors) == (0, b"")


async def test_caption_puts_one_and_prints_its_id(tmp_path: Path) -> None:
    """And what is wrong with one is told, with exit code 1."""
    async with process(tmp_path) as service, http(service) as session:
        code, output = await _run("caption", service.url, "door {time:%H:%M}", "--anchor", "bottom", "--ttl", "60")
        assert code == 0
        async with session.get(f"api/captions/{output.strip()}") as answer:
            caption = await answer.json()
        assert (caption["text"], caption["anchor"], caption["ttl"]) == ("door {time:%H:%M}", "bottom", 60)
        code, output = await _run("caption", service.url, "{dor}")
        assert (code, output.count("\n")) == (2, 1)
        assert "dor" in output


@pytest.mark.parametrize(
    ("url", "expected"), [("http://127.0.0.1:9", 1), ("ftp://x", 2), ("http://", 2), ("http://[", 2), ("pi:99999", 2)]
)
async def test_no_service_is_one_sentence(url: str, expected: int) -> None:
    """Not a traceback; what is no address at all was asked wrongly."""
    code, output = await _run("watch", url)
    assert code == expected
    assert output.count("\n") == 1
    assert output.startswith("pi-stream: ")


async def test_a_bug_ends_the_service_with_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither swallowed nor survived: systemd starts the service again."""

    def broken(*_: object) -> bytes:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("pi_stream.app.service.picture_of_text", broken)

    async def meet_it() -> None:
        async with running(tmp_path) as service, service.socket("ws/text") as connection:
            await connection.send("x")
            await asyncio.wait_for(asyncio.Event().wait(), PATIENCE)

    with pytest.raises(BaseExceptionGroup) as caught:
        await meet_it()
    assert caught.group_contains(ZeroDivisionError)


@pytest.mark.parametrize("when", ["app.cameras.allocate_async", "stream.stream.open_source"])
async def test_a_bug_before_the_page_is_served_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """While the source is chosen, or opens, which both may take their time."""

    def broken(_item: int, _overtaken: int) -> None:
        raise ZeroDivisionError("a bug")

    def met(*arguments: Any, **named: Any) -> Any:
        bug.put(1)
        return real(*arguments, **named)

    where, _, name = f"pi_stream.{when}".rpartition(".")
    bug, real = Handover(asyncio.get_running_loop(), broken), getattr(importlib.import_module(where), name)
    monkeypatch.setattr(f"pi_stream.{when}", met)
    with pytest.raises((ZeroDivisionError, BaseExceptionGroup)) as caught:
        await serve(load(Path(os.devnull), SMALL), state=tmp_path, ready=lambda _context, _server: None)
    assert isinstance(caught.value, ZeroDivisionError) or caught.group_contains(ZeroDivisionError)


async def test_a_bug_in_a_protocol_ends_the_service_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop alone would end that connection, and go on."""

    def broken(_text: bytes) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("pi_stream.server.websocket.feed.parse_ack", broken)

    async def meet_it() -> None:
        async with running(tmp_path) as service, service.socket("ws") as connection:
            await connection.send('{"type":"ack","seq":1}')
            await asyncio.wait_for(asyncio.Event().wait(), PATIENCE)

    with pytest.raises(BaseExceptionGroup) as caught:
        await meet_it()
    assert caught.group_contains(ZeroDivisionError)


@pytest.mark.alone
async def test_viewers_hear_goodbye_and_the_exit_is_0_under_load(tmp_path: Path) -> None:
    """A signal while pictures flow to viewers in every encoding, texts are drawn, and some neither read nor answer."""
    async with process(tmp_path) as service, http(service) as session, AsyncExitStack() as ends:
        connections = [await _connect(service, encoding) for encoding in ("jpeg", "png", "i420", "rgba") * 2]
        for _ in range(2):
            connections.append(await ends.enter_async_context(service.socket("ws/text")))
            await connections[-1].send("x")
        mjpeg = await ends.enter_async_context(session.get("stream.mjpg"))
        await mjpeg.content.readany()
        silent = await ends.enter_async_context(raw_socket(service))
        silent.send(framed(b'{"type":"watch","accept":["rgba"]}'))
        await silent.receive_until(2)
        assert await service.stop() == 0
        assert "Traceback" not in "".join(service.lines)
        for connection in connections:
            async with asyncio.timeout(PATIENCE):
                async for _ in connection:  # what came before, or the library would look no further
                    pass
            assert connection.close_code == 1001


@pytest.mark.alone
async def test_a_viewers_answer_to_the_goodbye_is_waited_for(tmp_path: Path) -> None:
    """The connection is not cut with the goodbye perhaps still on its way: who answers late finds it open."""
    with ExitStack() as ends:
        await _answer_late(tmp_path, ends)


async def _answer_late(state: Path, ends: ExitStack) -> None:
    async with process(state) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rstrip("/").rpartition(":")[2]))
        ends.callback(writer.close)
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        async with asyncio.timeout(PATIENCE):
            await reader.readuntil(b'"type":"welcome"')
            service.process.send_signal(signal.SIGTERM)
            await reader.readuntil(b"\x03\xe9pi-stream is stopping")  # 1001, RFC 6455 clause 5.5.1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.5)  # neither an end nor anything else
        writer.write(bytes((0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9)))
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        assert await asyncio.wait_for(service.process.wait(), PATIENCE) == 0


async def test_a_viewer_that_does_not_read_cannot_keep_the_service_from_ending(tmp_path: Path) -> None:
    """Its connection is cut, and the exit is as clean as ever."""
    async with process(tmp_path, "camera.width=1280", "camera.height=720", "stream.stall_timeout=600") as service:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", int(service.url.rstrip("/").rpartition(":")[2])))
            handshake = (
                "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            watch = b'{"type":"watch","accept":["rgba"]}'
            deaf.sendall(handshake.encode())
            await asyncio.to_thread(deaf.recv, 1)  # a websocket begins with the answer
            deaf.sendall(bytes((0x81, 0x80 | len(watch), 0, 0, 0, 0)) + watch)
            async with http(service) as session, asyncio.timeout(PATIENCE):
                encoded = 0
                while encoded < 30:  # more than all buffers on the way can hold
                    async with session.get("snapshot.jpg") as answer:
                        await answer.read()
                    async with session.get("api/status") as answer:
                        channels = (await answer.json())["channels"]
                    encoded = max((each["encoded"] for each in channels if each["encoding"] == "rgba"), default=0)
            assert await service.stop() == 0


async def _connect(service: Process, encoding: str):  # type: ignore[no-untyped-def]  # the library's own connection
    import websockets

    connection = await websockets.connect(service.url.replace("http", "ws") + "ws", max_size=2**26, proxy=None)
    await say(connection, "watch", accept=[encoding])
    await next_frame(connection)
    return connection
