"""Writes a report step by step. The payload is the number of steps; its progress goes to stderr."""

import os
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


def main():
    step_s = float(os.environ.get("STEP_S", "0.3"))
    default_steps = int(os.environ.get("STEPS", "8"))
    region = os.environ.get("REGION", "nowhere")  # from ../app.yaml: every function of the app has it
    for _headers, body in read_requests(sys.stdin.buffer):
        steps = int(body) if body.strip().isdigit() else default_steps
        # These lines carry no Task-ID. hotdash still knows whose they are: a process runs one call at a time.
        print(f"report for region {region}: {steps} steps", file=sys.stderr, flush=True)
        for step in range(1, steps + 1):
            time.sleep(step_s)
            print(f"  step {step} of {steps} {'#' * step}{'.' * (steps - step)}", file=sys.stderr, flush=True)
        write_answer(sys.stdout.buffer, f"steps done: {steps}\n".encode())


if __name__ == "__main__":
    main()
