"""Turns degrees Fahrenheit into degrees Celsius, and back: `72 F` is 22.2 C."""

import os
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer


def convert(text):
    """The other scale's degrees. Raises ValueError for what is no temperature."""
    number, scale = text.split()
    if scale.upper() not in {"C", "F"}:
        raise ValueError(f"no scale {scale}")
    degrees = float(number)
    return f"{(degrees - 32) / 1.8:.1f} C" if scale.upper() == "F" else f"{degrees * 1.8 + 32:.1f} F"


class Calls(BaseHTTPRequestHandler):
    """Each call is `POST /call`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Answers one."""
        payload = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(f"{self.headers['Fn-Call-Id']} {self.headers['Fn-Http-Method']} {payload!r}", file=sys.stderr, flush=True)
        try:
            self.answer(convert(payload), status=200)
        except ValueError:
            self.answer("send a temperature such as 72 F", status=400)

    def answer(self, text, status):
        """Writes an answer: the caller gets its text and its status."""
        body = f"{text}\n".encode()
        self.send_response(200)  # that the call was answered; what the caller gets is in the headers below
        self.send_header("Fn-Http-Status", str(status))
        self.send_header("Fn-Http-H-Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: we log for ourselves."""


if __name__ == "__main__":
    listener = os.environ["FN_LISTENER"].removeprefix("unix:")
    with UnixStreamServer(listener, Calls) as server:
        Path(listener).chmod(0o666)  # in a Docker container another user listens than calls
        server.serve_forever()
