"""What schedules wish around their jobs: their own retention, and whom to tell, once a run is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.config import Config
from pantry_tui.config.keeping import RetentionSettings
from pantry_tui.config.notifying import NotifySettings
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.errors import NotFoundError
from pantry_tui.events import Warned
from pantry_tui.models import DatabaseTarget, JobState, MissedRuns, RepositoryTarget
from pantry_tui.runner.audit import entries
from pantry_tui.runner.clock import Doubt
from tests.engine.runner.conftest import ended
from tests.engine.runner.scheduled import PatientClock, configured, scheduled, scheduling
from tests.unit.notify.servers import WebServer


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    server = WebServer()
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{server.port}/hook")
    yield server
    server.close()


@pytest.fixture
def ready(config: Config, crm: DatabaseTarget, mark: str) -> Config:
    """The small database by its name, somebody to be told, and a policy."""
    return msgspec.structs.replace(configured(config, crm, mark), policies={"two": RetentionSettings(count=2)})


async def test_each_schedule_keeps_what_its_policy_says(
    ready: Config, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    clock = PatientClock()
    async with scheduling(ready, clock) as (_, client):
        made = await client.create_schedule(scheduled(crm, "* * * * *", retention_policy="two"))
        other = scheduled(crm, "0 0 1 1 *", retention_days=3)
        rare = await client.create_schedule(msgspec.structs.replace(other, name="rare"))
        [kept] = await client.execute_schedule("rare")
        await ended(client, kept)
        await clock.advance(240)
        left = await client.backups(backups)
        jobs = await client.jobs()

    assert sorted(str(backup.schedule) for backup in left) == sorted([made.id, made.id, rare.id])
    assert len(jobs) == 5
    deleted = [entry for entry in entries(Path(ready.data_directory)) if entry.action == "backup.delete"]
    assert [entry.result for entry in deleted] == ["done"] * 2


async def test_a_run_is_told_once_it_is_over(ready: Config, crm: DatabaseTarget, web: WebServer) -> None:
    clock = PatientClock()
    async with scheduling(ready, clock) as (_, client):
        await client.create_schedule(scheduled(crm, "* * * * *", on_success=("ops",)))
        await clock.advance(60)
    [request] = web.requests
    assert b"schedule nightly: succeeded" in request.body
    assert b"backup of" in request.body


async def test_attempts_that_are_followed_by_others_are_not_told(
    ready: Config, crm: DatabaseTarget, web: WebServer
) -> None:
    nowhere = {crm.name: DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/none")}
    broken = msgspec.structs.replace(ready, databases=nowhere)
    clock = PatientClock()
    async with scheduling(broken, clock) as (_, client):
        draft = scheduled(crm, "5 12 * * *", on_failure=("ops",), retries=1, retry_seconds=60.0)
        await client.create_schedule(draft)
        await clock.advance(600)
    [request] = web.requests
    assert b"schedule nightly: failed after 2 attempts" in request.body


async def test_of_a_clock_that_may_be_ahead_people_are_told_once(
    ready: Config, crm: DatabaseTarget, backups: RepositoryTarget, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = PatientClock()
    async with scheduling(ready, clock) as (runner, client):
        monkeypatch.setattr(runner.retention.clock, "look", lambda: Doubt(40 * 86400.0, 0.0))
        await client.create_schedule(scheduled(crm, "* * * * *", on_failure=("ops",), retention_days=30))
        await clock.advance(120)
        jobs = await client.jobs()

    assert [(job.state, job.warnings) for job in jobs] == [(JobState.SUCCEEDED, 1)] * 2
    [request] = web.requests
    assert b"are not deleted as they should be" in request.body
    assert b"the clock may be ahead by 40 days" in request.body


async def test_a_run_that_was_missed_is_told(ready: Config, crm: DatabaseTarget, web: WebServer) -> None:
    async with scheduling(ready) as (_, client):
        draft = scheduled(crm, "0 0 * * *", on_failure=("ops",), missed=MissedRuns.SKIP)
        await client.create_schedule(draft)
        [expected] = await client.runs()
    later = PatientClock(expected.due_at + timedelta(hours=3))
    async with scheduling(ready, later):
        await later.advance(1)
    [request] = web.requests
    assert b"the run of " in request.body


async def test_what_is_no_longer_configured_stops_no_backup(
    ready: Config, crm: DatabaseTarget, backups: RepositoryTarget, web: WebServer
) -> None:
    async with scheduling(ready) as (_, client):
        draft = scheduled(crm, "* * * * *", retention_policy="two", on_success=("ops",), on_failure=("ops",))
        await client.create_schedule(draft)
    renamed = msgspec.structs.replace(
        ready,
        policies={},
        notifications={"crew": ready.notifications["ops"]},
        notify=NotifySettings(on_success=("crew",)),
    )
    clock = PatientClock()
    async with scheduling(renamed, clock) as (runner, client):
        complaints = runner.schedules.complaints()
        await clock.advance(180)
        taken = await client.backups(backups)
        [job, *_] = await client.jobs()
        log = [event async for event in client.job_events(job.id)]

    assert len(taken) == 3
    warnings = [event.message for event in log if isinstance(event, Warned)]
    assert warnings == [
        "nobody is configured as 'ops' any more: those whom the configuration names are told instead",
        "no policy of retention is called 'two': no backup of the schedule is deleted",
    ]
    assert complaints == [f"schedule nightly: {words}" for words in warnings]
    assert b"schedule nightly: succeeded" in web.requests[-1].body


@pytest.mark.parametrize(
    ("wish", "words"),
    [({"on_failure": ("nobody",)}, "nobody is configured as 'nobody'"), ({"retention_policy": "three"}, "no policy")],
)
async def test_who_and_what_is_not_configured_is_refused(
    ready: Config, crm: DatabaseTarget, wish: dict[str, object], words: str
) -> None:
    async with scheduling(ready) as (_, client):
        with pytest.raises(NotFoundError, match=words):
            await client.create_schedule(scheduled(crm, "@daily", **wish))
        assert await client.schedules() == []
