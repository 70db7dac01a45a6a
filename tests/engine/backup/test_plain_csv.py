"""Format csv without compression: a plain file for each table, as other programs read it."""

from __future__ import annotations

import hashlib
import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.entrynames import is_entry_name
from pantry_tui.backup.export import export_backup
from pantry_tui.backup.peek import peek_table
from pantry_tui.backup.validate import validate_backup
from pantry_tui.errors import BackupDamagedError, ConnectionLostError, RefusedError, StorageError, WrongKeyError
from pantry_tui.events import Event, Progress, ignore
from pantry_tui.models import (
    BackupFormat,
    Compression,
    DatabaseTarget,
    ExportRequest,
    RepositoryTarget,
    Unlocking,
    ValidateRequest,
)
from tests.engine.backup import exporting
from tests.engine.backup.taking import Taken, data_directory_of, opened, take
from tests.engine.recovery.restoring import damage, restore
from tests.servers import TestServer

IDENTITY = X25519Identity.generate()
KEYS = Unlocking(identities=(IDENTITY.secret_text,))


async def take_plain(
    source: DatabaseTarget, repository: RepositoryTarget, *, sealed: bool = False, jobs: int | None = None
) -> Taken:
    return await take(
        source,
        repository,
        rows_format=BackupFormat.CSV,
        compression=Compression.NONE,
        recipients=(IDENTITY.recipient.text,) if sealed else (),
        jobs=jobs,
    )


def odd(server: TestServer) -> DatabaseTarget:
    """Tables whose names and values nobody would choose."""
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.psql(source, exporting.ODD.encode())
    return source


def loaded(server: TestServer, taken: Taken) -> DatabaseTarget:
    """A database made of the archive by pg_restore and of the files by the server's own COPY; nothing of ours."""
    new = server.create_database(template="template0", encoding="UTF8", locale="C")
    for section in ("pre-data", "rows", "data", "post-data"):
        if section != "rows":
            arguments = [f"--section={section}", "--exit-on-error", f"--dbname={new.conninfo}"]
            program = server.client_tools / "pg_restore"
            subprocess.run([program, *arguments, taken.directory / "archive.dump"], check=True)
            continue
        with psycopg.connect(new.conninfo) as connection:
            for table in taken.manifest.tables:
                names = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, table.columns)))
                statement = sql.SQL("COPY {}{} FROM STDIN WITH (FORMAT csv, HEADER)").format(
                    sql.Identifier(table.schema, table.name), names if table.columns else sql.SQL("")
                )
                with connection.cursor().copy(statement) as copying:
                    copying.write((taken.directory / "csv" / (table.file or "")).read_bytes())
    return new


