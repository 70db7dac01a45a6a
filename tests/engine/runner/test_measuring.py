"""What a runner measures of real jobs, and whom it tells."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.catalog.metrics import MetricsStore
from pantry_tui.config import Config
from pantry_tui.models import (
    Compression,
    DatabaseTarget,
    Job,
    JobFigures,
    JobState,
    RepositoryTarget,
    RunnerStatus,
    utc_now,
)
from pantry_tui.models.monitoring import CheckStatus, DatabaseHealth, Health, HealthStatus
from pantry_tui.runner.client import RunnerClient, attach
from pantry_tui.runner.measuring import Measuring
from tests.engine.runner.conftest import Blockade, StartRunner, at_work, backup_request, ended
from tests.engine.runner.processes import RunnerProcess, eventually, job_pids
from tests.servers import TestServer

MIB = 1024**2


class _UnixConnection(http.client.HTTPConnection):
    """As Prometheus's side of a proxy would ask."""

    def __init__(self, path: str) -> None:
        super().__init__("runner")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def scraped(status: RunnerStatus) -> tuple[str, dict[str, dict[tuple[str, ...], float]]]:
    """The answer of `GET /metrics`: its content type, and the values by name and labels."""
    with closing(_UnixConnection(status.socket)) as connection:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        assert response.status == 200
        return str(response.getheader("Content-Type")), values(response.read().decode())


