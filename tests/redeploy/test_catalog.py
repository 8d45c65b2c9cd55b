"""What follows from a change of the folder: `plan`, as a table, and `Catalog` on real files."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest

from hotdash.errors import Fault
from hotdash.functions.spec import FunctionSpec
from hotdash.redeploy.catalog import Catalog, plan

ROOT = Path("/demo")


def spec(name: str, **keys: object) -> FunctionSpec:
    return FunctionSpec(name=f"t/{name}", folder=ROOT / name, file=ROOT / name / "func.yaml", **keys)  # type: ignore[arg-type]


def fault(file: str) -> Fault:
    return Fault(file=file, line=2, key="memory", found="1", allowed="a whole number from 6")


A, B = spec("a"), spec("b")
A2 = spec("a", config=MappingProxyType({"X": "1"}))
A_BROKEN = fault("/demo/a/func.yaml")
APP_BROKEN = fault("/demo/app.yaml")
ELSEWHERE = fault("/demo/c/func.yaml")
A_FAULTS = {"a": (str(A_BROKEN),)}


def by_key(*specs: FunctionSpec) -> dict[str, FunctionSpec]:
    return {spec.key: spec for spec in specs}


# known, what is read now (specs, faults), changed paths, faulty before → deployed, removed, faulty, notices
CASES = {
    "nothing known, all is new": ([], [A, B], [], [""], [], ["a", "b"], [], {}, []),
    "nothing changed": ([A, B], [A, B], [], [], [], [], [], {}, []),
    "a source changed": ([A, B], [A, B], [], ["a/func.py"], [], ["a"], [], {}, []),
    "a source deep below changed": ([A, B], [A, B], [], ["b/lib/x/y.py"], [], ["b"], [], {}, []),
    "two changed": ([A, B], [A, B], [], ["a/x", "b/x"], [], ["a", "b"], [], {}, []),
    "a file beside the functions": ([A, B], [A, B], [], ["README.md"], [], [], [], {}, []),
    "a folder whose name begins the same": ([A, B], [A, B], [], ["ab/func.py"], [], [], [], {}, []),
    "the folder of a function": ([A, B], [A, B], [], ["a"], [], ["a"], [], {}, []),
    "the root: any may have changed": ([A, B], [A, B], [], [""], [], ["a", "b"], [], {}, []),
    "settings changed, told by another path (app.yaml)": ([A, B], [A2, B], [], ["app.yaml"], [], ["a"], [], {}, []),
    "a function is new": ([A], [A, B], [], ["b"], [], ["b"], [], {}, []),
    "a function is gone": ([A, B], [A], [], ["b"], [], [], ["b"], {}, []),
    "all are gone": ([A, B], [], [], [""], [], [], ["a", "b"], {}, []),
    "a file broke: the last good one stays": ([A, B], [B], [A_BROKEN], ["a/func.yaml"], [], [], [], A_FAULTS, []),
    "broken, and a source changes": ([A, B], [B], [A_BROKEN], ["a/func.py"], ["a"], [], [], A_FAULTS, []),
    "broken still, another changes": ([A, B], [B], [A_BROKEN], ["b/x"], ["a"], ["b"], [], A_FAULTS, []),
    "mended": ([A, B], [A, B], [], ["a/func.yaml"], ["a"], ["a"], [], {"a": ()}, []),
    "mended by what went elsewhere": ([A, B], [A, B], [], ["c"], ["a"], ["a"], [], {"a": ()}, []),
    "mended, with other settings": ([A, B], [A2, B], [], ["a/func.yaml"], ["a"], ["a"], [], {"a": ()}, []),
    "broken, then gone": ([A, B], [B], [], ["a"], ["a"], [], ["a"], {"a": ()}, []),
    "app.yaml broke: all below it stay": (
        [A, B],
        [],
        [APP_BROKEN],
        ["app.yaml"],
        [],
        [],
        [],
        {"a": (str(APP_BROKEN),), "b": (str(APP_BROKEN),)},
        [],
    ),
    "broken from the start: told as a notice": ([A], [A], [ELSEWHERE], [""], [], ["a"], [], {}, [str(ELSEWHERE)]),
    "both at once": ([A], [], [A_BROKEN, ELSEWHERE], [""], [], [], [], A_FAULTS, [str(ELSEWHERE)]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_plan(case):
    known, now, faults, changed, before, deploy, remove, faulty, notices = case
    found = plan(
        known=by_key(*known),
        now=Catalog(specs=by_key(*now), faults=tuple(faults)),
        changed=[ROOT / path for path in changed],
        faulty_before=before,
    )
    assert [spec.key for spec in found.deploy] == deploy
    assert all(spec is by_key(*now)[spec.key] for spec in found.deploy), "as it is now, not as it was"
    assert list(found.remove) == remove
    assert found.faulty == faulty
    assert list(found.notices) == notices


def test_a_catalog_has_what_is_good_and_what_is_wrong(tmp_path):
    for name, text in {"good": "name: t/good\n", "bad": "name: t/bad\nmemory: 1\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "func.yaml").write_text(text)
    catalog = Catalog.read(tmp_path)
    assert list(catalog.specs) == ["good"]
    assert [(fault.file, fault.line, fault.key) for fault in catalog.faults] == [
        (str(tmp_path / "bad/func.yaml"), 2, "memory")
    ]


def test_a_catalog_of_a_folder_that_is_gone_has_a_fault(tmp_path):
    catalog = Catalog.read(tmp_path / "gone")
    assert catalog.specs == {}
    assert [fault.found for fault in catalog.faults] == ["no such folder"]


def test_a_fault_is_placed_though_the_folder_is_named_through_a_link(tmp_path):
    (tmp_path / "real/a").mkdir(parents=True)
    (tmp_path / "real/a/func.yaml").write_text("name: t/a\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    known = Catalog.read(tmp_path / "link").specs
    (tmp_path / "real/a/func.yaml").write_text("name: t/a\nmemory: 1\n")
    found = plan(known=known, now=Catalog.read(tmp_path / "link"), changed=[tmp_path.resolve() / "real/a/func.yaml"])
    assert list(found.faulty) == ["a"]
    assert (found.remove, found.notices) == ((), ())
