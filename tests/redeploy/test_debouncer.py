from pathlib import Path

from hotdash.redeploy.debouncer import PATHS_KEPT, Debouncer

ROOT = Path("/root-of-it")
A, B = ROOT / "a.py", ROOT / "b.py"


def due(debouncer: Debouncer, at_s: float) -> frozenset[Path] | None:
    burst = debouncer.due(at_s)
    return None if burst is None else burst.paths


def test_a_burst_is_given_out_once_it_has_been_quiet():
    debouncer = Debouncer(root=ROOT, quiet_s=0.1, cap_s=1.0)
    debouncer.add(10.0, A)
    assert due(debouncer, 10.05) is None
    debouncer.add(10.08, B)
    assert due(debouncer, 10.15) is None
    assert due(debouncer, 10.19) == {A, B}
    assert due(debouncer, 99.0) is None


def test_a_burst_tells_how_long_it_was_held_back():
    debouncer = Debouncer(root=ROOT, quiet_s=0.1, cap_s=1.0)
    debouncer.add(10.0, A)
    debouncer.add(10.25, B)
    burst = debouncer.due(10.5)
    assert burst is not None
    assert burst.quiet_s == 0.5


def test_what_is_never_quiet_is_given_out_at_the_cap():
    debouncer = Debouncer(root=ROOT, quiet_s=0.5, cap_s=1.0)
    for at_s in (0.0, 0.25, 0.5, 0.75):
        debouncer.add(at_s, A)
        assert due(debouncer, at_s) is None
    debouncer.add(1.0, A)
    assert due(debouncer, 1.0) == {A}
    debouncer.add(1.25, B)  # the cap counts from the new burst's own first change
    assert due(debouncer, 1.5) is None
    assert due(debouncer, 1.75) == {B}


def test_a_flood_of_paths_becomes_the_root():
    debouncer = Debouncer(root=ROOT)
    for number in range(PATHS_KEPT + 1):
        debouncer.add(0.0, ROOT / str(number))
    assert due(debouncer, 1.0) == {ROOT}


def test_cleared_changes_are_forgotten():
    debouncer = Debouncer(root=ROOT)
    debouncer.add(0.0, A)
    debouncer.clear()
    assert due(debouncer, 9.0) is None
