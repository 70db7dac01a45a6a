"""Alerts of a runner at work: opened by what happens, told, acknowledged, escalated, resolved."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.config import Config
from pantry_tui.config.hooking import HookSettings
from pantry_tui.config.monitoring import AlertSettings
from pantry_tui.config.notifying import NotificationSettings
from pantry_tui.errors import NotFoundError, RefusedError
from pantry_tui.events import AlertChanged, HealthChanged
from pantry_tui.models import (
    Alert,
    AlertState,
    AlertType,
    Around,
    CheckStatus,
    DatabaseTarget,
    HealthStatus,
    Hook,
    JobState,
    ReceiverKind,
    ScheduleKind,
    utc_now,
)
from pantry_tui.runner.audit import entries
from pantry_tui.runner.monitoring.revalidating import Revalidator
from pantry_tui.runner.monitoring.rounds import Rounds
from tests.engine.runner.conftest import backup_request
from tests.engine.runner.scheduled import PatientClock, configured, scheduled, scheduling
from tests.engine.runner.watching import NEVER, TurnedClock, Watched, flip_a_byte, one, watched, watching
from tests.servers import TestServer
from tests.unit.notify.servers import WebServer

MINUTES = timedelta(minutes=1)
FAILING = Around(before=Hook(argv=("/bin/false",), timeout_seconds=5))


@pytest.fixture
def ready(config: Config, crm: DatabaseTarget, mark: str) -> Config:
    """The configuration with the small database in it, by name."""
    return watched(configured(config, crm, mark))


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


def with_contacts(config: Config, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Two people to be told of alerts, one after the other; the second of damaged backups alone."""
    for name in ("first", "second"):
        monkeypatch.setenv(name.upper(), f"http://127.0.0.1:{web.port}/{name}")
    known = {
        name: NotificationSettings(kind=ReceiverKind.SLACK, url=f"env:{name.upper()}") for name in ("first", "second")
    }
    damaged = AlertSettings(contacts=("second",))
    monitoring = msgspec.structs.replace(
        config.monitoring, contacts=("first", "second"), alerts={AlertType.BACKUP_CORRUPTED.value: damaged}
    )
    return msgspec.structs.replace(config, notifications=known, monitoring=monitoring)


async def fail(there: Watched) -> None:
    request = msgspec.structs.replace(backup_request(there.database, there.repository), around=FAILING)
    assert await there.do(request) is JobState.FAILED


def of(alerts: list[Alert], kind: AlertType) -> Alert:
    [found] = [alert for alert in alerts if alert.type is kind]
    return found


