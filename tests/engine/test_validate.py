"""Validation reads everything back, names every problem, and calls nothing valid that it did not read."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.backup import validate
from pantry_tui.backup.validate import validate_backup
from pantry_tui.errors import (
    BackupDamagedError,
    ClientToolError,
    NotFoundError,
    PantryError,
    StorageError,
    WorkerDiedError,
)
from pantry_tui.events import Event, Progress, Warned, ignore
from pantry_tui.models import RepositoryTarget, ValidateRequest, ValidationResult
from pantry_tui.postgres.tools import ClientTools
from tests.engine.backup.taking import Taken, data_directory_of, opened, take
from tests.engine.recovery.restoring import damage, rewrite_manifest, sign_again
from tests.servers import TestServer


@pytest.fixture
async def taken(server: TestServer, repository: RepositoryTarget) -> Taken:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE t AS SELECT i, md5(i::text) AS v FROM generate_series(1, 20000) i; CREATE TABLE nothing ();"
        "INSERT INTO nothing DEFAULT VALUES; CREATE TABLE empty (i int); SELECT lo_from_bytea(0, repeat('x', 5000)::bytea)",
    )
    return await take(source, repository)


def asked(repository: RepositoryTarget, backup_id: str = "latest") -> ValidateRequest:
    return ValidateRequest(repository=repository, backup_id=backup_id, data_directory=data_directory_of(repository))


async def examine(repository: RepositoryTarget, backup_id: str = "latest") -> ValidationResult:
    return await validate_backup(asked(repository, backup_id), ignore)


async def test_whole_backup_is_valid(repository: RepositoryTarget, taken: Taken) -> None:
    events: list[Event] = []
    result = await validate_backup(asked(repository), events.append)
    assert result.valid
    assert result.problems == ()
    assert result.rows == 20001
    assert result.raw_bytes == taken.manifest.raw_bytes
    assert result.bytes_read == sum(file.bytes for file in taken.manifest.files)
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    summary = opened(repository).summary(taken.summary.id)
    assert (summary.valid, summary.validated_at) == (True, result.validated_at)


async def test_corpus_is_valid(any_server: TestServer, repository: RepositoryTarget) -> None:
    taken = await take(any_server.load_corpus("pagila"), repository)
    result = await examine(repository)
    assert result.problems == ()
    assert result.rows == taken.summary.rows


@pytest.mark.parametrize("name", ["nightly.sql.gz", "archive.dump", "globals.sql", "positions.bin"])
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
async def test_changed_byte_in_any_file(repository: RepositoryTarget, taken: Taken, name: str, where: float) -> None:
    file = taken.directory / name
    damage(file, int((file.stat().st_size - 1) * where))
    result = await examine(repository)
    assert not result.valid
    assert any(name in problem for problem in result.problems)
    assert opened(repository).summary(taken.summary.id).valid is False


async def test_large_backups_are_examined_by_other_processes(
    repository: RepositoryTarget, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate, "WORTH_PROCESSES", 0)
    assert (await examine(repository)).rows == 20001
    numbers = [number for number, segment in enumerate(taken.manifest.segments) if segment.section == "rows"]
    segment = taken.manifest.segments[numbers[0]]
    file = taken.directory / "nightly.sql.gz"
    damage(file, segment.offset + segment.length // 2)
    result = await examine(repository)
    assert any(f"segment {numbers[0]} (rows of" in problem for problem in result.problems)
    assert result.rows < 20001


@pytest.mark.parametrize("name", ["nightly.sql.gz", "archive.dump", "globals.sql", "positions.bin"])
async def test_missing_and_truncated_files(repository: RepositoryTarget, taken: Taken, name: str) -> None:
    file = taken.directory / name
    content = file.read_bytes()
    for kept in (len(content) - 1, len(content) // 2, 0):
        file.write_bytes(content[:kept])
        assert not (await examine(repository)).valid
    file.unlink()
    result = await examine(repository)
    assert not result.valid
    assert any(name in problem for problem in result.problems)


async def test_all_problems_are_named_to_a_bound(
    repository: RepositoryTarget, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("nightly.sql.gz", "archive.dump", "globals.sql"):
        damage(taken.directory / name, 20)
    named = (await examine(repository)).problems
    assert all(any(name in problem for problem in named) for name in ("nightly.sql.gz", "archive.dump", "globals.sql"))
    monkeypatch.setattr(validate, "PROBLEM_LIMIT", 2)
    bounded = (await examine(repository)).problems
    assert len(bounded) == 3
    assert bounded[-1] == f"and {len(named) - 2} more problems"


async def test_archive_that_is_hashed_alone_is_said_to_be(
    repository: RepositoryTarget, taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_found(version: int, *, directory: str | None = None) -> ClientTools:
        raise ClientToolError("no pg_restore here")

    monkeypatch.setattr(validate, "find_client_tools", none_found)
    events: list[Event] = []
    result = await validate_backup(asked(repository), events.append)
    assert result.valid
    (warning,) = [event.message for event in events if isinstance(event, Warned)]
    assert "hashed, but not parsed" in warning


@pytest.fixture
def pg_restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pg_restore that validation takes: a script for tests to write. What it was asked for is in `asked`."""
    program = tmp_path / "pg_restore"

    async def found(version: int, *, directory: str | None = None) -> ClientTools:
        (tmp_path / "asked").write_text(str(version))
        return ClientTools(directory=str(tmp_path), version="0.0", version_num=0, source="test")

    monkeypatch.setattr(validate, "find_client_tools", found)
    return program


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("kill -KILL $$", WorkerDiedError),  # as the kernel does when memory runs out
        ("echo 'pg_restore: error while loading shared libraries: libpq.so.5' >&2; exit 127", ClientToolError),
        ("echo 'pg_restore: error: could not read from input file: Input/output error' >&2; exit 1", StorageError),
        (None, ClientToolError),  # it does not start
    ],
)
async def test_a_pg_restore_that_could_not_do_its_work_says_nothing(
    repository: RepositoryTarget, taken: Taken, pg_restore: Path, script: str | None, error: type[PantryError]
) -> None:
    if script is not None:
        write(pg_restore, script)
    with pytest.raises(error) as caught:
        await examine(repository)
    assert type(caught.value) is error
    assert opened(repository).records(taken.summary.id) == ()
    assert opened(repository).summary(taken.summary.id).valid is None


