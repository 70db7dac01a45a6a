"""Reports in Markdown: what they tell, and that no name breaks them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.events import Event, Failed, Finished, Logged, PhaseStarted, Warned
from pantry_tui.models import (
    AssertionOutcome,
    DatabaseTarget,
    DrillPlace,
    DrillResult,
    Failure,
    Job,
    JobState,
    RepositoryTarget,
    RestoredTable,
    RestoreRequest,
    RestoreResult,
    RestoreValidation,
    Strategy,
)
from pantry_tui.runner.decisions import decisions_of
from pantry_tui.runner.report import report

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOSTILE = st.text(st.sampled_from(list("|`*_<>[]()#!\\\n\r\t&-+.~a\x1b\u202e\u2028 ")), min_size=1, max_size=12)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


EVENTS: list[Event] = [
    PhaseStarted(at=later(0), phase="check", title="Checking"),
    Logged(at=later(1), message="signed by ab:cd"),
    PhaseStarted(at=later(2), phase="rows", title="Loading"),
    Warned(at=later(3), message="no tablespace"),
    Finished(at=later(5.5), result={}),
]


def result(name: str = "contacts") -> RestoreResult:
    return RestoreResult(
        id="r1",
        backup_id="b1",
        status="succeeded",
        dry_run=False,
        target=name,
        created_database=False,
        tables=(
            RestoredTable(
                schema="public", name=name, inserted=1_000, updated=2, deleted=3, unchanged=4, difference=name
            ),
        ),
        validation=RestoreValidation(
            performed=True,
            equal=True,
            tables_compared=1,
            constraints_validated=5,
            constraints_not_valid=0,
            sequences_compared=6,
            differences=(),
        ),
        left_out=(name,),
        warnings=(name,),
        started_at=NOON,
        finished_at=NOON,
        duration_seconds=1,
        verification_seconds=1,
        way="in place",
        strategy=Strategy.MERGE,
        checkpoint=f"pantry_checkpoint_{name}",
        assertions=(AssertionOutcome(name=name, holds=True, returned=name),),
    )


def job(kind: str = "restore", *, name: str = "crm", **fields: object) -> Job:
    done = Job(
        id="r1",
        kind=kind,
        title=f"restore of b1 into {name}",
        database=name,
        state=JobState.SUCCEEDED,
        queued_at=NOON,
        started_at=NOON,
        finished_at=later(5.5),
        started_by="night@db1",
        backup_id="b1",
    )
    return msgspec.structs.replace(done, **fields)


def test_it_tells_who_what_when_and_how_to_undo_it() -> None:
    request = RestoreRequest(
        repository=RepositoryTarget(name="near", location="/var/backups"),
        backup_id="b1",
        target=DatabaseTarget(name="crm", environment={"PGPASSWORD": "canary"}),
        tables=("public.contacts",),
        strategy=Strategy.MERGE,
        batch_size=500,
    )
    text = report(job(result=result().to_builtins(), decisions=decisions_of(request)), EVENTS)
    for said in (
        "# Recovery r1",
        r"| started by | night@db1 |",
        "| strategy | merge |",
        r"| tables | public\.contacts |",
        "| rows per statement | at most 500 |",
        "| 12:00:00 | Checking | 2.00 s |",
        "| 12:00:02 | Loading | 3.50 s |",
        "| `public.contacts` | 1,000 | 2 | 3 | 4 |",
        "| constraints validated | 5 |",
        "| contacts | holds | contacts |",
        "`pantry-tui recovery rollback r1`",
        "`pantry_checkpoint_contacts`",
        r"warning: no tablespace",
    ):
        assert said in text
    assert "canary" not in text


def test_of_one_that_failed() -> None:
    failure = Failure(code="restore_failed", message="a | b", remedy="try again", detail="x\ny", exit_status=30)
    text = report(job(state=JobState.FAILED, failure=failure), [*EVENTS[:4], Failed(at=later(9), failure=failure)])
    assert "| outcome | **failed** |" in text
    assert r"| failed because | a \| b |" in text
    assert "| 12:00:02 | Loading | 7.00 s |" in text
    assert "rollback" not in text


def test_of_a_drill() -> None:
    drill = DrillResult(
        id="b1", database="crm", ok=True, where=DrillPlace.PRIVATE, total_seconds=9, rto_seconds=5, rto_met=False
    )
    text = report(job("drill", result=drill.to_builtins()), EVENTS)
    assert "# Restore drill r1" in text
    assert "| recovery time objective | 5 s, **not met** |" in text


@given(name=HOSTILE)
def test_names_break_nothing(name: str) -> None:
    """The same lines, the same cells, the same headings, whatever things are called."""
    calm = report(job(result=result().to_builtins(), decisions={"target": "crm"}), [*EVENTS, Logged(message="crm")])
    text = report(
        job(result=result(name).to_builtins(), name=name, decisions={"target": name}), [*EVENTS, Logged(message=name)]
    )
    assert shape(text) == shape(calm)
    assert not re.search(r"(?<!\\)<", re.sub(r"(`+).*?(?<!`)\1(?!`)", "", text))
    assert all(character.isprintable() or character == "\n" for character in text)


def shape(text: str) -> list[tuple[str, int]]:
    """Each line's sort, and how many cells a table has in it."""
    return [
        (re.match(r"(?:#+ |\* |\| |\|)?", line)[0], len(re.findall(r"(?<!\\)\|", line)))  # type: ignore[index]
        for line in text.split("\n")
        if line
    ]
