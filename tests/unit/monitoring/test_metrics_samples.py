"""The figures that are kept of a job or a health run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pantry_tui.models import Job, JobState, JobUsage
from pantry_tui.models.monitoring import Check, CheckKind, CheckStatus, Health, HealthStatus
from pantry_tui.monitoring.metrics_samples import MOST_CHECKS, figures_of_health, figures_of_job
from tests.unit.monitoring.figures import NOON


def job(kind: str = "backup", state: JobState = JobState.SUCCEEDED, **more: Any) -> Job:
    times = {"started_at": NOON, "finished_at": NOON + timedelta(seconds=90)}
    return Job(id="j", kind=kind, title="t", database="crm", state=state, queued_at=NOON, **{**times, **more})


def test_a_job_that_is_alive_has_no_figures() -> None:
    assert figures_of_job(job(state=JobState.RUNNING, finished_at=None), repository="local") is None


@pytest.mark.parametrize(
    ("made", "seconds"),
    [
        (job(), 90.0),
        (job(result={"duration_seconds": 12.5}), 12.5),
        (job("drill", result={"total_seconds": 33.0}), 33.0),
        (job(finished_at=NOON - timedelta(hours=1)), 0.0),  # the clock was set back meanwhile
        (job(state=JobState.CANCELLED, started_at=None), 0.0),
    ],
    ids=["by the clock", "as a backup says", "as a drill says", "clock set back", "never started"],
)
def test_how_long_it_took(made: Job, seconds: float) -> None:
    figures = figures_of_job(made, repository=None)

    assert figures is not None
    assert figures.seconds == seconds


def test_a_backup_that_was_not_compressed_says_nothing_of_compression() -> None:
    result = {"kind": "full", "compression": "none", "bytes": 10, "raw_bytes": 10, "rows": 3}
    figures = figures_of_job(job(result=result), repository="local", variety="incremental")

    assert figures is not None
    assert (figures.packed_bytes, figures.stored_bytes, figures.rows) == (0, 10, 3)
    assert figures.variety == "full"  # what it became, not what was asked for


def test_a_restore_tells_what_it_has_loaded() -> None:
    usage = JobUsage(user_seconds=1.23456, peak_bytes=7)
    figures = figures_of_job(
        job("restore", result={"measured": {"raw_bytes": 5, "rows": 2}}, usage=usage), repository="local"
    )

    assert figures is not None
    assert (figures.raw_bytes, figures.rows, figures.user_seconds, figures.peak_bytes) == (5, 2, 1.235, 7)


@pytest.mark.parametrize("result", [{"bytes": "many"}, {"measured": 7}, {"duration_seconds": None}, {"rows": -1}])
def test_a_result_that_cannot_be_understood_costs_its_figures_alone(result: dict[str, Any]) -> None:
    figures = figures_of_job(job(result=result), repository="local")

    assert figures is not None
    assert (figures.seconds, figures.rows, figures.stored_bytes) == (90.0, 0, 0)


def check(part: str, status: CheckStatus = CheckStatus.OK) -> Check:
    return Check(
        id=f"catalog:this host{part}",
        kind=CheckKind.CATALOG,
        status=status,
        subject="this host",
        summary="well",
        value=1.0,
    )


def test_checks_of_one_subject_are_told_apart() -> None:
    health = Health(
        at=NOON,
        status=HealthStatus.CRITICAL,
        seconds=0.1,
        checks=(check(""), check(":audit", CheckStatus.CRITICAL), check(":chain")),
    )

    figures = figures_of_health(health, ())

    assert [(each.part, each.not_ok) for each in figures.checks] == [("audit", 1), ("", 0), ("chain", 0)]


def test_the_worst_of_very_many_checks_are_kept() -> None:
    checks = (*(check(f":{number}") for number in range(MOST_CHECKS)), check(":bad", CheckStatus.WARNING))

    figures = figures_of_health(Health(at=NOON, status=HealthStatus.WARNING, seconds=0.1, checks=checks), ())

    assert (len(figures.checks), figures.checks[0].part) == (MOST_CHECKS, "bad")
