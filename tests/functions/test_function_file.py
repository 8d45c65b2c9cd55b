"""Function files and `app.yaml`: what is read, and how faults are told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotdash.errors import FunctionFileError
from hotdash.functions import FUNCTION_FILES, Format, FunctionSpec, FunctionType, load_function, load_functions

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, text: str | bytes, name: str = "func.yaml") -> FunctionSpec:
    """Writes a function file into `folder`/hello and loads it."""
    home = folder / "hello"
    home.mkdir()
    (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_function(home, root=folder)


def faults(folder: Path, text: str | bytes, name: str = "func.yaml") -> list[str]:
    """The faults of such a file, without the folder they are in."""
    with pytest.raises(FunctionFileError) as caught:
        load(folder, text, name)
    return [str(fault).removeprefix(f"{folder}/hello/") for fault in caught.value.errors]


SECONDS = "seconds, 0 to 1000000"
POSITIVE = "seconds, above 0, at most 1000000"
COMMAND = "a command (its quotes closed) or a list of its words"
NAME = "letters, digits, `.`, `_` and `-`, in parts split by `/`, such as iron/hello"

BAD_VALUES = [
    ('timeout: "abc"', f'timeout: found "abc", allowed {POSITIVE}'),
    ("timeout: -1", f"timeout: found -1, allowed {POSITIVE}"),
    ("timeout: 0", f"timeout: found 0, allowed {POSITIVE}"),
    ("timeout: 0s", f'timeout: found "0s", allowed {POSITIVE}'),
    ("timeout: true", f"timeout: found true, allowed {POSITIVE}"),
    ("timeout: .inf", f"timeout: found .inf, allowed {POSITIVE}"),
    ("timeout: .nan", f"timeout: found .nan, allowed {POSITIVE}"),
    ("timeout: 1e300", f"timeout: found 1e300, allowed {POSITIVE}"),
    ("timeout: [1]", f"timeout: found a list, allowed {POSITIVE}"),
    ("idle_timeout: -0.5", f"idle_timeout: found -0.5, allowed {SECONDS}"),
    ("init_timeout: 0", f"init_timeout: found 0, allowed {POSITIVE}"),
    ("wait_timeout: no", f'wait_timeout: found "no", allowed {SECONDS}'),
    ("build_timeout: {}", f"build_timeout: found a mapping, allowed {POSITIVE}"),
    ("drain_timeout: -1", f"drain_timeout: found -1, allowed {SECONDS}"),
    ("prove_s: x", f'prove_s: found "x", allowed {SECONDS}'),
    ("memory: 5", "memory: found 5, allowed a whole number of megabytes, 6 or more"),
    ("memory: 1.5", "memory: found 1.5, allowed a whole number of megabytes, 6 or more"),
    ("memory: 128.0", "memory: found 128.0, allowed a whole number of megabytes, 6 or more"),
    ('memory: "128"', 'memory: found "128", allowed a whole number of megabytes, 6 or more'),
    ("memory: 1_000", 'memory: found "1_000", allowed a whole number of megabytes, 6 or more'),
    ("memory: true", "memory: found true, allowed a whole number of megabytes, 6 or more"),
    ("max_concurrency: 0", "max_concurrency: found 0, allowed a whole number, 1 or more"),
    ("max_concurrency: false", "max_concurrency: found false, allowed a whole number, 1 or more"),
    ("min_warm: -1", "min_warm: found -1, allowed a whole number, 0 or more"),
    ("min_warm: 9", "min_warm: found 9, allowed at most max_concurrency, which is 8"),
    ("max_queue: 0", "max_queue: found 0, allowed a whole number, 1 or more"),
    ("format: foo", 'format: found "foo", allowed default, http, json or http-stream'),
    ("format: 1", "format: found 1, allowed default, http, json or http-stream"),
    ("type: later", 'type: found "later", allowed sync or async'),
    ("name: [a]", f"name: found a list, allowed {NAME}"),
    ("name: a b", f'name: found "a b", allowed {NAME}'),
    ("name: iron/", f'name: found "iron/", allowed {NAME}'),
    ("name: ../x", f'name: found "../x", allowed {NAME}'),
    ("name: 5", f"name: found 5, allowed {NAME}"),
    ("version: [1]", "version: found a list, allowed a version, such as 0.0.1"),
    ("path: hello", 'path: found "hello", allowed a route that starts with /, without spaces, `?` and `#`'),
    ("path: /a b", 'path: found "/a b", allowed a route that starts with /, without spaces, `?` and `#`'),
    ("config: 3", "config: found 3, allowed names and their values, one text or number each"),
    ("config: {A: [1]}", "config.A: found a list, allowed a text, a number, true or false"),
    ('config: {A: "x\\0y"}', "config.A: found a NUL character, allowed a text, a number, true or false"),
    ("config: {A=B: 1}", 'config: found the name "A=B", allowed a variable\'s name, without `=`'),
    ("headers: [a]", "headers: found a list, allowed names and their values, one line each"),
    ("headers: {A: {}}", "headers.A: found a mapping, allowed a text in one line, a number, true or false"),
    ('headers: {A: "x\\ny"}', "headers.A: found a line break, allowed a text in one line, a number, true or false"),
    ('headers: {A: "x\\ry"}', "headers.A: found a CR, allowed a text in one line, a number, true or false"),
    ('headers: {A: "\\0"}', "headers.A: found a NUL character, allowed a text in one line, a number, true or false"),
    (
        'headers: {A: "\u20ac"}',
        'headers.A: found "\u20ac" (outside latin-1), allowed a text in one line, a number, true or false',
    ),
    (
        'headers: {A: "a\\x1bb"}',
        "headers.A: found a control character, allowed a text in one line, a number, true or false",
    ),
    ("headers: {a b: x}", 'headers: found the name "a b", allowed a header\'s name: letters, digits and `-`'),
    ("build: make", 'build: found "make", allowed a list of shell commands'),
    ("build: [make, {a: b}]", "build[1]: found a mapping, allowed a shell command"),
    ("build: [~]", "build[0]: found nothing, allowed a shell command"),
    ("entrypoint: 'a \"b'", f'entrypoint: found "a \\"b" (No closing quotation), allowed {COMMAND}'),
    ("entrypoint: 3", f"entrypoint: found 3, allowed {COMMAND}"),
    ("entrypoint: [a, [b]]", f"entrypoint: found a list that holds more than words, allowed {COMMAND}"),
    ("cmd: {a: b}", f"cmd: found a mapping, allowed {COMMAND}"),
    ("runtime: 3.8", "runtime: found 3.8, allowed a runtime's name, such as python or node"),
    ("image: a b", 'image: found "a b", allowed an image\'s name, such as iron/hello:0.0.1'),
    ("network: true", "network: found true, allowed none or the name of a Docker network"),
    ("base_image: []", "base_image: found a list, allowed an image's name, such as python:3.12-slim"),
    ("writable: 1", "writable: found 1, allowed true or false"),
    ("writable: no", 'writable: found "no", allowed true or false'),
    ("tests: {}", "tests: found a mapping, allowed a list of tests, each with name, in, out, err, env"),
    ("tests: [x]", 'tests[0]: found "x", allowed a mapping with name, in, out, err, env'),
    ("tests: [{env: [x]}]", "tests[0].env: found a list, allowed names and their values"),
    ("tests: [{env: {A: {}}}]", "tests[0].env.A: found a mapping, allowed a text, a number, true or false"),
    ("name: !x y", "name: found the tag !x, allowed a value without a tag"),
    ("cmd: !!python/object:os.system x", "cmd: found the tag !!python/object:os.system, allowed a value without a tag"),
]


@pytest.mark.parametrize(("line", "told"), BAD_VALUES)
def test_a_wrong_value_names_line_key_found_and_allowed(tmp_path: Path, line: str, told: str) -> None:
    assert faults(tmp_path, f"# a comment\nversion_: 1\n{line}\n") == [f"func.yaml:3: {told}"]


NO_TEXT = [
    ('headers: {A: "%s"}', "headers.A"),
    ('config: {A: "x%s"}', "config.A"),
    ('config: {"A%s": 1}', "config.A\\udc00"),
    ('headers: {"A%s": "%s"}', "headers.A\\udc00"),
    ('build: [make, "%s"]', "build[1]"),
    ('entrypoint: "a \'%s"', "entrypoint"),
    ('entrypoint: [a, "%s"]', "entrypoint[1]"),
    ('cmd: "%s"', "cmd"),
    ('name: "%s"', "name"),
    ('version: "%s"', "version"),
    ('path: "/%s"', "path"),
    ('format: "%s"', "format"),
    ('runtime: "%s"', "runtime"),
    ('image: "%s"', "image"),
    ('network: "%s"', "network"),
    ('memory: "%s"', "memory"),
    ('tests: ["%s"]', "tests[0]"),
    ('tests: [{in: "%s"}]', "tests[0].in"),
    ('tests: [{out: {a: ["%s"]}}]', "tests[0].out.a[0]"),
    ('tests: [{env: {A: "%s"}}]', "tests[0].env.A"),
    ('whatever: "%s"', "whatever"),
    ('"what%s": 1', "what\\udc00"),
]


@pytest.mark.parametrize(("line", "key"), NO_TEXT)
def test_half_a_surrogate_pair_is_a_fault_whatever_its_key(tmp_path: Path, line: str, key: str) -> None:
    told = f"{key}: found the character U+DC00, which UTF-8 does not have, allowed UTF-8 text"
    written = line.replace("%s", "\\uDC00")
    assert faults(tmp_path, f"# a comment\n{written}\n") == [f"func.yaml:2: {told}"]
    assert told.isprintable()


def test_half_a_surrogate_pair_in_json_hides_no_other_function_and_no_other_fault(tmp_path: Path) -> None:
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
    (tmp_path / "good" / "func.yaml").write_text("{}")
    text = '{"headers": {"A": "\\uD800"},\n"config": {"B\\ud83d": 1, "B\\ud83d": "\\ud83d\\ude00"},\n"memory": 1}'
    (tmp_path / "bad" / "func.json").write_text(text)
    with pytest.raises(FunctionFileError) as caught:
        load_functions(tmp_path)
    assert [spec.key for spec in caught.value.loaded] == ["good"]
    assert [(fault.line, fault.key) for fault in caught.value.errors] == [
        (1, "headers.A"),
        (2, "config.B\\ud83d"),
        (2, "config.B\\ud83d"),
        (3, "memory"),
    ]
    assert str(caught.value).replace("\n", "").isprintable()


BAD_FILES = [
    ("''\n", 'func.yaml:1: found "", allowed a mapping of keys to values'),
    ("\n~\n", "func.yaml:2: found nothing, allowed a mapping of keys to values"),
    ("- a\n", "func.yaml:1: found a list, allowed a mapping of keys to values"),
    ("\nhello\n", 'func.yaml:2: found "hello", allowed a mapping of keys to values'),
    ("name: a\nconfig:\n\tA: 1\n", "func.yaml:3: found a tab, allowed spaces to indent with"),
    (b"name: a\nversion: \xff\n", "func.yaml:2: found the byte 0xff, which is not UTF-8, allowed UTF-8 text"),
    (b"name: a\nversion: '\x01'\n", "func.yaml:2: found the character U+0001, allowed printable text"),
    (b"x" * (10 * 2**20), "func.yaml: found more than 256 KiB, allowed a smaller file"),
    ("a: *b\n", 'func.yaml:1: found a value that begins with `*`, "a: *b", allowed quotes around it'),
    ("a: 1\n---\nb: 2\n", "func.yaml:2: found another document, allowed YAML"),
    ("? [a]\n: 1\n", "func.yaml:1: found a key that is not a single word, allowed one word"),
    ("name: a\nname: b\n", "func.yaml:2: name: found it a second time (first in line 1), allowed each key once"),
    (
        "config:\n  A: 1\n  A: 2\n",
        "func.yaml:3: config.A: found it a second time (first in line 2), allowed each key once",
    ),
    ("<<: 3\n", "func.yaml:1: <<: found no mapping, allowed a mapping to merge"),
]


@pytest.mark.parametrize(("content", "told"), BAD_FILES)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: str | bytes, told: str) -> None:
    assert faults(tmp_path, content) == [told]


@pytest.mark.parametrize(
    "content",
    [
        "a: &a [*a]\n",
        "a: " + "[" * 40 + "]" * 40 + "\n",
        "".join(" " * depth + "a:\n" for depth in range(600)),
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
        ),
    ],
    ids=["itself", "deep", "deeper", "laughs"],
)
def test_a_file_without_end_is_a_fault_and_not_a_hang(tmp_path: Path, content: str) -> None:
    (told,) = faults(tmp_path, content)
    assert "too deep" in told or "20000 values" in told


BAD_JSON = [
    ('{"name": }', "func.json:1: found text that is not JSON (Expecting value, column 10), allowed JSON"),
    ("", "func.json:1: found text that is not JSON (Expecting value, column 1), allowed JSON"),
    ("null", "func.json:1: found nothing, allowed a mapping of keys to values"),
    ('{\n"name" "a"\n}', "func.json:2: found text that is not JSON"),
    ("[1]", "func.json:1: found a list, allowed a mapping of keys to values"),
    ('{\n\t"memory": 5\n}', "func.json:2: memory: found 5, allowed a whole number of megabytes, 6 or more"),
    (
        '{"name": "a",\n "name": "b"}',
        "func.json:2: name: found it a second time (first in line 1), allowed each key once",
    ),
    ('{"cmd":' + "[" * 100 + "]" * 100 + "}", "func.json:1: found lists or mappings too deep in each other"),
    ('{"timeout": NaN}', f"func.json:1: timeout: found NaN, allowed {POSITIVE}"),
]


@pytest.mark.parametrize(("content", "told"), BAD_JSON)
def test_json_faults_have_lines_too(tmp_path: Path, content: str, told: str) -> None:
    (found,) = faults(tmp_path, content, "func.json")
    assert found.startswith(told)


def test_all_faults_of_a_file_are_told_in_the_order_of_lines(tmp_path: Path) -> None:
    text = 'memory: 5\nconfig:\n  A: [1]\n  B: 1\n  B: 2\ntimeout: x\nformat: y\ncmd: "\'"\n'
    lines = [told.split(": found")[0] for told in faults(tmp_path, text)]
    assert lines == [
        "func.yaml:1: memory",
        "func.yaml:3: config.A",
        "func.yaml:5: config.B",
        "func.yaml:6: timeout",
        "func.yaml:7: format",
        "func.yaml:8: cmd",
    ]


def test_what_is_no_regular_file_is_a_fault_and_no_hang(tmp_path: Path) -> None:
    for name, make in {
        "pipe": os.mkfifo,
        "folder": os.mkdir,
        "dangling": lambda path: path.symlink_to("nowhere"),
    }.items():
        (tmp_path / name).mkdir()
        make(tmp_path / name / "func.yaml")
    with pytest.raises(FunctionFileError) as caught:
        load_functions(tmp_path)
    assert [str(fault).removeprefix(f"{tmp_path}/") for fault in caught.value.errors] == [
        "dangling/func.yaml: found a link that leads nowhere, allowed a file that can be read",
        "folder/func.yaml: found something that is not a regular file, allowed a file that can be read",
        "pipe/func.yaml: found something that is not a regular file, allowed a file that can be read",
    ]


@pytest.mark.parametrize("text", ["{}", "", "\n  \n", "# only\n", "---\n# only\n", "\ufeff", "%YAML 1.2\n---\n"])
def test_defaults_are_the_contracts(tmp_path: Path, text: str) -> None:
    spec = load(tmp_path, text)
    assert spec == FunctionSpec(
        name="hello",
        folder=tmp_path / "hello",
        file=tmp_path / "hello" / "func.yaml",
        app=tmp_path.name,
        path="/hello",
        max_concurrency=8,
    )


def test_a_function_file_of_ironfunctions(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        """\
name: iron/greet:0.0.9
version: 1.10
runtime: python
entrypoint: python3 "my func.py" -v
cmd: [--port, 8080, true]
type: async
memory: 256
format: http
timeout: 1m30s
max_concurrency: 4
path: /greet
headers:
  X-Retry: 3
