"""Greets whom the payload names: plain text, or JSON such as {"name": "Ada"}."""

import json
import os
import sys


def read_requests(stdin):
    """Yields (headers, body) for each request on stdin, until it ends. Header names are in lower case."""
    while stdin.readline():  # the request line: "GET /greet HTTP/1.1"
        headers = {}
        while (line := stdin.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        yield headers, stdin.read(int(headers["content-length"]))


def write_answer(stdout, body, status="200 OK", content_type="text/plain; charset=utf-8"):
    """Answers the request. The caller is waiting for these bytes, so they are flushed at once."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    stdout.write(head.encode() + body)
    stdout.flush()


def log(task_id, text):
    """Logs a line. stdout belongs to the answers; stderr is free, and the Task-ID says whose line it is."""
    print(f"{task_id} {text}", file=sys.stderr, flush=True)


def whom(payload):
    """The name in the payload."""
    text = payload.decode("utf-8", "replace").strip()
    if text.startswith("{"):
        return json.loads(text).get("name", "world")
    return text or "world"


def main():
    greeting = os.environ.get("GREETING", "Hello")  # read once: this process serves many calls
    for served, (headers, body) in enumerate(read_requests(sys.stdin.buffer), start=1):
        try:
            name = whom(body)
        except ValueError as error:
            log(headers["task-id"], f"not JSON: {error}")
            write_answer(sys.stdout.buffer, f"not JSON: {error}\n".encode(), status="400 Bad Request")
            continue
        log(headers["task-id"], f"greeting {name}, call {served} of this process")
        write_answer(sys.stdout.buffer, f"{greeting}, {name}!\n".encode())


if __name__ == "__main__":
    main()
