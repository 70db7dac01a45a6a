"""Reading without a runner, with one, and beside one that writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pantry_tui.config import Config
from pantry_tui.errors import NotFoundError
from pantry_tui.models import BackupDiff, DatabaseTarget, DiffRequest, DiffStatus, RepositoryTarget
from pantry_tui.runner.client import RunnerClient
from pantry_tui.runner.inline import inline_runner
from pantry_tui.runner.reads import LocalReads
from tests.engine.runner.conftest import StartRunner, backup_request, ended
from tests.engine.runner.processes import OLD_RUNNER, RunnerProcess
from tests.servers import TestServer

IMPORTED = """
import asyncio, sys
from pantry_tui.config import load_config
from pantry_tui.runner.reads import LocalReads
config = load_config()
asyncio.run(LocalReads(config).backups(config.repository_target()))
asyncio.run(LocalReads(config).jobs())
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


async def test_nothing_is_known_of_a_new_installation(config: Config, backups: RepositoryTarget) -> None:
    reads = LocalReads(config)

    assert await reads.backups(backups) == []
    assert await reads.jobs() == []
    with pytest.raises(NotFoundError):
        await reads.backup(backups, "latest")
    with pytest.raises(NotFoundError):
        await reads.job_log("none")


async def test_what_a_runner_left_is_read_without_one(
    config: Config, mark: str, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    async with inline_runner(config) as client:
        job = await ended(client, await client.submit(backup_request(crm, backups)))
        expected = (await client.backups(backups), await client.backup(backups, "latest"), await client.job_log(job.id))

    reads = LocalReads(config)

    assert (
        await reads.backups(backups),
        await reads.backup(backups, "latest"),
        await reads.job_log(job.id),
    ) == expected
    assert (await reads.jobs(), await reads.job(job.id)) == ([job], job)
    assert await reads.backups(backups, database="another") == []


async def test_the_same_is_read_beside_a_runner(
    client: RunnerClient, config: Config, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    job = await ended(client, await client.submit(backup_request(crm, backups)))
    reads = LocalReads(config)

    assert await reads.backups(backups, database=crm.name, limit=5) == await client.backups(backups)
    assert (await reads.jobs(), await reads.job(job.id)) == (await client.jobs(), await client.job(job.id))


async def test_what_a_runner_of_another_version_says_is_not_needed(
    start_runner: StartRunner, config: Config, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    old = start_runner(program=("-c", OLD_RUNNER))
    async with RunnerClient(old.directory / "runner.sock") as client:
        await ended(client, await client.submit(backup_request(crm, backups)))
        expected = await client.backups(backups)

    assert await LocalReads(config).backups(backups) == expected


async def test_a_new_backup_of_another_installation_is_listed(
    client: RunnerClient, config: Config, crm: DatabaseTarget, backups: RepositoryTarget, tmp_path: Path
) -> None:
    await ended(client, await client.submit(backup_request(crm, backups)))
    elsewhere = RepositoryTarget(name="elsewhere", location=str(tmp_path / "elsewhere"))
    Path(backups.location).rename(elsewhere.location)

    [listed] = await LocalReads(config).backups(elsewhere)

    assert listed.repository == "elsewhere"


@pytest.mark.parametrize("beside_a_runner", [False, True])
def test_reading_imports_nothing_slow(
    config: Config, start_runner: StartRunner, tmp_path: Path, beside_a_runner: bool
) -> None:
    runner: RunnerProcess | None = start_runner() if beside_a_runner else None
    environment = {name: os.environ[name] for name in ("PATH",)} | {
        "HOME": str(tmp_path),
        "DATA_DIR": config.data_directory,
        "BACKUP_DIR": str(tmp_path / "backups"),
    }
    outcome = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, env=environment)

    assert outcome.returncode == 0, outcome.stderr
    assert not {"aiohttp", "psycopg", "textual", "isal"} & set(outcome.stdout.split())
    assert runner is None or runner.process.poll() is None


async def test_rows_of_a_backup_are_read_with_a_runner_and_without(
    client: RunnerClient, config: Config, server: TestServer, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    server.execute(crm, "INSERT INTO contacts VALUES (0, repeat('x', 10000))")
    await ended(client, await client.submit(backup_request(crm, backups)))

    page = await client.peek(backups, "latest", "public.contacts", skip=990)

    assert page.rows[:10] == tuple((str(n), f"contact {n}") for n in range(991, 1001))
    assert (page.rows[10], page.shortened[0].bytes) == (("0", "x" * 4096), 10_000)
    whole = await LocalReads(config).peek(backups, "latest", "public.contacts", limit=11, skip=990)
    assert (whole.rows[:10], whole.rows[10], whole.shortened) == (page.rows[:10], ("0", "x" * 10_000), ())
    assert len((await client.peek(backups, "latest", "public.contacts", limit=100_000)).rows) == 200
    with pytest.raises(NotFoundError, match=r"it has public\.contacts"):
        await client.peek(backups, "latest", "contacts")


async def test_backups_are_compared_with_a_runner_and_without(
    client: RunnerClient, config: Config, server: TestServer, crm: DatabaseTarget, backups: RepositoryTarget
) -> None:
    first = await ended(client, await client.submit(backup_request(crm, backups)))
    server.execute(crm, "DELETE FROM contacts WHERE id = 1")
    live = await client.submit(DiffRequest(repository=backups, backup_id="latest", database=crm, jobs=1))
    compared = BackupDiff.from_builtins((await ended(client, live)).result)
    second = await ended(client, await client.submit(backup_request(crm, backups)))
    assert first.backup_id is not None
    assert second.backup_id is not None

    asked = await client.diff(backups, first.backup_id, second.backup_id)
    read = await LocalReads(config).diff(backups, first.backup_id, second.backup_id)

    assert asked.tables == read.tables
    assert [(each.status, each.rows_a, each.rows_b) for each in (*asked.tables, *compared.tables)] == [
        (DiffStatus.ROWS, 1000, 999)
    ] * 2
    assert (live.kind, live.backup_id, compared.a.name) == ("diff", first.backup_id, first.backup_id)