async def test_cancelling_while_pg_restore_reads(
    repository: RepositoryTarget, taken: Taken, pg_restore: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    write(pg_restore, f"exec > '{fifo}'; echo on; exec tail -f /dev/null")
    running = asyncio.create_task(examine(repository))
    with await asyncio.to_thread(fifo.open, "rb") as reader:
        assert await asyncio.to_thread(reader.readline) == b"on\n"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await asyncio.to_thread(reader.read) == b""
    assert opened(repository).records(taken.summary.id) == ()


async def test_what_pg_restore_cannot_read_is_damage(
    repository: RepositoryTarget, taken: Taken, pg_restore: Path
) -> None:
    write(pg_restore, "echo 'pg_restore: error: did not find magic string in file header' >&2; exit 1")
    result = await examine(repository)
    assert result.problems == (
        "Reading archive.dump failed: pg_restore says pg_restore: error: did not find magic string in file header",
    )
    assert opened(repository).summary(taken.summary.id).valid is False


async def test_an_archive_that_is_known_to_be_changed_is_not_parsed(
    repository: RepositoryTarget, taken: Taken, pg_restore: Path
) -> None:
    """It may crash pg_restore; the damage is recorded all the same."""
    write(pg_restore, "kill -SEGV $$")
    damage(taken.directory / "archive.dump", 20)
    assert not (await examine(repository)).valid
    assert opened(repository).summary(taken.summary.id).valid is False


def change_manifest(taken: Taken, **changes: object) -> None:
    rewrite_manifest(taken.directory, msgspec.structs.replace(taken.manifest, **changes))


async def test_the_archive_is_read_by_tools_not_older_than_those_that_wrote_it(
    repository: RepositoryTarget, taken: Taken, pg_restore: Path, tmp_path: Path
) -> None:
    """An older server may have been dumped by newer tools; its own would not know the format."""
    write(pg_restore, "exit 0")
    change_manifest(taken, tools={"client tools": "93.4", "pantry-tui": "0"})
    assert (await examine(repository)).valid
    assert (tmp_path / "asked").read_text() == "930004"


@pytest.mark.parametrize(
    ("tools", "reason"),
    [
        ({"client tools": "93.4"}, "pg_dump 93.4 wrote it, and no client tools of that version or newer"),
        ({"client tools": "93,4"}, "does not say which version"),
        ({}, "does not say which version"),
    ],
)
async def test_an_archive_of_newer_tools_is_not_called_damaged(
    repository: RepositoryTarget, taken: Taken, tools: dict[str, str], reason: str
) -> None:
    change_manifest(taken, tools=tools)
    events: list[Event] = []
    result = await validate_backup(asked(repository), events.append)
    assert result.valid
    (warning,) = [event.message for event in events if isinstance(event, Warned)]
    assert warning.startswith("archive.dump was hashed, but not parsed: ")
    assert reason in warning


async def test_a_changed_fingerprint_in_the_manifest(repository: RepositoryTarget, taken: Taken) -> None:
    (table,) = (table for table in taken.manifest.tables if table.name == "t")
    manifest = taken.directory / MANIFEST_NAME
    text = manifest.read_text()
    changed = f"{table.fingerprint}"[:-1] + "x"
    manifest.write_text(text.replace(f'"{table.fingerprint}"', f'"{changed}"'))
    sign_again(taken.directory)
    result = await examine(repository)
    assert result.problems == (f"public.t: {changed!r} is no fingerprint",)


async def test_files_of_another_backup(server: TestServer, repository: RepositoryTarget, taken: Taken) -> None:
    other = await take(server.create_database(), repository)
    shutil.copyfile(other.directory / "archive.dump", taken.directory / "archive.dump")
    assert not (await examine(repository, taken.summary.id)).valid
    assert (await examine(repository, other.summary.id)).valid


async def test_unknown_backup(repository: RepositoryTarget, taken: Taken) -> None:
    with pytest.raises(NotFoundError):
        await examine(repository, "20200101T000000Z-none-0000")


async def test_unreadable_manifest(repository: RepositoryTarget, taken: Taken) -> None:
    manifest: Path = taken.directory / MANIFEST_NAME
    manifest.write_bytes(manifest.read_bytes()[:-100])
    with pytest.raises(BackupDamagedError, match=MANIFEST_NAME):
        await examine(repository, taken.summary.id)
