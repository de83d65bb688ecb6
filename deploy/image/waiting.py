"""waiting.py PORT FILE: until pi-stream is installed, its address says what is being done (the text in FILE).

It runs on the Pi before anything of ours is installed, so it needs nothing but Python.
"""

import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = """<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<title>pi-stream is being installed</title>
<body style="font: 1.2rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 30em; padding: 0 1em">
<h1>Nearly there</h1>
<p>This is the first start of this Raspberry Pi, and pi-stream is being installed. Please leave the power on.</p>
<p><strong>Now: {step}.</strong></p>
<p>The page looks again every 5 seconds, and then shows the picture.</p>
"""


class Answer(BaseHTTPRequestHandler):
    """The same page, whatever is asked for: 503, so that no program takes it for the picture."""

    timeout = 10  # seconds, after which a connection that says nothing is closed

    def do_GET(self) -> None:
        """Answer with the step as it is now."""
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
        """Say nothing: it would be a line in the journal every 5 seconds."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), Answer).serve_forever()
