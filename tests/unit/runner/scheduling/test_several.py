"""Runs that are about several databases: each is tried again, refused and given up by itself."""

from __future__ import annotations

from pantry_tui.errors import DiskFullError, InterruptedJobError, NotFoundError, ServerUnreachableError
from pantry_tui.models import Failure, JobState
from tests.unit.runner.scheduling.conftest import Desk

HOUR = 3600.0
UNREACHABLE = Failure.of(ServerUnreachableError("no server answers"))
FULL = Failure.of(DiskFullError("no room"))
CUT_OFF = Failure.of(InterruptedJobError("the runner ended"))


async def test_of_several_databases_those_that_failed_are_tried_again(desk: Desk) -> None:
    desk.create("0 * * * *", all_databases=True)
    desk.work.databases = ["a", "b", "c"]
    failing = {"b": UNREACHABLE, "c": FULL}
    desk.work.outcome = lambda job: (10.0, failing.get(str(job.database)) if len(desk.work.jobs) <= 3 else None)

    await desk.run(1.5 * HOUR)

    run = desk.runs()[0]
    assert [job.database for job in desk.work.jobs.values()] == ["a", "b", "c", "b"]
    assert (run.outcome, run.failure, run.given_up) == (JobState.FAILED, FULL, ("c",))


async def test_an_attempt_with_nothing_left_to_do_is_no_success(desk: Desk) -> None:
    desk.create("0 * * * *", all_databases=True)
    desk.work.databases = ["a", "b"]
    desk.work.outcome = lambda job: (10.0, UNREACHABLE if job.database == "b" else None)
    desk.clock.plan(HOUR + 30, lambda: desk.work.databases.remove("b"))

    await desk.run(1.5 * HOUR)

    run = desk.runs()[0]
    assert (run.attempts, run.outcome, run.given_up) == (2, JobState.FAILED, ("b",))
    assert run.failure is not None
    assert run.failure.code == "not_found"


async def test_what_cannot_be_done_for_one_database_is_done_for_the_others(desk: Desk) -> None:
    desk.create("0 * * * *", all_databases=True)
    desk.work.databases = ["a", "b"]
    desk.work.refusals = {"a": NotFoundError("the repository has no backup of a to drill")}

    await desk.run(1.5 * HOUR)

    run = desk.runs()[0]
    assert [job.database for job in desk.work.jobs.values()] == ["b"]
    assert (run.outcome, run.given_up) == (JobState.FAILED, ("a",))
    assert run.failure is not None
    assert run.failure.message == "the repository has no backup of a to drill"


async def test_a_crash_makes_no_refusal_forgotten(desk: Desk) -> None:
    desk.create("0 * * * *", all_databases=True)
    desk.work.databases = ["a", "b"]
    desk.work.refusals = {"a": NotFoundError("the repository has no backup of a to drill")}
    desk.work.outcome = lambda job: (600.0, None)
    await desk.run(HOUR + 60)

    desk.work.crash(CUT_OFF)
    desk.restart()
    await desk.run(1500)

    run = desk.runs()[0]
    assert [job.database for job in desk.work.jobs.values()] == ["b", "b"]
    assert (run.outcome, run.given_up, run.attempts) == (JobState.FAILED, ("a",), 2)


async def test_a_schedule_that_has_no_database_fails(desk: Desk) -> None:
    desk.create("0 * * * *", all_databases=True)
    desk.work.databases = []

    await desk.run(1.5 * HOUR)

    assert desk.runs()[0].outcome is JobState.FAILED