async def test_files_are_what_the_server_itself_reads(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = odd(any_server)
    taken = await take_plain(source, repository)
    files = {file.name: file for file in taken.manifest.files if file.role == "artifact"}
    assert files.keys() == {f"csv/{table.file}" for table in taken.manifest.tables}
    assert {path.name for path in (taken.directory / "csv").iterdir()} == {
        table.file for table in taken.manifest.tables
    }
    for name, file in files.items():
        path = taken.directory / name
        assert is_entry_name(path.name)
        assert path.suffix == ".csv"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (file.bytes, file.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert stat.S_IMODE((taken.directory / "csv").stat().st_mode) == 0o700
    assert any_server.fingerprint(loaded(any_server, taken)) == any_server.fingerprint(source)


async def test_encrypted_files_open_one_by_one(
    any_server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    source = odd(any_server)
    plain = await take_plain(source, repository)
    taken = await take_plain(source, repository, sealed=True)
    assert await problems(repository) == ()
    for table, other in zip(taken.manifest.tables, plain.manifest.tables, strict=True):
        assert table.file == f"{other.file}.age"
        content = Content.unlock(taken.directory / "csv" / (table.file or ""), [IDENTITY])
        assert b"".join(content.pieces()) == (plain.directory / "csv" / (other.file or "")).read_bytes()
    new = any_server.drop_after_test("opened")
    assert (await restore(new, repository, unlocking=KEYS)).validation.equal
    page = await peek_table(repository, "latest", "public.ab", unlocking=KEYS)
    assert page.rows == (("2",),)
    wrong = Unlocking(identities=(X25519Identity.generate().secret_text,))
    with pytest.raises(WrongKeyError):
        await peek_table(repository, "latest", "public.ab", unlocking=wrong)
    request = ExportRequest(
        data_directory=data_directory_of(repository),
        repository=repository,
        backup_id="latest",
        output=str(tmp_path / "x.zip"),
        tables=("public.ab",),
        unlocking=KEYS,
    )
    assert [table.file for table in (await export_backup(request, ignore)).table_list] == ["public.ab.csv"]


async def problems(repository: RepositoryTarget) -> tuple[str, ...]:
    request = ValidateRequest(
        repository=repository, backup_id="latest", unlocking=KEYS, data_directory=data_directory_of(repository)
    )
    return (await validate_backup(request, ignore)).problems


@pytest.mark.parametrize("sealed", [False, True])
async def test_nothing_changes_unseen(server: TestServer, repository: RepositoryTarget, sealed: bool) -> None:
    taken = await take_plain(odd(server), repository, sealed=sealed)
    ending = ".csv.age" if sealed else ".csv"
    one, other = (taken.directory / "csv" / f"public.{name}{ending}" for name in ("ab", "a_"))
    assert one.stat().st_size == other.stat().st_size
    whole = one.read_bytes()
    for changed in (other.read_bytes(), whole[:-1], whole + b"x", b""):
        one.write_bytes(changed)
        assert any(f"public.ab{ending}" in problem for problem in await problems(repository))
        with pytest.raises(BackupDamagedError):
            await restore(server.drop_after_test("damaged"), repository, unlocking=KEYS)
    one.unlink()
    assert any("is missing" in problem for problem in await problems(repository))
    with pytest.raises(BackupDamagedError, match="is missing"):
        await peek_table(repository, "latest", "public.ab", unlocking=KEYS)
    one.symlink_to(other)
    assert any("is a symbolic link" in problem for problem in await problems(repository))
    one.unlink()
    one.write_bytes(whole)
    assert await problems(repository) == ()


async def test_a_table_comes_back_though_another_is_damaged(server: TestServer, repository: RepositoryTarget) -> None:
    taken = await take_plain(odd(server), repository)
    damage(taken.directory / "csv" / "public.a_.csv", 4)
    with pytest.raises(BackupDamagedError):
        await restore(server.drop_after_test("all"), repository)
    assert (await restore(server.drop_after_test("one"), repository, tables=("public.ab",))).validation.equal


async def test_the_directory_is_the_backups_own(server: TestServer, repository: RepositoryTarget) -> None:
    """What else lies there is told of, a link is never followed, and deleting removes all of it."""
    taken = await take_plain(server.load_corpus("pagila"), repository)
    place, store = taken.directory / "csv", opened(repository)
    assert (store.problems(taken.summary.id), store.oddities(taken.summary.id)) == ([], [])
    (place / "notes.txt").write_text("strange")
    assert any("notes.txt" in line for line in store.oddities(taken.summary.id))
    (place / "inner").mkdir()
    with pytest.raises(RefusedError, match="inner"):
        store.delete(taken.summary.id, by="anna", force=True)
    (place / "inner").rmdir()

    elsewhere = Path(repository.location).parent / "elsewhere"
    shutil.move(place, elsewhere)
    place.symlink_to(elsewhere)
    with pytest.raises(StorageError, match="csv"):
        await problems(repository)
    store.delete(taken.summary.id, by="anna", force=True)
    assert not taken.directory.exists()
    assert (elsewhere / "notes.txt").exists()


async def test_deleting_leaves_nothing(server: TestServer, repository: RepositoryTarget) -> None:
    taken = await take_plain(odd(server), repository)
    opened(repository).delete(taken.summary.id, by="anna", force=True)
    assert not taken.directory.exists()
    assert opened(repository).leftovers() == []


@contextmanager
def open_files(more: int) -> Iterator[None]:
    """Lets this process, and those that it starts, open only so many files more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    now = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (now + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("sealed", [False, True])
async def test_more_tables_than_files_may_be_open(
    server: TestServer, repository: RepositoryTarget, sealed: bool
) -> None:
    source = server.create_database()
    server.execute(
        source,
        "DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS i', i, i); END LOOP; END $$;"
        "CREATE TABLE large AS SELECT i, repeat(md5(i::text), 6) AS v FROM generate_series(1, 100000) i",
    )
    with open_files(100):
        taken = await take_plain(source, repository, sealed=sealed, jobs=3)
        assert await problems(repository) == ()
        new = server.drop_after_test("many")
        assert (await restore(new, repository, unlocking=KEYS)).validation.equal
    assert len(list((taken.directory / "csv").iterdir())) == 301


async def test_a_backup_that_fails_leaves_nothing(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE a AS SELECT 1 AS i;"
        "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 4) AS v FROM generate_series(1, 300000) i",
    )

    def cut(event: Event) -> None:
        if isinstance(event, Progress) and event.rows:
            server.execute(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'pantry-tui backup worker'",
            )

    with pytest.raises(ConnectionLostError):
        await take(source, repository, rows_format=BackupFormat.CSV, compression=Compression.NONE, on_event=cut)
    assert [path.name for path in Path(repository.location).iterdir() if path.is_dir()] == []
