"""Validation reads everything back, names every problem, and calls nothing valid that it did not read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.backup import validate
from pantry_tui.backup.validate import validate_backup
from pantry_tui.errors import BackupDamagedError, ClientToolError, NotFoundError
from pantry_tui.events import Event, Progress, Warned, ignore
from pantry_tui.models import RepositoryTarget, ValidateRequest, ValidationResult
from pantry_tui.postgres.tools import ClientTools
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import Taken, take
from tests.engine.recovery.restoring import damage
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


async def examine(repository: RepositoryTarget, backup_id: str = "latest") -> ValidationResult:
    return await validate_backup(ValidateRequest(repository=repository, backup_id=backup_id), ignore)


async def test_whole_backup_is_valid(repository: RepositoryTarget, taken: Taken) -> None:
    events: list[Event] = []
    result = await validate_backup(ValidateRequest(repository=repository, backup_id="latest"), events.append)
    assert result.valid
    assert result.problems == ()
    assert result.rows == 20001
    assert result.raw_bytes == taken.manifest.raw_bytes
    assert result.bytes_read == sum(file.bytes for file in taken.manifest.files)
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    summary = LocalRepository(repository).summary(taken.summary.id)
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
    assert LocalRepository(repository).summary(taken.summary.id).valid is False


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
    result = await validate_backup(ValidateRequest(repository=repository, backup_id="latest"), events.append)
    assert result.valid
    (warning,) = [event.message for event in events if isinstance(event, Warned)]
    assert "hashed, but not parsed" in warning


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
