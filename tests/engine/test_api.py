"""The documented Python API, as its documentation uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui import (
    BackupConfig,
    BackupMonitoring,
    BackupScheduler,
    BackupService,
    DrillConfig,
    MonitoringConfig,
    MonitoringThresholds,
    Notifications,
    RecoveryConfig,
    RecoveryService,
    ScheduleConfig,
    SchedulerConfig,
)
from pantry_tui.config import load_config
from pantry_tui.errors import ConfigError, NotFoundError, RefusedError, RunnerError, UsageError
from pantry_tui.models import BackupFormat, BackupKind, CheckStatus, Compression, HealthStatus, JobState
from pantry_tui.runner.main import stop_runner
from tests.engine.recovery.foreign import ROLE, make_role, written
from tests.servers import TestServer


@pytest.fixture(autouse=True)
def _data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))


async def test_documented_example(server: TestServer, tmp_path: Path) -> None:
    source = server.load_corpus("pagila")
    target = server.drop_after_test("pagila_rehearsal")
    directory = str(tmp_path / "pantry")

    backups = BackupService(source, BackupConfig(output_dir=directory))
    backup = await backups.create_full_backup("before-migration")
    recovery = RecoveryService(directory)
    plan = await recovery.create_recovery_plan(RecoveryConfig(backup_id=backup.id), target)
    result = await recovery.execute_recovery(RecoveryConfig(backup_id=backup.id), target)

    assert (plan.executable, plan.way) == (True, result.way)
    assert sum(table.rows_backup for table in plan.tables) == sum(table.inserted for table in result.tables)
    assert result.status == "succeeded"
    assert result.validation.equal
    assert server.fingerprint(target) == server.fingerprint(source)
    assert [found.id for found in await backups.list_backups()] == [backup.id]
    assert (await backups.validate_backup("latest")).valid
    assert (await backups.show_backup(backup.id[:20])).summary.id == backup.id
    with pytest.raises(RefusedError):
        await backups.delete_backup(backup.id)
    await backups.delete_backup(backup.id, force=True)
    with pytest.raises(NotFoundError):
        await backups.show_backup(backup.id)


async def test_drill(server: TestServer, tmp_path: Path) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    directory = str(tmp_path / "pantry")
    backup = await BackupService(source, BackupConfig(output_dir=directory)).create_full_backup("nightly")

    drill = await RecoveryService(directory).drill(DrillConfig(rto_seconds=3600.0), source)

    assert (drill.ok, drill.id, drill.rows, drill.rto_met) == (True, backup.id, 1, True)
    assert [
        found.drilled for found in await BackupService(source, BackupConfig(output_dir=directory)).list_backups()
    ] == [True]


async def test_connection_uri_will_do(server: TestServer, tmp_path: Path) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT 1 AS i")
    name = server.execute(target, "SELECT current_database()")[0][0]
    uri = f"postgresql://postgres@/{name}?host={server.private.socket_directory}&port={server.private.port}"
    backup = await BackupService(uri, BackupConfig(output_dir=str(tmp_path / "pantry"))).create_full_backup("by-uri")
    assert (backup.database, backup.rows) == (name, 1)


async def test_a_dump_of_somebody_else(server: TestServer, tmp_path: Path) -> None:
    make_role(server)
    path = written(tmp_path, "CREATE TABLE t (i int);\nCOPY t FROM stdin;\n1\n2\n\\.\n")
    target = server.drop_after_test("handed over")
    recovery = RecoveryService(str(tmp_path / "pantry"))
    result = await recovery.restore_dump(str(path), server.target(target.name, role=ROLE))
    assert (result.status, [(table.name, table.inserted) for table in result.tables]) == ("unverified", [("t", 2)])

    backups = BackupService(config=BackupConfig(output_dir=str(tmp_path / "pantry")))
    kept = await backups.import_dump(path, "handover", "shop")
    assert (kept.kind, kept.database, kept.rows) == (BackupKind.FOREIGN, "shop", 2)
    again = server.drop_after_test("handed over again")
    second = await recovery.restore_imported(kept.id, server.target(again.name, role=ROLE))
    assert (second.backup_id, second.tables) == (kept.id, result.tables)
    own = await BackupService(target, BackupConfig(output_dir=str(tmp_path / "pantry"))).create_full_backup("x")
    with pytest.raises(UsageError, match="no dump of others"):
        await recovery.restore_imported(own.id, server.target("never made", role=ROLE))
    with pytest.raises(RefusedError, match="is a dump that others made"):
        await recovery.execute_recovery(RecoveryConfig(backup_id=kept.id), server.target("never made"))


async def test_what_is_not_supported_is_refused(server: TestServer, tmp_path: Path) -> None:
    config = BackupConfig(output_dir=str(tmp_path / "pantry"), format=BackupFormat.CSV, compression=Compression.ZSTD)
    with pytest.raises(UsageError, match="csv"):
        await BackupService(server.create_database(), config).create_full_backup("x")
    with pytest.raises(UsageError, match="absolute"):
        BackupService(server.create_database(), BackupConfig(output_dir="somewhere"))


async def test_schedules(server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = server.create_database()
    server.execute(
        source, "CREATE SCHEMA audit; CREATE TABLE audit.log AS SELECT 1 AS i; CREATE TABLE t AS SELECT 1 AS i"
    )
    monkeypatch.setenv("DATABASE_URL", source.conninfo)
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "pantry"))
    file = tmp_path / "config.toml"
    file.write_text('[notifications.ops]\nkind = "slack"\nurl = "env:HOOK"\n')
    monkeypatch.setenv("PANTRY_CONFIG", str(file))
    try:
        async with BackupScheduler(SchedulerConfig(max_concurrent_jobs=2, default_retention_days=7)) as scheduler:
            created = await scheduler.create_schedule(
                ScheduleConfig(
                    name="nightly",
                    cron="0 2 * * *",
                    retention_days=30,
                    backup_config=BackupConfig(exclude_tables=("audit.*",)),
                    notifications=Notifications(on_failure=("ops",)),
                    tags=("production",),
                )
            )
            [status] = await scheduler.list_schedules()
            [job] = await scheduler.execute_schedule("nightly")
            with pytest.raises(UsageError, match="has no jobs of its own"):
                await scheduler.create_schedule(
                    ScheduleConfig(name="x", cron="0 2 * * *", backup_config=BackupConfig(jobs=1))
                )
            with pytest.raises(UsageError, match="never run"):
                await scheduler.create_schedule(ScheduleConfig(name="x", cron="0 0 30 2 *"))
            with pytest.raises(NotFoundError):
                await scheduler.execute_schedule("nope")
        with pytest.raises(RunnerError, match="not initialized"):
            await scheduler.list_schedules()
    finally:
        await stop_runner(load_config())

    assert status.schedule == created
    assert (created.retention_days, created.on_failure, created.tags) == (30, ("ops",), ("production",))
    assert (job.state, job.schedule) == (JobState.SUCCEEDED, created.id)
    [backup] = await BackupService(source, BackupConfig(output_dir=str(tmp_path / "pantry"))).list_backups()
    assert (backup.id, backup.tables) == (job.backup_id, 1)


async def test_monitoring(server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = server.create_database()
    monkeypatch.setenv("DATABASE_URL", source.conninfo)
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "pantry"))
    thresholds = MonitoringThresholds(max_backup_age=26, max_failure_rate=0.05, min_disk_space_gb=0.000001)
    given = MonitoringConfig(health_check_interval=5, alerts_retention_days=7, thresholds=thresholds)
    try:
        async with BackupMonitoring(given) as monitoring:
            health = await monitoring.run_health_check()
            assert await monitoring.get_active_alerts() == []  # by thresholds of one's own nothing is opened
        async with BackupMonitoring() as monitoring:
            assert (await monitoring.run_health_check()).status is HealthStatus.CRITICAL
            alerts = await monitoring.get_active_alerts()
        with pytest.raises(RunnerError, match="not initialized"):
            await monitoring.get_active_alerts()
    finally:
        await stop_runner(load_config())
    with pytest.raises(ConfigError, match="max_failure_rate must be a share"):
        BackupMonitoring(MonitoringConfig(thresholds=MonitoringThresholds(max_failure_rate=5)))

    assert [each.database for each in health.databases] == [source.name]
    checks = {check.id: check for check in health.checks}
    assert checks[f"recent_backup:{source.name}"].status is CheckStatus.CRITICAL
    assert checks["disk_space:local"].threshold == 1000.0
    assert "backup_too_old" in {alert.type for alert in alerts}
