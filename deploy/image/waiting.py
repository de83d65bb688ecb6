"""waiting.py PORT FILE: serve a page with the present step (the text in FILE) until pi-stream is installed.

It runs on the Pi before pi-stream is installed, so it needs only Python.
"""

import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<title>pi-stream is being installed</title>
<body style="font: 1.2rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 30em; padding: 0 1em">
<h1>Installing pi-stream</h1>
<p>This Raspberry Pi has started for the first time. Please leave the power on.</p>
<p><strong>Now: {step}.</strong></p>
<p>This page reloads every 5 seconds, and then shows the camera.</p>
"""


class Answer(BaseHTTPRequestHandler):
    """Answers every GET with the same page, and status 503, so that no program takes it for the picture."""

    timeout = 10  # seconds after which an idle connection is closed

    def do_GET(self) -> None:
        """Answer with the present step."""
        step = Path(sys.argv[2]).read_text(encoding="utf-8").strip()
        body = PAGE.format(step=html.escape(step)).encode()
        self.send_response(503)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Retry-After", "5"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
        """Log nothing: it would be a line in the journal every 5 seconds."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Answer).serve_forever()
