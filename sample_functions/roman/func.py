"""Writes a number in Roman numerals: 1987 is MCMLXXXVII."""

import json
import sys

NUMERALS = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]  # fmt: skip


def roman(number):
    """The number in Roman numerals."""
    text = ""
    for value, numeral in NUMERALS:
        count, number = divmod(number, value)
        text += numeral * count
    return text


def answer(body, status_code=200, **headers):
    """Answers the request: one JSON object, flushed at once, for the caller is waiting for it."""
    protocol = {"status_code": status_code, "headers": {name: [value] for name, value in headers.items()}}
    print(json.dumps({"body": body, "content_type": "text/plain", "protocol": protocol}), flush=True)


def main():
    for line in sys.stdin:  # a request is one line, and the next one comes when this one has been answered
        request = json.loads(line)
        print(f"{request['call_id']} until {request['deadline']}", file=sys.stderr, flush=True)
        text = request["body"].strip()
        if text.isdecimal() and 0 < int(text) < 4000:
            numerals = roman(int(text))
            answer(numerals + "\n", Letters=str(len(numerals)))
        else:
            answer("send a number from 1 to 3999\n", status_code=400)


if __name__ == "__main__":
    main()
