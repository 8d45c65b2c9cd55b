"""Goes wrong on request: the payload says how. See func.yaml."""

import os
import signal
import sys
import time


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
    stdout.write(
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    stdout.flush()


def misbehave(wish):
    """Does what the payload asks for; returns if it asks for nothing bad."""
    if wish == "exit":
        sys.exit(3)
    if wish == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if wish == "junk":
        print("DEBUG: here I am", flush=True)  # the mistake: print() writes to stdout, where the answers go
    if wish == "hang":
        while True:
            time.sleep(3600)


def main():
    for headers, body in read_requests(sys.stdin.buffer):
        wish = body.decode("utf-8", "replace").strip()
        print(f"{headers['task-id']} asked for: {wish or 'nothing'}", file=sys.stderr, flush=True)
        misbehave(wish)
        if wish == "fail":
            write_answer(sys.stdout.buffer, b"could not reach the database\n", status="500 Internal Server Error")
        else:
            write_answer(sys.stdout.buffer, b"fine\n")


if __name__ == "__main__":
    main()