def values(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def measured(client: RunnerClient) -> list[JobFigures]:
    return list((await client.metrics_history(1, records=True)).jobs)


async def test_a_backup_is_measured(client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget) -> None:
    job = await ended(client, await client.submit(backup_request(crm, backups)))

    assert job.usage is not None
    assert job.result is not None
    [figures] = await measured(client)
    assert (figures.kind, figures.variety, figures.outcome) == ("backup", "full", "succeeded")
    assert (figures.database, figures.repository) == (crm.name, backups.name)
    assert (figures.rows, figures.stored_bytes) == (1000, job.result["bytes"])
    assert figures.raw_bytes == job.result["raw_bytes"] == figures.packed_bytes
    assert figures.seconds == pytest.approx(job.result["duration_seconds"], abs=0.001)
    assert figures.user_seconds > 0
    assert figures.peak_bytes > 10 * MIB

    kind, found = scraped(await client.status())
    assert kind.startswith("text/plain; version=0.0.4")
    assert found["pantry_jobs_total"] == {("backup", crm.name, "succeeded"): 1}
    assert found["pantry_job_last_success_rows"] == {("backup", "full", crm.name): 1000}
    assert found["pantry_stored_backups"] == {(backups.name, crm.name, "full"): 1}
    [stats] = (await client.stats()).databases
    assert (stats.database, stats.backups, stats.failures, stats.stored_backups) == (crm.name, 1, 0, 1)


async def test_what_workers_and_tools_use_is_part_of_it(
    client: RunnerClient, server: TestServer, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    server.execute(crm, "INSERT INTO contacts SELECT n, repeat(md5(n::text), 20) FROM generate_series(2000, 40000) n")
    request = msgspec.structs.replace(backup_request(crm, backups), compression=Compression.NONE)
    job = await ended(client, await client.submit(request))

    assert job.usage is not None
    assert job.result is not None
    assert job.result["bytes"] > 20 * MIB
    if not job.usage.written_bytes:
        pytest.skip("this file system has no storage below it")
    assert job.usage.written_bytes >= job.result["bytes"]


async def test_a_cancelled_backup_is_no_failure(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade
) -> None:
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)
    await client.cancel(job.id)
    await ended(client, job)

    history = await client.metrics_history(1, records=True)
    assert [figures.outcome for figures in history.jobs] == ["cancelled"]
    assert [(day.backups, day.failures, day.jobs) for day in history.days] == [(0, 0, 1)]


async def test_a_backup_that_was_cut_off_with_its_runner_is_a_failure(
    runner: RunnerProcess,
    start_runner: StartRunner,
    config: Config,
    crm: DatabaseTarget,
    backups: RepositoryTarget,
    blockade: Blockade,
) -> None:
    async with await attach(config) as client:
        job = await client.submit(backup_request(crm, backups))
        await at_work(client, job)
        runner.kill()
    blockade.lift()

    start_runner()
    async with await attach(config) as client:
        [figures] = await measured(client)
        assert (figures.outcome, figures.variety, figures.repository) == ("failed", "full", backups.name)
        assert [day.failures for day in (await client.metrics_history(1)).days] == [1]
        assert scraped(await client.status())[1]["pantry_jobs_total"] == {("backup", crm.name, "failed"): 1}


async def test_node_exporter_finds_a_file(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, tmp_path: Path
) -> None:
    textfile = tmp_path / "textfile" / "pantry.prom"
    textfile.parent.mkdir()
    settings = tmp_path / "config.toml"
    settings.write_text(f'[monitoring]\ntextfile = "{textfile}"\n')
    runner = start_runner("--config", str(settings))
    async with await attach(config) as client:
        await ended(client, await client.submit(backup_request(crm, backups)))

        def told() -> bool:
            return textfile.exists() and "pantry_jobs_total" in values(textfile.read_text())

        eventually(told, "the textfile")
        assert values(textfile.read_text())["pantry_runner_up"] == {(): 1}
    assert textfile.stat().st_mode & 0o777 == 0o644

    assert runner.close() == 0
    assert values(textfile.read_text())["pantry_runner_up"] == {(): 0}
    assert [path.name for path in textfile.parent.iterdir()] == ["pantry.prom"]


@asynccontextmanager
async def measuring(config: Config) -> AsyncIterator[Measuring]:
    """What measures, in this process."""
    directory = Path(config.data_directory)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = RunnerStatus(
        version="1", pid=1, started_at=utc_now(), data_directory=str(directory), socket="", running=0, queued=0
    )
    with Catalog(directory) as catalog:
        found = Measuring(directory, catalog, lambda: config, lambda: status)
        yield found
        await found.close()


async def test_a_health_run_is_measured_with_what_is_free(config: Config, backups: RepositoryTarget) -> None:
    Path(backups.location).mkdir()
    crm = DatabaseHealth(
        database="crm",
        status=CheckStatus.OK,
        verdict="fine",
        tier="standard",
        rpo_seconds=1.0,
        rto_seconds=2.0,
        at_risk_seconds=60.0,
        recovery_seconds=5.0,
    )
    health = Health(at=utc_now(), status=HealthStatus.HEALTHY, seconds=0.5, databases=(crm,))
    async with measuring(config) as found:
        found.hear_health(health)
        await found.measure_health(health)
        *_, run = (await found.history(1, records=True)).health
        known = values(await found.text())

    assert [disk.place for disk in run.disks] == ["data directory", backups.name]
    figures = os.statvfs(backups.location)
    assert run.disks[1].total_bytes == figures.f_blocks * figures.f_frsize
    assert 0 < run.disks[1].free_bytes <= run.disks[1].total_bytes
    assert known["pantry_disk_size_bytes"][(backups.name,)] == run.disks[1].total_bytes
    assert known["pantry_database_recovery_time_seconds"] == {("crm",): 5.0}


async def test_what_cannot_be_written_is_counted_and_fails_nothing(config: Config) -> None:
    now = utc_now()
    job = Job(
        id="j",
        kind="backup",
        title="t",
        database="crm",
        state=JobState.FAILED,
        queued_at=now,
        started_at=now,
        finished_at=now,
    )
    async with measuring(config) as found:
        store = MetricsStore(Path(config.data_directory))
        store.directory.write_bytes(b"in the way")
        found.hear_job(job, None)
        assert found.lost == 1
        assert values(await found.text())["pantry_metrics_lost_total"] == {(): 1}

        store.directory.unlink()
        found.hear_job(job, None)
        assert (found.lost, len(store.read().records)) == (1, 1)


async def test_a_textfile_that_cannot_be_written_is_told_of(config: Config, tmp_path: Path) -> None:
    monitoring = msgspec.structs.replace(config.monitoring, textfile=str(tmp_path / "nowhere" / "pantry.prom"))
    async with measuring(msgspec.structs.replace(config, monitoring=monitoring)) as found:
        found.tell()
        await found.close()

        assert found.problem is not None
        assert "nowhere/pantry.prom" in found.problem


async def test_a_job_that_is_killed_is_measured_as_far_as_it_came(
    client: RunnerClient, crm: DatabaseTarget, backups: RepositoryTarget, blockade: Blockade, mark: str
) -> None:
    job = await client.submit(backup_request(crm, backups))
    await at_work(client, job)
    for pid in job_pids(mark):
        os.kill(pid, signal.SIGKILL)
    done = await ended(client, job)

    assert done.state is JobState.FAILED
    assert done.usage is not None
    assert done.usage.user_seconds > 0
    await asyncio.to_thread(blockade.lift)