config:
  RATIO: 1.10
  DEBUG: true
  COUNTRY: no
  EMPTY:
  DATE: 2020-01-01
  OCTAL: 0o17
build:
- make
- true
tests:
- name: plain
  in: world
  out: |
    Hello world
  err: ""
  env: {LEVEL: 1.0}
- in: {b: [1, 2.50, null, true]}
  out: 7
- {}
""",
    )
    assert (spec.name, spec.key, spec.version, spec.path) == ("iron/greet", "greet", "1.10", "/greet")
    assert spec.entrypoint == ("python3", "my func.py", "-v")
    assert spec.cmd == ("--port", "8080", "true")
    assert (spec.type, spec.format, spec.runtime) == (FunctionType.ASYNC, Format.HTTP, "python")
    assert (spec.memory_mb, spec.timeout_s, spec.drain_timeout_s, spec.max_concurrency) == (256, 90.0, 90.0, 4)
    assert dict(spec.headers) == {"X-Retry": "3"}
    assert dict(spec.config) == {
        "RATIO": "1.10",
        "DEBUG": "true",
        "COUNTRY": "no",
        "EMPTY": "",
        "DATE": "2020-01-01",
        "OCTAL": "0o17",
    }
    assert spec.build == ("make", "true")
    plain, made, bare = spec.tests
    assert (plain.name, plain.stdin, plain.stdout, plain.stderr) == ("plain", "world", "Hello world\n", "")
    assert dict(plain.env) == {"LEVEL": "1.0"}
    assert (made.name, made.stdin, made.stdout, made.stderr) == ("test 2", '{"b":[1,2.5,null,true]}', "7", None)
    assert (bare.name, bare.stdin, bare.stdout) == ("test 3", "", None)
    assert spec.warnings == (
        f"{tmp_path}/hello/func.yaml:1: name: the tag is not part of a name, ignored; write it as version",
    )


def test_every_key_arrives(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        "format: json\nidle_timeout: 0\nmax_concurrency: 3\nmin_warm: 2\ninit_timeout: 1.5\nwait_timeout: 0\n"
        "build_timeout: 4\ndrain_timeout: 0\nprove_s: 0\nmax_queue: 7\nimage: a/b:1\nnetwork: none\n"
        "base_image: python:3.12\nwritable: true\ntimeout: 250ms\n",
    )
    assert (spec.idle_timeout_s, spec.init_timeout_s, spec.wait_timeout_s, spec.build_timeout_s) == (0, 1.5, 0, 4)
    assert (spec.drain_timeout_s, spec.prove_s, spec.max_queue, spec.min_warm) == (0, 0, 7, 2)
    assert (spec.image, spec.network, spec.base_image, spec.writable) == ("a/b:1", "none", "python:3.12", True)
    assert spec.timeout_s == pytest.approx(0.25)
    assert spec.warnings == ()


def test_a_key_without_a_value_counts_as_not_written(tmp_path: Path) -> None:
    keys = [
        "name",
        "version",
        "path",
        "format",
        "memory",
        "timeout",
        "max_concurrency",
        "config",
        "headers",
        "build",
        "entrypoint",
        "tests",
    ]
    spec = load(tmp_path, "".join(f"{key}:\n" for key in keys))
    assert (spec.name, spec.version, spec.path, spec.memory_mb, spec.tests) == ("hello", "0.0.1", "/hello", 128, ())


def test_a_test_may_leave_its_values_out(tmp_path: Path) -> None:
    (test,) = load(tmp_path, "tests:\n- name:\n  in:\n  out:\n  env:\n").tests
    assert (test.name, test.stdin, test.stdout, dict(test.env)) == ("test 1", "", None, {})


@pytest.mark.parametrize("written", ['""', "''", "", "~", "default"])
def test_an_empty_format_is_default(tmp_path: Path, written: str) -> None:
    spec = load(tmp_path, f"format: {written}\n")
    assert (spec.format, spec.max_concurrency) == (Format.DEFAULT, 8)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("format: http", 1), ("format: default", 8), ("max_concurrency: 2", 2), ("format: http\nmax_concurrency: 5", 5)],
)
def test_only_a_cold_function_without_a_limit_gets_eight(tmp_path: Path, text: str, limit: int) -> None:
    assert load(tmp_path, text).max_concurrency == limit


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("memry: 64", ":1: memry: unknown key, ignored, did you mean memory?"),
        ("Timeout: 3", ":1: Timeout: unknown key, ignored, did you mean timeout?"),
        ("jwt_key: x", ":1: jwt_key: unknown key, ignored"),
        ("tests:\n- name: a\n  input: b", ":3: tests[0].input: unknown key, ignored"),
        ("min_warm: 1", ":1: min_warm: nothing is kept warm in format default, ignored"),
    ],
)
def test_what_is_odd_is_warned_about(tmp_path: Path, text: str, warned: str) -> None:
    (warning,) = load(tmp_path, text).warnings
    assert warning.startswith(f"{tmp_path}/hello/func.yaml{warned}")


def test_yaml_is_1_2_whatever_the_file_says(tmp_path: Path) -> None:
    spec = load(tmp_path, "%YAML 1.1\n---\nconfig: {A: yes, B: 0x1F, C: 1_0, D: 012}\n")
    assert dict(spec.config) == {"A": "yes", "B": "0x1F", "C": "1_0", "D": "012"}


def test_a_merge_key_gives_what_the_mapping_lacks(tmp_path: Path) -> None:
    spec = load(tmp_path, "x: &base {A: 1, B: 2}\nconfig:\n  <<: *base\n  B: 3\n")
    assert dict(spec.config) == {"A": "1", "B": "3"}


def test_json_keeps_figures_tabs_and_pairs(tmp_path: Path) -> None:
    text = '{"name":"b",\n\t"config": {"X": 1.50, "Y": "\\ud83d\\ude00", "Z": ""},\n"build": [],"tests": [{"in": {}}]}'
    spec = load(tmp_path, text, "func.json")
    assert (spec.key, dict(spec.config)) == ("b", {"X": "1.50", "Y": "😀", "Z": ""})
    assert (spec.build, spec.tests[0].stdin) == ((), "{}")


def test_nothing_in_a_spec_can_be_changed(tmp_path: Path) -> None:
    spec = load(tmp_path, "config: {A: 1}\nheaders: {B: 2}\n")
    with pytest.raises(TypeError):
        spec.config["A"] = "2"  # type: ignore[index]
    with pytest.raises(TypeError):
        spec.headers["B"] = "2"  # type: ignore[index]


def test_a_folder_whose_name_will_not_do_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "my func").mkdir()
    (tmp_path / "my func" / "func.yaml").write_text("memory: 64\n")
    with pytest.raises(FunctionFileError, match="name: found nothing, and the folder's name 'my func' will not do"):
        load_functions(tmp_path)
    (tmp_path / "my func" / "func.yaml").write_text("name: mine\n")
    assert [spec.key for spec in load_functions(tmp_path)] == ["mine"]


def app_tree(folder: Path, app: str) -> None:
    for name in ("app/greet", "app/inner/deep", "other"):
        (folder / name).mkdir(parents=True)
        (folder / name / "func.yaml").write_text("config: {B: own}\n")
    (folder / "app" / "app.yaml").write_text(app)


def test_an_app_names_its_functions_and_lies_under_their_config(tmp_path: Path) -> None:
    app_tree(tmp_path, "name: shop\nconfig: {A: 1.0, B: shared}\ncolour: red\n")
    (tmp_path / "app" / "inner" / "app.yaml").write_text("config: {C: near}\n")
    found = {spec.key: spec for spec in load_functions(tmp_path)}
    assert {key: spec.app for key, spec in found.items()} == {
        "greet": "shop",
        "deep": "inner",
        "other": tmp_path.name,
    }
    assert dict(found["greet"].config) == {"A": "1.0", "B": "own"}
    assert dict(found["deep"].config) == {"C": "near", "B": "own"}
    assert found["greet"].warnings == (f"{tmp_path}/app/app.yaml:3: colour: unknown key, ignored",)


@pytest.mark.parametrize("text", ["", "# only\n"])
def test_an_empty_app_is_named_by_its_folder(tmp_path: Path, text: str) -> None:
    app_tree(tmp_path, text)
    found = {spec.key: spec for spec in load_functions(tmp_path)}
    assert (found["greet"].app, dict(found["greet"].config)) == ("app", {"B": "own"})


def test_an_app_above_the_root_does_not_count(tmp_path: Path) -> None:
    app_tree(tmp_path, "name: shop\n")
    assert load_functions(tmp_path / "app" / "inner")[0].app == "inner"
    assert load_functions(tmp_path / "app" / "inner" / "deep")[0].app == "deep", "nor one further above a function"
    assert load_function(tmp_path / "app" / "greet", root=tmp_path).app == "shop"


@pytest.mark.parametrize(
    ("place", "given", "shown"),
    [
        ("", "app/greet", "app/app.yaml"),
        ("app", "greet", "app.yaml"),
        ("app/greet", ".", "../app.yaml"),
        ("app/greet/sub", "..", "../../app.yaml"),
        ("", "link", "link/../app.yaml"),
    ],
)
def test_a_function_that_is_the_root_itself_is_of_the_app_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, given: str, shown: str
) -> None:
    app_tree(tmp_path, "name: shop\nconfig: {A: 1, B: shared}\ncolour: red\n")
    (tmp_path / "app" / "greet" / "sub").mkdir()
    (tmp_path / "link").symlink_to("app/greet")
    (tmp_path / "app.yaml").write_text("name: further-up\n")
    monkeypatch.chdir(tmp_path / place)
    (spec,) = load_functions(given)
    assert (spec.app, dict(spec.config)) == ("shop", {"A": "1", "B": "own"})
    assert spec.warnings == (f"{shown}:3: colour: unknown key, ignored",)
    assert load_function(tmp_path / "app" / "greet", root=tmp_path / place / given).app == "shop"
    (tmp_path / "app" / "greet" / "app.yaml").write_text("name: own\n")
    assert load_functions(given)[0].app == "own", "the nearest counts"


@pytest.mark.parametrize(
    ("app", "told"),
    [
        ('config: {A: "\\uD800"}\n', ":1: config.A: found the character U+D800, which UTF-8 does not have"),
        ("name: a/b\n", ':1: name: found "a/b", allowed letters, digits, `.`, `_` and `-`'),
        ("config:\n  A: []\n", ":2: config.A: found a list, allowed a text, a number, true or false"),
    ],
)
def test_a_broken_app_holds_back_its_own_functions_only(tmp_path: Path, app: str, told: str) -> None:
    app_tree(tmp_path, app)
    with pytest.raises(FunctionFileError) as caught:
        load_functions(tmp_path)
    (fault,) = caught.value.errors
    assert str(fault).startswith(f"{tmp_path}/app/app.yaml{told}")
    assert [spec.key for spec in caught.value.loaded] == ["other"]


def test_a_broken_app_does_not_hide_a_broken_function(tmp_path: Path) -> None:
    app_tree(tmp_path, "name: a/b\n")
    (tmp_path / "app" / "greet" / "func.yaml").write_text("memory: 1\n")
    with pytest.raises(FunctionFileError) as caught:
        load_functions(tmp_path)
    assert [fault.key for fault in caught.value.errors] == ["name", "memory"]


PIECES = st.sampled_from(
    [
        *(
            "name",
            "memory",
            "tests",
            "config",
            "entrypoint",
            ": ",
            ":",
            "- ",
            "\n",
            "\n  ",
            "\t",
            "[",
            "]",
            "{",
            "}",
            ",",
        ),
        *(
            "&a ",
            "*a",
            "<<",
            "'",
            '"',
            "!x ",
            "!!int ",
            "|\n",
            "? ",
            "#",
            "1",
            "-1.5",
            "true",
            "~",
            "\0",
            "\x85",
            "\ufeff",
        ),
        *("é", "%YAML 1.1\n---\n", '"\\uD800"'),
    ]
)


@given(text=st.lists(PIECES | st.text(max_size=3), max_size=30).map("".join), name=st.sampled_from(FUNCTION_FILES))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_file_brings_anything_but_faults(tmp_path: Path, text: str, name: str) -> None:
    for old in (tmp_path / "x").glob("*"):
        old.unlink()
    (tmp_path / "x").mkdir(exist_ok=True)
    (tmp_path / "x" / name).write_bytes(text.encode(errors="surrogatepass"))
    try:
        spec = load_functions(tmp_path)[0]
    except FunctionFileError as error:
        told = [str(fault) for fault in error.errors]
    else:
        told = [spec.key]
    assert told
    assert all(told)
    assert "".join(told).encode()