async def test_a_failed_backup_from_its_end_to_the_next_success(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        await fail(there)
        await fail(there)
        [alert] = await there.client.alerts()  # nobody had to look
        await there.back_up()
        states = []
        for _ in range(3):
            clock.shift += 20 * MINUTES
            await there.look()
            states.append(of(await there.client.alerts(resolved=True), AlertType.BACKUP_FAILED).state)
        await fail(there)
        again = of(await there.client.alerts(), AlertType.BACKUP_FAILED)
    assert (alert.type, alert.seen, alert.severity, alert.database) == ("backup_failed", 2, "high", crm.name)
    assert alert.details["failure"] == "hook"
    assert states == [AlertState.RESOLVED] * 3  # the success was the first good look
    assert (again.id, again.state) == (alert.id, AlertState.OPEN)


async def test_told_escalated_and_told_that_it_is_over(
    ready: Config, crm: DatabaseTarget, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = TurnedClock()
    config = with_contacts(ready, web, monkeypatch)
    async with watching(config, crm, clock=clock) as there:
        backup = await there.back_up()
        flip_a_byte(there.directory / backup.id)
        await there.look()
        open_alerts = await there.client.alerts()
        for _ in range(2):
            clock.shift += 16 * MINUTES
            there.runner.health.alerts.escalate()
        escalated = of(await there.client.alerts(), AlertType.BACKUP_TOO_OLD)
    told = {
        path: [each.body.decode() for each in web.requests if each.path == f"/{path}"] for path in ("first", "second")
    }
    assert {alert.type for alert in open_alerts} >= {AlertType.BACKUP_CORRUPTED, AlertType.BACKUP_TOO_OLD}
    assert escalated.escalations == 1
    assert (len(told["first"]), len(told["second"])) == (1, 1)  # each hears of everything at once
    assert ("a backup is damaged" in told["first"][0], "a backup is damaged" in told["second"][0]) == (False, True)
    assert "not acknowledged" in told["second"][0]
    assert "monitor ack" in told["first"][0]


async def test_acknowledged_and_resolved_by_people(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        await there.look()
        alert = of(await there.client.alerts(), AlertType.BACKUP_TOO_OLD)
        taken = await there.client.acknowledge_alert(alert.id[-4:])
        over = await there.client.resolve_alert(alert.id)
        with pytest.raises(RefusedError, match="resolved already"):
            await there.client.acknowledge_alert(alert.id)
        with pytest.raises(NotFoundError, match="no alert called 'nope'"):
            await there.client.resolve_alert("nope")
        clock.shift += MINUTES
        await there.look()
        back = of(await there.client.alerts(), AlertType.BACKUP_TOO_OLD)
        trail = [entry.action for entry in entries(Path(ready.data_directory)) if entry.action.startswith("alert.")]
    assert (taken.state, taken.acknowledged_by != "") == (AlertState.ACKNOWLEDGED, True)
    assert (over.state, over.resolved_by) == (AlertState.RESOLVED, taken.acknowledged_by)
    assert (back.id, back.state, back.resolved_at) == (alert.id, AlertState.OPEN, None)
    assert trail == ["alert.acknowledge", "alert.resolve"]


async def test_alerts_outlive_their_runner(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        await there.look()
        before = await there.client.alerts()
    async with watching(ready, crm, clock=clock) as there:
        assert await there.client.alerts() == before
        clock.shift += MINUTES
        await there.look()
        after = await there.client.alerts()
    assert {alert.id for alert in after} == {alert.id for alert in before}
    assert {alert.seen for alert in after} == {2}


@contextlib.asynccontextmanager
async def listening(there: Watched) -> AsyncIterator[asyncio.Queue[object]]:
    """What the runner tells meanwhile."""
    heard: asyncio.Queue[object] = asyncio.Queue()

    async def listen() -> None:
        async for event in there.client.news():
            await heard.put(event)

    task = asyncio.create_task(listen())
    try:
        while not there.runner.board._feeds:  # noqa: ASYNC110  (nobody tells that somebody listens)
            await asyncio.sleep(0)
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_screens_hear_of_it(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there, listening(there) as heard:
        health = await there.look()
        events = [await heard.get() for _ in range(len(await there.client.alerts()) + 1)]
    *alerts, last = events
    assert all(isinstance(each, AlertChanged) for each in alerts)
    assert isinstance(last, HealthChanged)
    assert last.status is health.status is HealthStatus.CRITICAL
    assert last.critical == sum(check.status is CheckStatus.CRITICAL for check in health.checks)


async def test_a_clock_that_is_set(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        there.runner.scheduler.look()
        clock.shift += timedelta(days=2)
        there.runner.scheduler.look()
        [alert] = await there.client.alerts()
    assert alert.type is AlertType.CLOCK_MOVED
    assert "put forward by" in alert.summary


async def test_runs_that_fail_and_runs_that_are_missed(ready: Config, crm: DatabaseTarget) -> None:
    failing = msgspec.structs.replace(ready, hooks=HookSettings(before_backup=("/bin/false",)))
    clock = PatientClock(utc_now())
    statuses = []
    async with scheduling(failing, clock) as (_, client):
        made = await client.create_schedule(scheduled(crm, "* * * * *", retries=0))
        for _ in range(3):
            await clock.advance(60)
            health = await client.check_health()
            statuses.append(one(health, "schedules", crm.name, made.id).status)
        alerts = await client.alerts()
        days = await client.compliance(days=2)
    later = PatientClock(clock.now() + timedelta(hours=5))
    async with scheduling(ready, later) as (_, client):
        await later.advance(60)
        missed = of(await client.alerts(), AlertType.SCHEDULE_MISSED)
        absent = of(await client.alerts(), AlertType.RUNNER_ABSENT)
        health = await client.check_health()
    assert statuses == [CheckStatus.WARNING, CheckStatus.WARNING, CheckStatus.CRITICAL]
    failed = of(alerts, AlertType.BACKUP_FAILED)
    assert of(alerts, AlertType.SCHEDULE_FAILING).root == failed.id  # one trouble, one message
    assert sum(day.failed for day in days) == 3
    assert [day.schedule for day in days] == ["nightly"] * 2
    assert "no runner was at work" in missed.summary
    assert (missed.root, absent.told_at is not None) == (absent.id, True)
    assert one(health, "schedules", crm.name, made.id).status is CheckStatus.OK


async def test_a_new_database_is_told_of(ready: Config, crm: DatabaseTarget, server: TestServer) -> None:
    clock = PatientClock(utc_now())
    async with scheduling(ready, clock) as (_, client):
        await client.create_schedule(scheduled(crm, "* * * * *", all_databases=True, kind=ScheduleKind.SCHEMA))
        await clock.advance(60)
        added = server.create_database().name
        await clock.advance(60)
        alert = of(await client.alerts(), AlertType.DATABASE_APPEARED)
    assert (alert.database, alert.severity) == (added, "low")


async def test_what_was_not_read_for_long_is_read_back(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        backups = [await there.back_up() for _ in range(2)]
        revalidator = Revalidator(there.runner.executor, there.runner.library, there.runner.health)
        assert await revalidator.consider(ready) is None  # nobody has looked yet
        await there.look()
        assert await revalidator.consider(ready) is None  # they are young
        clock.shift += timedelta(days=7)
        await there.look()
        off = msgspec.structs.replace(ready, monitoring=msgspec.structs.replace(ready.monitoring, revalidate=False))
        assert await revalidator.consider(off) is None
        job = await revalidator.consider(ready)
        assert job is not None
        assert await revalidator.consider(ready) is None  # one at a time
        async for _ in there.client.job_events(job.id):
            pass
        read = {each.id: each.valid for each in await there.client.backups(there.repository)}
    assert (job.started_by, job.due_at is not None) == ("health", True)
    assert read == {backups[0].id: True, backups[1].id: None}  # the oldest first


async def test_damage_is_read_at_once_and_recorded(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        backup = await there.back_up()
        flip_a_byte(there.directory / backup.id)
        await there.look()
        revalidator = Revalidator(there.runner.executor, there.runner.library, there.runner.health)
        job = await revalidator.consider(ready)
        assert job is not None
        async for _ in there.client.job_events(job.id):
            pass
        [found] = await there.client.backups(there.repository)
        assert await revalidator.consider(ready) is None  # nothing new would come of it
    assert found.valid is False


class TimeIsUp(Exception):  # noqa: N818
    """Ends the rounds where the test wants them ended."""


async def test_rounds_are_made_at_their_interval(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    waited: list[float] = []
    looks: list[object] = []
    async with watching(ready, crm, clock=clock) as there:
        desk = there.runner.health

        async def wait(seconds: float) -> None:
            waited.append(seconds)
            clock.shift += timedelta(seconds=seconds)
            looks.append(desk.last.at if desk.last is not None else None)
            if len(waited) == 34:
                raise TimeIsUp

        revalidator = Revalidator(there.runner.executor, there.runner.library, desk)
        rounds = Rounds(desk, revalidator, lambda: ready, clock.now, there.runner.audit, wait=wait)
        with pytest.raises(TimeIsUp):
            await rounds.run()
    assert waited[0] == NEVER  # but for this test, some seconds
    assert len(set(looks)) == 3  # none, the one shortly after the start, and the one half an hour later


async def test_a_configuration_in_disorder_is_noted_once(ready: Config, crm: DatabaseTarget) -> None:
    turns: list[float] = []

    async def wait(seconds: float) -> None:
        turns.append(seconds)
        if len(turns) == 4:
            raise TimeIsUp

    def broken() -> Config:
        raise NotFoundError("the configuration is gone")

    async with watching(ready, crm) as there:
        desk = there.runner.health
        revalidator = Revalidator(there.runner.executor, there.runner.library, desk)
        with pytest.raises(TimeIsUp):
            await Rounds(desk, revalidator, broken, utc_now, there.runner.audit, wait=wait).run()
        noted = [entry for entry in entries(Path(ready.data_directory)) if entry.action == "health"]
    assert [entry.details["failure"] for entry in noted] == ["the configuration is gone"]
