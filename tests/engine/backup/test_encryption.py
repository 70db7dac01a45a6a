"""Encrypted backups: what lies on the disk tells nothing, the stock tools open it, every change of it is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pantry_tui.artifact.age import CHUNK, X25519Identity
from pantry_tui.backup.validate import validate_backup
from pantry_tui.demo.crm import create_crm
from pantry_tui.errors import ConfigError, KeyMissingError, PantryError, WrongKeyError
from pantry_tui.events import ignore
from pantry_tui.models import (
    BackupKind,
    Compression,
    DatabaseTarget,
    RepositoryTarget,
    Unlocking,
    ValidateRequest,
    ValidationResult,
)
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import Taken, data_directory_of, opened, take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

HOST, AWAY = X25519Identity.generate(), X25519Identity.generate()
BOTH = (HOST.recipient.text, AWAY.recipient.text)
CANARY = "the canary sings at night"


def opened_by(identity: X25519Identity) -> Unlocking:
    return Unlocking(identities=(identity.secret_text,))


async def validated(
    taken: Taken,
    repository: RepositoryTarget,
    unlocking: Unlocking = opened_by(AWAY),  # noqa: B008  # frozen
) -> ValidationResult:
    request = ValidateRequest(
        repository=repository,
        backup_id=taken.summary.id,
        unlocking=unlocking,
        data_directory=data_directory_of(repository),
    )
    return await validate_backup(request, ignore)


@pytest.fixture
def source(any_server: TestServer) -> DatabaseTarget:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(
        source,
        f"CREATE TABLE {'t' * 30} AS SELECT i, '{CANARY}' AS text, md5(i::text) FROM generate_series(1, 30000) i;"
        f"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT '{CANARY}'$$;"
        f"SELECT lo_from_bytea(0, '{CANARY}'::bytea); CREATE TABLE empty (i int);".encode(),
    )
    return source


async def test_it_comes_back_equal_and_nothing_is_readable(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    taken = await take(source, repository, recipients=BOTH, compression=Compression.NONE)
    assert {file.name for file in taken.manifest.files if file.role != "positions"} == {
        "nightly.sql.age", "archive.dump.age", "globals.sql.age"
    }  # fmt: skip
    for file in taken.directory.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file.name
    assert (taken.summary.encrypted, LocalRepository(repository).details(taken.summary.id).recipients) == (True, BOTH)
    for identity in (HOST, AWAY):
        result = await validated(taken, repository, opened_by(identity))
        assert (result.valid, result.problems, result.rows) == (True, (), 30_000)
    new = any_server.drop_after_test("decrypted")
    assert (await restore(new, repository, unlocking=opened_by(AWAY))).validation.equal
    assert any_server.fingerprint(new) == any_server.fingerprint(source)


@pytest.mark.parametrize("compression", [Compression.GZIP, Compression.ZSTD])
async def test_a_database_of_many_segments(
    server: TestServer, repository: RepositoryTarget, compression: Compression
) -> None:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    await create_crm(source, scale=0.02, listener=ignore)
    taken = await take(source, repository, recipients=BOTH, compression=compression, jobs=3)
    assert (await validated(taken, repository)).problems == ()
    new = server.drop_after_test("many")
    assert (await restore(new, repository, unlocking=opened_by(HOST))).validation.equal
    assert server.fingerprint(new) == server.fingerprint(source)
    some = server.drop_after_test("some")
    result = await restore(some, repository, unlocking=opened_by(HOST), tables=("public.users",))
    assert result.validation.equal


@pytest.mark.parametrize("size", [0, 1, CHUNK - 300, CHUNK - 200, CHUNK - 100, CHUNK, 3 * CHUNK])
async def test_every_length_of_the_last_chunk(server: TestServer, repository: RepositoryTarget, size: int) -> None:
    """The document is longer than its text by less than 3,000 bytes; around the border every length is tried below."""
    source = server.create_database()
    server.execute(source, f"CREATE TABLE t AS SELECT repeat('x', {size}) AS text")
    taken = await take(source, repository, recipients=BOTH, compression=Compression.NONE, jobs=1)
    assert (await validated(taken, repository)).problems == ()


@pytest.mark.skipif(shutil.which("age") is None, reason="the age program is not installed")
async def test_stock_tools_restore_it(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, tmp_path: Path
) -> None:
    taken = await take(source, repository, recipients=BOTH)
    key = tmp_path / "key.txt"
    key.write_text(f"{AWAY.secret_text}\n")
    new = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    opened = {
        file.role: subprocess.run(
            ["age", "-d", "-i", key, taken.directory / file.name], check=True, capture_output=True
        ).stdout
        for file in taken.manifest.files
        if file.role != "positions"
    }
    document = subprocess.run(["gunzip"], input=opened["artifact"], check=True, capture_output=True).stdout
    any_server.psql(new, document)
    assert any_server.fingerprint(new) == any_server.fingerprint(source)
    assert opened["archive"].startswith(b"PGDMP")
    assert b"CREATE ROLE" in opened["globals"]


async def test_without_an_identity_only_the_stored_bytes_are_vouched_for(
    server: TestServer, repository: RepositoryTarget
) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT generate_series(1, 10) AS i")
    taken = await take(source, repository, recipients=BOTH)
    result = await validated(taken, repository, Unlocking())
    assert (result.valid, result.unread, result.problems, result.rows) == (False, True, (), 0)
    summary = opened(repository).summary(taken.summary.id)
    assert (summary.valid, summary.intact_at) == (None, result.validated_at)
    with pytest.raises(KeyMissingError):
        await restore(server.drop_after_test("locked"), repository)
    with pytest.raises(WrongKeyError):
        await restore(server.drop_after_test("wrong"), repository, unlocking=opened_by(X25519Identity.generate()))
    with pytest.raises(WrongKeyError):
        await validated(taken, repository, opened_by(X25519Identity.generate()))


async def test_every_change_is_found(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 20000) i")
    taken = await take(source, repository, recipients=BOTH)
    for file in taken.manifest.files:
        path = taken.directory / file.name
        whole = path.read_bytes()
        cuts = [whole[:-1], whole[: len(whole) // 2], whole[: len(whole) - CHUNK], whole + b"x"]
        flips = [
            whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
            for place in range(0, len(whole), len(whole) // 8 + 1)
        ]
        for changed in (*cuts, *flips):
            path.write_bytes(changed)
            for unlocking in (opened_by(HOST), Unlocking()):
                result = await validated(taken, repository, unlocking)
                assert (result.valid, result.unread) == (False, False)
                assert file.name in result.problems[0]
        path.write_bytes(whole)
    assert (await validated(taken, repository)).valid


async def test_rows_alone_and_the_schema_alone(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT generate_series(1, 10) AS i")
    for kind in (BackupKind.SCHEMA, BackupKind.DATA):
        taken = await take(source, repository, recipients=BOTH, kind=kind)
        assert (await validated(taken, repository)).problems == ()
        new = server.drop_after_test("in two steps")
        result = await restore(new, repository, backup_id=taken.summary.id, unlocking=opened_by(HOST))
        assert result.validation.equal
    assert server.execute(new, "SELECT count(*) FROM t") == [(10,)]


@pytest.mark.parametrize("recipient", ["", "age1nonsense", HOST.secret_text], ids=["empty", "nonsense", "secret"])
async def test_a_recipient_that_is_none_stops_the_backup(
    server: TestServer, repository: RepositoryTarget, recipient: str
) -> None:
    source = server.create_database()
    with pytest.raises(ConfigError) as caught:
        await take(source, repository, recipients=(recipient,))
    assert HOST.secret_text not in f"{caught.value}{caught.value.remedy}{caught.value.detail}"
    assert LocalRepository(repository).ids() == []


async def test_secrets_are_not_shown(repository: RepositoryTarget) -> None:
    request = ValidateRequest(repository=repository, backup_id="x", unlocking=opened_by(HOST))
    assert HOST.secret_text not in repr(request)
    with pytest.raises(PantryError):
        await validate_backup(request, ignore)
