"""Backups in the formats json and csv: documents that others read, and databases that come back equal."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.backup.validate import validate_backup
from pantry_tui.demo.crm import create_crm
from pantry_tui.errors import ServerError, UsageError
from pantry_tui.events import ignore
from pantry_tui.models import (
    BackupFormat,
    BackupKind,
    BackupSelection,
    Compression,
    DatabaseTarget,
    RepositoryTarget,
    Unlocking,
    ValidateRequest,
    ValidationResult,
)
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import Taken, data_directory_of, take
from tests.engine.backup.test_round_trip import without_stale_view
from tests.engine.recovery.restoring import damage, restore
from tests.servers import TestServer

PLAIN_CSV = (BackupFormat.CSV, Compression.NONE)
EVERY = ((BackupFormat.JSON, Compression.GZIP), (BackupFormat.CSV, Compression.GZIP), PLAIN_CSV)
every_form = pytest.mark.parametrize(("rows_format", "compression"), EVERY, ids=["json", "zip", "plain csv"])
csv.field_size_limit(1 << 30)
IDENTITY = X25519Identity.generate()
KEYS = Unlocking(identities=(IDENTITY.secret_text,))


async def validated(taken: Taken, repository: RepositoryTarget) -> ValidationResult:
    request = ValidateRequest(
        repository=repository,
        backup_id=taken.summary.id,
        unlocking=KEYS,
        data_directory=data_directory_of(repository),
    )
    return await validate_backup(request, ignore)


def artifact(taken: Taken) -> bytes:
    return (taken.directory / taken.manifest.file("artifact").name).read_bytes()


def json_document(taken: Taken) -> Any:
    stored = artifact(taken)
    return json.loads(gzip.decompress(stored) if taken.manifest.compression is Compression.GZIP else stored)


def csv_rows(taken: Taken) -> dict[str, list[list[str]]]:
    if taken.manifest.compression is Compression.NONE:
        return {
            path.name: list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
            for path in (taken.directory / "csv").iterdir()
        }
    with zipfile.ZipFile(io.BytesIO(artifact(taken))) as opened:
        assert opened.testzip() is None
        return {
            name: list(csv.reader(io.StringIO(opened.read(name).decode(), newline=""))) for name in opened.namelist()
        }


@every_form
@pytest.mark.parametrize("which", ["pagila", "regression"])
async def test_corpus_comes_back_equal(
    any_server: TestServer,
    repository: RepositoryTarget,
    which: str,
    rows_format: BackupFormat,
    compression: Compression,
) -> None:
    source = any_server.load_corpus(which)
    taken = await take(source, repository, rows_format=rows_format, compression=compression)
    result = await validated(taken, repository)
    assert (result.problems, result.rows) == ((), sum(s.rows for s in taken.manifest.segments))
    new = any_server.drop_after_test(which)
    assert (await restore(new, repository)).validation.equal
    assert without_stale_view(any_server.fingerprint(new)) == without_stale_view(any_server.fingerprint(source))
    copied = [table for table in taken.manifest.tables if table.carried_by == "segments"]
    if rows_format is BackupFormat.CSV:
        assert len(csv_rows(taken)) == len(copied)
    else:
        document = json_document(taken)
        assert [(each["schema"], each["name"], len(each["rows"])) for each in document["tables"]] == [
            (table.schema, table.name, table.rows) for table in copied
        ]
        assert document["end"] == {"tables": len(copied), "rows": sum(table.rows for table in copied)}
        assert document["pantry"]["id"] == taken.summary.id


@every_form
async def test_ranges_and_segments_stand_in_order(
    server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, compression: Compression
) -> None:
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    await create_crm(source, scale=0.01, listener=ignore)
    server.psql(
        source,
        b"CREATE TABLE big AS SELECT i, repeat(md5(i::text), 20) AS filler FROM generate_series(1, 60000) i;"
        b"CREATE TABLE fat AS SELECT i, repeat('pantry ', 400000) AS text FROM generate_series(1, 20) i;"
        b"CREATE TABLE between_them (a int, b text); CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES;",
    )
    taken = await take(source, repository, rows_format=rows_format, compression=compression, jobs=3)
    assert (await validated(taken, repository)).problems == ()
    if rows_format is BackupFormat.JSON:
        tables = {each["name"]: each for each in json_document(taken)["tables"]}
        assert [row["i"] for row in tables["big"]["rows"]] == list(range(1, 60001))
        assert tables["no_columns"]["rows"] == [{}]
        assert tables["between_them"]["rows"] == []
    else:
        rows = csv_rows(taken)
        assert [row[0] for row in rows["public.big.csv"]] == ["i", *map(str, range(1, 60001))]
        assert rows["public.between_them.csv"] == [["a", "b"]]
        assert len(rows["public.fat.csv"]) == 21
    new = server.drop_after_test("ordered")
    assert (await restore(new, repository)).validation.equal
    some = server.drop_after_test("some")
    assert (await restore(some, repository, tables=("public.big", "public.users"))).validation.equal


@every_form
@pytest.mark.parametrize("batch_size", [None, 7])
async def test_encrypted_and_in_batches(
    any_server: TestServer,
    repository: RepositoryTarget,
    rows_format: BackupFormat,
    compression: Compression,
    batch_size: int | None,
) -> None:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(
        source,
        b"CREATE TABLE t AS SELECT i, E'li\\nne \"' || i AS text, NULL::text AS n, ''::text AS e"
        b" FROM generate_series(1, 100) i;"
        b"CREATE TABLE one AS SELECT NULL::text AS n FROM generate_series(1, 10); INSERT INTO one VALUES (''), (E'\\\\.');",
    )
    taken = await take(
        source,
        repository,
        rows_format=rows_format,
        compression=compression,
        batch_size=batch_size,
        recipients=(IDENTITY.recipient.text,),
    )
    assert (await validated(taken, repository)).problems == ()
    new = any_server.drop_after_test("sealed")
    assert (await restore(new, repository, unlocking=KEYS)).validation.equal
    assert any_server.fingerprint(new) == any_server.fingerprint(source)
    if batch_size is not None:
        assert max(segment.rows for segment in taken.manifest.segments) == batch_size


@pytest.mark.parametrize("compression", [Compression.ZSTD, Compression.NONE])
async def test_json_in_other_compressions(
    server: TestServer, repository: RepositoryTarget, compression: Compression
) -> None:
    source = server.load_corpus("pagila")
    taken = await take(source, repository, rows_format=BackupFormat.JSON, compression=compression)
    assert taken.manifest.file("artifact").name == {"zstd": "nightly.json.zst", "none": "nightly.json"}[compression]
    assert (await validated(taken, repository)).problems == ()
    new = server.drop_after_test("other")
    assert (await restore(new, repository)).validation.equal


@every_form
async def test_a_restore_on_another_release_compares_the_text(
    server: TestServer,
    system_server: TestServer,
    repository: RepositoryTarget,
    rows_format: BackupFormat,
    compression: Compression,
) -> None:
    older, newer = sorted((server, system_server), key=lambda each: each.private.version_num)
    source = older.create_database(template="template0", encoding="UTF8", locale="C")
    older.psql(
        source,
        b"CREATE TABLE t AS SELECT i, E'li\\nne ' || i AS text FROM generate_series(1, 100) i; CREATE TABLE e (i int);",
    )
    await take(source, repository, rows_format=rows_format, compression=compression)
    result = await restore(newer.drop_after_test("newer"), repository)
    assert {table.verified for table in result.tables} == {"text"}


@every_form
async def test_every_change_is_found(
    server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, compression: Compression
) -> None:
    taken = await take(server.load_corpus("pagila"), repository, rows_format=rows_format, compression=compression)
    path = taken.directory / taken.manifest.file("artifact").name
    whole = path.read_bytes()
    for offset in range(0, len(whole), len(whole) // 20):
        damage(path, offset)
        assert not (await validated(taken, repository)).valid
        path.write_bytes(whole)
    for cut in (whole[:-1], whole[: len(whole) // 2], whole + b"x"):
        path.write_bytes(cut)
        assert not (await validated(taken, repository)).valid


@every_form
async def test_some_tables(
    server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, compression: Compression
) -> None:
    selection = BackupSelection(tables=("film", "film_actor"))
    taken = await take(
        server.load_corpus("pagila"), repository, rows_format=rows_format, compression=compression, selection=selection
    )
    assert (await validated(taken, repository)).problems == ()
    assert taken.manifest.left_out
    assert (await restore(server.drop_after_test("some"), repository)).validation.equal


@every_form
async def test_an_empty_database(
    server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, compression: Compression
) -> None:
    source = server.create_database()
    taken = await take(source, repository, rows_format=rows_format, compression=compression)
    assert (await validated(taken, repository)).problems == ()
    assert (await restore(server.drop_after_test("empty"), repository)).validation.equal


@every_form
async def test_text_that_is_no_utf8_ends_the_backup(
    server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, compression: Compression
) -> None:
    source = server.create_database(template="template0", encoding="SQL_ASCII", locale="C")
    server.psql(source, b"CREATE TABLE t (text text); INSERT INTO t VALUES (E'\\xff');")
    with pytest.raises(ServerError) as caught:
        await take(source, repository, rows_format=rows_format, compression=compression)
    assert "format sql" in str(caught.value.remedy)
    assert LocalRepository(repository).ids() == []


async def test_names_beyond_ascii_in_a_database_of_bytes(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database(template="template0", encoding="SQL_ASCII", locale="C")
    server.psql(source, 'CREATE TABLE "größe" ("ü" int); INSERT INTO "größe" VALUES (1);'.encode())
    taken = await take(source, repository, rows_format=BackupFormat.JSON)
    assert (await validated(taken, repository)).problems == ()
    [table] = json_document(taken)["tables"]
    assert (table["name"], table["rows"]) == ("größe", [{"ü": 1}])


@pytest.mark.parametrize(
    "refused",
    [
        {"rows_format": BackupFormat.CSV, "compression": Compression.ZSTD},
        {"rows_format": BackupFormat.CSV, "kind": BackupKind.SCHEMA},
        {"rows_format": BackupFormat.JSON, "kind": BackupKind.DATA},
    ],
)
async def test_what_does_not_go_together(
    server: TestServer, repository: RepositoryTarget, refused: dict[str, Any]
) -> None:
    source: DatabaseTarget = server.create_database()
    with pytest.raises(UsageError):
        await take(source, repository, **refused)
