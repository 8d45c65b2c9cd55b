"""Finds emoji: the payload is some words, the answer lists the emoji with all of them in their names."""

import json
import os
import sys
from pathlib import Path


def read_requests(stdin):
    """Yields (headers, body) for each request on stdin, until it ends. Header names are in lower case."""
    while stdin.readline():
        headers = {}
        while (line := stdin.readline().decode("latin-1").strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        yield headers, stdin.read(int(headers["content-length"]))


def write_answer(stdout, body, status="200 OK"):
    """Answers the request."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    stdout.write(head.encode() + body)
    stdout.flush()


def main():
    # Loaded once and used for every call: what a hot function has ready, a cold one would load each time.
    index = json.loads(Path("index.json").read_text(encoding="utf-8"))
    most = int(os.environ.get("MOST", "5"))
    print(f"index of {len(index)} emoji loaded", file=sys.stderr, flush=True)
    for headers, body in read_requests(sys.stdin.buffer):
        words = body.decode("utf-8", "replace").lower().split()
        found = [f"{emoji} {name}\n" for emoji, name in index.items() if all(word in name for word in words)]
        print(f"{headers['task-id']} {' '.join(words)}: {len(found)} found", file=sys.stderr, flush=True)
        write_answer(sys.stdout.buffer, "".join(found[:most]).encode() or b"nothing found\n")


if __name__ == "__main__":
    main()
