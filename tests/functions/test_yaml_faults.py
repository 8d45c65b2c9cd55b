"""What a person is told of a file that is no YAML: the line of the mistake, not where the parser gave up."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdash.functions.document import Unparsable
from hotdash.functions.yaml_source import parse_yaml

KEYLESS = "found {} without a colon, allowed `key: value`"
INNER = "found a line that is indented further than its neighbours, allowed the same indentation"
ODD = "found a line whose indentation is that of none above, allowed the indentation of its neighbours"
BRACKET = "found a `[` that is not closed, allowed a `]`"
BRACE = "found a `{` that is not closed, allowed a `}`"
QUOTE = 'found a `"` that is not closed, allowed another `"`'

MISTAKES = [
    # brackets and quotes: where they were opened
    ("name: a\nconfig: [\nformat: http\ntimeout: 3\n", 2, BRACKET),
    ("name: a\nconfig: [\n", 2, BRACKET),
    ("name: a\nbuild: [[1], [\n", 2, BRACKET),
    ("name: a\nconfig: {A: 1\nmemory: 3\n", 2, BRACE),
    ("name: a\nconfig:\n  A: {x\n  B: 2\nmemory: 3\n", 3, BRACE),
    ("name: a\nconfig: {A: 1]\nmemory: 2\n", 2, "found a `{` that `]` closes, allowed `}`"),
    ("name: a\nbuild: [a: b, c: d: e]\n", 2, "found ':' within `[`, allowed `,` or `]`"),
    ("name: a\nbuild: [a, b]]\n", 2, "found a `]` that nothing opened, allowed quotes around it"),
    ("name: }\n", 1, "found a `}` that nothing opened, allowed quotes around it"),
    ('name: a\nversion: "1.0\nmemory: 3\n\n', 2, QUOTE),
    ('name: a\nversion: "1.0\nmemory: 3\nruntime: "x"\n', 2, QUOTE),
    ("name: a\nbuild: [\n  a,\n  'b\n]\n", 4, "found a `'` that is not closed, allowed another `'`"),
    ("a: 1\nx: 'it's'\n", 2, "found text behind the `'` that closes a value, allowed `''` for one within"),
    ('x: "a\\qb"\n', 1, "found `\\q` within double quotes, allowed `\\\\` for a backslash, or single quotes"),
    # lines that are no key with a value
    ("name: a\nformat htp\n\n# so\n\nmemory: 3\n", 2, KEYLESS.format('"format htp"')),
    ("name: a\nmemory: 3\nformat htp\n", 3, KEYLESS.format('"format htp"')),
    ("# so\nformat htp\nname: a\n", 2, KEYLESS.format('"format htp"')),
    ("name: a\nconfig:\n  A 1\n  B 2\n  C: 3\n", 3, KEYLESS.format('"A 1"')),
    ("name: a\ntests:\n  - name: x\n    in y\n    out: z\n", 4, KEYLESS.format('"in y"')),
    ("name: a\nbuild: |\n  abc\n def\n", 4, KEYLESS.format('"def"')),
    ("name:a\nmemory: 3\n", 1, 'found "name:a" without a space after the colon, allowed `key: value`'),
    ("a: b: c\n", 1, "found a second `: ` in the line, allowed quotes around a value that holds one"),
    ("name: a\n- b\n", 2, "found an item of a list among keys, allowed `key: value`"),
    ("- a\nname: b\n", 2, "found a key among the items of a list, allowed `- value`"),
    # indentation
    ("name: a\n  memory: 3\n", 2, INNER),
    ("config:\n  A: 1\n   B: 2\n", 3, INNER),
    ("name: a\nconfig:\n    A: 1\n  B: 2\n", 4, ODD),
    ("build:\n  - x\n - y\n", 3, ODD),
    ("config:\n  A: 1\n\tB: 2\n", 3, "found a tab, allowed spaces to indent with"),
    # breaks that are none to YAML, and a mark that has no column
    ("[\ufeff}", 1, "found a `[` that `}` closes, allowed `]`"),
    ("[}\x85[", 1, "found a `[` that `}` closes, allowed `]`"),
    ("[:\u2028[", 1, "found ':' within `[`, allowed `,` or `]`"),
    # characters
    ("name: @x\n", 1, "found a value that begins with `@`, allowed quotes around it"),
    ("name: %x\n", 1, "found a value that begins with `%`, allowed quotes around it"),
]


@pytest.mark.parametrize(("text", "line", "told"), MISTAKES)
def test_a_mistake_is_told_at_its_own_line_in_plain_words(text: str, line: int, told: str):
    with pytest.raises(Unparsable) as caught:
        parse_yaml(text, file="func.yaml")
    assert str(caught.value.fault) == f"func.yaml:{line}: {told}"


@given(st.text("ab:-[]{}'\"\\|>?@%&*!#, \r\n\t\x85\u2028\ufeff", max_size=60))
def test_any_text_is_read_or_told_of_within_its_lines(text: str):
    with suppress(Unparsable):
        parse_yaml(text, file="func.yaml")
        return
    with pytest.raises(Unparsable) as caught:
        parse_yaml(text, file="func.yaml")
    fault = caught.value.fault
    assert fault.line is None or 1 <= fault.line <= len(text.splitlines()) + 1
    assert fault.found
