"""What a job's screen says of each kind of job that succeeded."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from pantry_tui.models import (
    AssertionOutcome,
    CopiedBackup,
    CopyResult,
    DataLoss,
    Estimate,
    Failure,
    ForeignPlan,
    Job,
    JobState,
    Model,
    PlannedLocks,
    PlannedRoom,
    RecoveryPlan,
    RecoveryWay,
    ReleaseResult,
    RestoredTable,
    RestoreResult,
    RestoreValidation,
    RollbackResult,
    Strategy,
)
from screens.widgets.glyphs import ASCII
from screens.widgets.outcome import result_words

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
TABLE = RestoredTable(schema="public", name="t[b]", inserted=1)
VALIDATION = RestoreValidation(
    performed=True,
    equal=True,
    tables_compared=1,
    constraints_validated=0,
    constraints_not_valid=0,
    sequences_compared=0,
    differences=(),
)


def words(kind: str, result: Model) -> str:
    job = Job(
        id="j",
        kind=kind,
        title="t",
        database="crm",
        state=JobState.SUCCEEDED,
        queued_at=NOW,
        result=result.to_builtins(),
    )
    return result_words(job, ASCII).plain


def restore(way: str, *, dry_run: bool = False, checkpoint: str | None = None) -> RestoreResult:
    return RestoreResult(
        id="r1",
        backup_id="b",
        status="succeeded",
        dry_run=dry_run,
        target="crm[/b]",
        created_database=way != "in place",
        tables=(TABLE,),
        validation=VALIDATION,
        left_out=(),
        warnings=(),
        started_at=NOW,
        finished_at=NOW,
        duration_seconds=1.0,
        verification_seconds=0.5,
        way=way,
        strategy=Strategy.MERGE,
        checkpoint=checkpoint,
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (restore("new database"), "Database crm[/b] was created."),
        (restore("in place", checkpoint="c"), "exchanged (merge); to undo it: pantry-tui recovery rollback r1"),
        (restore("side by side", checkpoint="c"), "exchanged for the restored one; to undo it"),
        (restore("side by side"), "was exchanged for the restored one."),
        (restore("in place", dry_run=True), "this was a dry run, and everything was taken back"),
    ],
    ids=["new", "in place", "side by side", "nothing kept", "dry run"],
)
def test_restores(result: RestoreResult, expected: str) -> None:
    assert expected in words("restore", result)


@pytest.mark.parametrize("already", [None, "r9"])
def test_rollbacks(already: str | None) -> None:
    result = RollbackResult(
        id="r2",
        undone="r1",
        backup_id="b",
        status="succeeded",
        target="crm[/b]",
        tables=(TABLE,),
        checkpoint=None,
        already=already,
        warnings=("rows changed",),
        started_at=NOW,
        finished_at=NOW,
        duration_seconds=1.0,
    )
    shown = words("rollback", result)
    assert ("rollback r9 had undone it before" if already else "undone: recovery r1\nDatabase crm[/b] is what") in shown


def test_releases() -> None:
    result = ReleaseResult(released="r1", status="succeeded", target="crm", tables=(), rows=7)
    assert words("release", result) == "Recovery r1 cannot be undone any more: 7 kept rows dropped."


def test_assertions() -> None:
    outcomes = (
        AssertionOutcome(name="all[b]", holds=True, returned="it returned true"),
        AssertionOutcome(name="none", holds=False, returned="it returned \x1bfalse"),
    )
    said = words("restore", msgspec.structs.replace(restore("in place", dry_run=True), assertions=outcomes))
    assert "all[b]: it returned true" in said
    assert "none: it returned" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("refusals", [(), (Failure(code="usage", message="not\nso", exit_status=2),)])
def test_plans(refusals: tuple[Failure, ...]) -> None:
    plan = RecoveryPlan(
        backup_id="b",
        database="crm",
        target="crm[/b]",
        target_exists=True,
        server_version="17.10",
        backup_version="17.10",
        way=RecoveryWay.SIDE_BY_SIDE,
        why="it is meant",
        strategy=Strategy.REPLACE,
        tables=(),
        cycles=(),
        dependents=(),
        locks=PlannedLocks(words="none"),
        room=PlannedRoom(needed=1, free=None, words="unseen"),
        loss=DataLoss(backup_at=NOW, age_seconds=1.0),
        estimate=Estimate(seconds=60, least=30, most=120, source="probe", confidence="rough", rates=()),
        assertions=(),
        left_out=(),
        warnings=(),
        risks=("it may rain",),
        refusals=refusals,
        command="pantry-tui recovery execute b",
        dry_run_command="pantry-tui recovery execute b --dry-run",
    )
    said = words("plan", plan)
    assert ("cannot be executed" in said) == bool(refusals)
    for part in ("side by side", "crm[/b]", "it may rain", "pantry-tui recovery execute b"):
        assert part in said
    assert len(said.splitlines()) == 4 + len(refusals)


@pytest.mark.parametrize("refusals", [(), (Failure(code="refused", message="line 7", exit_status=5),)])
def test_plans_of_dumps(refusals: tuple[Failure, ...]) -> None:
    plan = ForeignPlan(
        source="/home/op/theirs.sql",
        backup_id=None,
        source_kind="script",
        target="theirs",
        target_exists=False,
        server_version="17.10",
        tables=(),
        statements=1,
        rows=1,
        bytes=100,
        encoding="UTF8",
        source_version=None,
        reading_seconds=0.1,
        known=("complete[b]",),
        unknown=("how long it takes",),
        warnings=(),
        refusals=refusals,
        command="pantry-tui recovery execute /home/op/theirs.sql",
    )
    lines = words("foreign_plan", plan).splitlines()
    assert ("cannot be restored" in lines[0]) == bool(refusals)
    assert lines[-3:] == ["known: complete[b]", "not known: how long it takes", plan.command]
    assert len(lines) == 4 + len(refusals)


@pytest.mark.parametrize(
    ("copied", "expected"),
    [
        ((), "offsite: nothing was missing"),
        (
            (CopiedBackup(backup_id="b", bytes=2048, sent_bytes=1024, checked_bytes=2048, seconds=1.0),),
            "offsite: b; 1.0 KiB sent, and read back",
        ),
    ],
)
def test_copies(copied: tuple[CopiedBackup, ...], expected: str) -> None:
    result = CopyResult(repository="near", destination="offsite", location="s3://b/x", copied=copied, seconds=1.0)
    assert words("copy", result) == expected
