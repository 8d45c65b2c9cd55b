"""`Store.snapshot().functions[f].deploys`: the record of deploys, on events made by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hotdash import events as ev
from hotdash.functions.spec import FunctionSpec
from hotdash.states import FunctionState, Occasion, Origin, SourceChange
from hotdash.store import DeployStep, DeployView, FunctionView, Store
from hotdash.store import deploys as deploys_module

SPEC = FunctionSpec(name="iron/f", folder=Path("/f"), file=Path("/f/func.yaml"))
SAVED = Occasion(quiet_s=0.1, changes=(SourceChange(path="func.py", kind="modified", plus=2, minus=1),), changed=1)


@dataclass
class Tale:
    """Deploys of one function, told to a store."""

    store: Store = field(default_factory=Store)
    seq: int = 0

    def __post_init__(self) -> None:
        self.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.READY)

    def tell(self, kind: type[ev.Event], **fields: Any) -> int:
        self.seq += 1
        self.store(kind(seq=self.seq, at_s=100.0 + self.seq, time_s=1e9 + self.seq, function="f", **fields))
        return self.seq

    def live(self, revision: int, *, kept: tuple[int, ...] = (), **more: Any) -> None:
        fields = {"image_id": f"{revision:064x}", "build_s": 0.3, "start_s": 0.04, "swap_s": 0.001, **more}
        self.tell(ev.RevisionLive, revision=revision, kept=kept, **fields)

    def build(self, revision: int, **more: Any) -> None:
        self.tell(ev.DeployStarted, occasion=SAVED)
        self.tell(ev.BuildEnded, image_id=f"{revision:064x}", build_s=0.3)
        self.live(revision, **more)

    @property
    def view(self) -> FunctionView:
        return self.store.snapshot().functions["f"]

    @property
    def deploys(self) -> tuple[DeployView, ...]:
        return self.view.deploys

    def told(self) -> list[tuple[int, str, bool]]:
        return [(deploy.revision, str(deploy.step), bool(deploy.error)) for deploy in self.deploys]


@pytest.fixture
def tale() -> Tale:
    return Tale()


def test_a_deploy_from_its_beginning_to_live(tale):
    began = tale.tell(ev.DeployStarted, occasion=SAVED)
    (deploy,) = tale.deploys
    assert (deploy.seq, deploy.is_running, deploy.step, deploy.occasion) == (began, True, DeployStep.BUILD, SAVED)
    tale.tell(ev.BuildStep, number=1, total=2, text="make")
    tale.tell(ev.BuildOutput, text="cc x.c")
    (deploy,) = tale.deploys
    assert [(line.text, line.step, line.steps) for line in deploy.log] == [("make", 1, 2), ("cc x.c", 0, 0)]
    tale.tell(ev.BuildEnded, image_id="abcdef0123", build_s=0.5, reused=True)
    (deploy,) = tale.deploys
    assert (deploy.step, deploy.build_s, deploy.reused, deploy.short_id) == (DeployStep.START, 0.5, True, "abcdef0")
    assert deploy.start_s is None
    tale.live(1, start_s=0.25, swap_s=0.15, image_id="abcdef0123")
    (deploy,) = tale.deploys
    assert (deploy.revision, deploy.is_live, deploy.is_running) == (1, True, False)
    assert deploy.total_s == pytest.approx(1.0)
    assert [line.text for line in deploy.log] == ["make", "cc x.c"], "it can still be read"


def test_the_live_one_and_those_to_roll_back_to_are_marked(tale):
    tale.build(1)
    tale.build(2, kept=(1,))
    assert [(d.revision, d.is_live, d.can_roll_back) for d in tale.deploys] == [(1, False, True), (2, True, False)]


@pytest.mark.parametrize(
    ("told", "step"),
    [
        ([(ev.BuildFailed, {"reason": "pip failed"})], DeployStep.BUILD),
        (
            [(ev.BuildEnded, {"image_id": "a", "build_s": 0.1}), (ev.DeployFailed, {"reason": "no proof"})],
            DeployStep.START,
        ),
    ],
)
def test_a_failed_deploy_has_its_step_and_cause_and_no_number(tale, told, step):
    tale.build(1)
    tale.tell(ev.DeployStarted)
    for kind, fields in told:
        tale.tell(kind, **fields)
    failed = tale.deploys[-1]
    assert (failed.step, failed.error, failed.revision) == (step, told[-1][1]["reason"], 0)
    assert (failed.build_s, failed.start_s) == ((1.0, None) if step is DeployStep.BUILD else (0.1, pytest.approx(1.9)))
    assert not failed.is_running
    assert not failed.is_live
    assert tale.deploys[0].is_live


@pytest.mark.parametrize("kind", [ev.BuildCancelled, ev.DeployUnchanged])
def test_one_that_came_to_nothing_is_forgotten(tale, kind):
    tale.build(1)
    tale.tell(ev.DeployStarted)
    tale.tell(kind, **({"revision": 1} if kind is ev.DeployUnchanged else {}))
    assert [deploy.revision for deploy in tale.deploys] == [1]


def test_a_failed_probation_is_the_failure_of_what_was_live_and_the_restored_one_is_live(tale):
    tale.build(1)
    tale.build(2, kept=(1,))
    tale.live(3, origin=Origin.RESTORED, again=1)
    tale.tell(ev.DeployFailed, reason="r2 ended before its first answer", revision=2)
    assert tale.told() == [(1, "live", False), (2, "probation", True), (3, "live", False)]
    assert (tale.deploys[-1].origin, tale.deploys[-1].again, tale.deploys[-1].is_live) == (Origin.RESTORED, 1, True)
    assert tale.view.deploy_error == "r2 ended before its first answer"


def test_a_rollback_builds_nothing_and_mends_no_broken_sources(tale):
    tale.build(1)
    tale.build(2, kept=(1,))
    tale.tell(ev.DeployStarted)
    tale.tell(ev.BuildFailed, reason="pip failed")
    tale.tell(ev.RollbackStarted, revision=1)
    assert (tale.deploys[-1].step, tale.deploys[-1].is_running) == (DeployStep.START, True)
    tale.live(3, kept=(1, 2), origin=Origin.ROLLBACK, again=1)
    assert (tale.deploys[-1].again, tale.deploys[-1].build_s, tale.deploys[-1].is_live) == (1, None, True)
    assert tale.view.deploy_error == "pip failed", "what is on disk still cannot be deployed"
    tale.build(4, kept=(1, 2, 3))
    assert tale.view.deploy_error == ""


def test_a_rollback_that_worked_ends_the_failure_of_one_that_did_not(tale):
    tale.build(1)
    tale.build(2, kept=(1,))
    tale.tell(ev.RollbackStarted, revision=1)
    tale.tell(ev.DeployFailed, reason="no memory")
    assert tale.view.deploy_error == "no memory"
    tale.tell(ev.RollbackStarted, revision=1)
    tale.live(3, kept=(1, 2), origin=Origin.ROLLBACK, again=1)
    assert tale.view.deploy_error == ""


def test_the_record_is_bounded_and_keeps_what_is_live_or_can_be_again(tale):
    tale.build(1)
    tale.build(2, kept=(1,))
    for _ in range(2 * deploys_module.DEPLOYS_KEPT):
        tale.tell(ev.DeployStarted)
        tale.tell(ev.BuildFailed, reason="no")
    assert len(tale.deploys) == deploys_module.DEPLOYS_KEPT
    assert [deploy.revision for deploy in tale.deploys[:3]] == [1, 2, 0]


def test_a_log_is_bounded_in_lines_and_in_their_length(tale):
    tale.tell(ev.DeployStarted)
    for number in range(deploys_module.LINES_KEPT + 5):
        tale.tell(ev.BuildOutput, text=f"{number:05}" + "x" * 5_000)
    (deploy,) = tale.deploys
    assert len(deploy.log) == deploys_module.LINES_KEPT
    assert len(deploy.log[0].text) == deploys_module.LINE_CHARACTERS
    tale.tell(ev.BuildFailed, reason="no")
    (deploy,) = tale.deploys
    assert len(deploy.log) == deploys_module.ENDED_LINES_KEPT
    assert deploy.log[-1].text.startswith(f"{deploys_module.LINES_KEPT + 4:05}")


def test_changes_that_wait_come_and_go(tale):
    tale.tell(ev.ChangesWait, held=True, paths=("a.py", "b.py"), count=7)
    assert (tale.view.held, tale.view.waiting, tale.view.waiting_count) == (True, ("a.py", "b.py"), 7)
    tale.tell(ev.ChangesWait, held=False)
    assert (tale.view.held, tale.view.waiting, tale.view.waiting_count) == (False, (), 0)


def test_a_function_that_is_back_has_no_old_deploys(tale):
    tale.build(1)
    tale.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.REMOVED)
    tale.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.BUILDING)
    assert tale.deploys == ()


def test_the_same_views_until_something_changes(tale):
    tale.build(1)
    before = tale.deploys
    tale.tell(ev.ScalingDecided, reason="starting 1")
    assert tale.deploys is before
