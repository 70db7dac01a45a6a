"""Exports hold what the backup holds: restored with stock tools alone, and compared by an independent tool."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from pantry_tui import BackupConfig, BackupService
from pantry_tui.artifact.age import Identity, X25519Identity
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.copytext import codec_of
from pantry_tui.artifact.csvtext import utf8_pieces
from pantry_tui.backup.export import export_backup
from pantry_tui.errors import (
    KeyMissingError,
    NotFoundError,
    PantryError,
    UsageError,
)
from pantry_tui.events import Event, Progress, TableProgress, Warned, ignore
from pantry_tui.models import (
    BackupExport,
    BackupFormat,
    BackupKind,
    BackupSelection,
    Compression,
    ExportRequest,
    RepositoryTarget,
)
from tests.engine.backup.exporting import (
    CSV,
    IDENTITY,
    JSON,
    KEYS,
    SQL,
    export,
    loaded,
    restored,
    source_of,
    unpacked,
)
from tests.engine.backup.taking import data_directory_of, take
from tests.servers import TestServer


@pytest.mark.parametrize("which", ["pagila", pytest.param("crm", marks=pytest.mark.slow), "odd"])
@pytest.mark.parametrize(
    ("taken_as", "compression"), [(SQL, Compression.GZIP), (CSV, Compression.GZIP), (CSV, Compression.NONE)]
)
async def test_everything_comes_back_equal(
    any_server: TestServer,
    repository: RepositoryTarget,
    tmp_path: Path,
    which: str,
    taken_as: BackupFormat,
    compression: Compression,
) -> None:
    source = await source_of(any_server, which)
    taken = await take(source, repository, rows_format=taken_as, compression=compression)
    expected = any_server.fingerprint(source)
    document = tmp_path / "all.sql.gz"
    done = await export(repository, document, rows_format=SQL)
    assert (done.rows, done.tables, done.left_out) == (taken.manifest.rows, len(taken.manifest.tables), ())
    assert (done.bytes, done.raw_bytes) == (document.stat().st_size, len(unpacked(document)))
    assert document.stat().st_mode & 0o777 == 0o600
    assert any_server.fingerprint(restored(any_server, unpacked(document))) == expected
    archive = tmp_path / "all.zip"
    done = await export(repository, archive, rows_format=CSV)
    assert any_server.fingerprint(loaded(any_server, taken, archive, done)) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.sql.gz", "all.zip", "data", "repository"]


@pytest.mark.parametrize("taken_as", [SQL, CSV])
async def test_some_tables(
    any_server: TestServer, repository: RepositoryTarget, tmp_path: Path, taken_as: BackupFormat
) -> None:
    source = await source_of(any_server, "pagila")
    await take(source, repository, rows_format=taken_as)
    tables = ("public.film", "public.film_actor", "public.payment*")
    document = tmp_path / "some.sql"
    done = await export(repository, document, rows_format=SQL, tables=tables)
    assert any("film_actor_actor_id_fkey" in each for each in done.left_out)
    new = restored(any_server, document.read_bytes())
    expected, found = any_server.fingerprint(source), any_server.fingerprint(new)
    chosen = {f"{each.schema}.{each.name}" for each in done.table_list}
    assert {"public.film", "public.film_actor"} < chosen
    assert [each for each in chosen if each.startswith("public.payment")]
    assert {name: found["tables"][name] for name in chosen} == {name: expected["tables"][name] for name in chosen}
    archive = tmp_path / "some.zip"
    done = await export(repository, archive, rows_format=CSV, tables=tables)
    assert done.left_out == ()
    with zipfile.ZipFile(archive) as opened:
        assert set(opened.namelist()) == {f"{name}.csv" for name in chosen}


async def test_json_stays_json(server: TestServer, repository: RepositoryTarget, tmp_path: Path) -> None:
    source = await source_of(server, "odd")
    server.execute(
        source, "CREATE TABLE big AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 60000) i"
    )
    taken = await take(source, repository, rows_format=JSON, jobs=2)
    whole = json.loads(taken.document)
    done = await export(repository, tmp_path / "all.json.zst")
    assert json.loads(unpacked(tmp_path / "all.json.zst")) == whole
    assert (done.tables, done.rows) == (whole["end"]["tables"], whole["end"]["rows"])
    await export(repository, tmp_path / "some.json", tables=["public.big", '"../x"."-f/x"', "public.empty"])
    some = json.loads((tmp_path / "some.json").read_bytes())
    names = {"big", "-f/x", "empty"}
    assert some["tables"] == [table for table in whole["tables"] if table["name"] in names]
    assert some["end"] == {"tables": 3, "rows": 60006}
    assert {**some["pantry"]} == whole["pantry"]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252"])
@pytest.mark.parametrize("taken_as", [SQL, CSV])
async def test_other_encodings(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path, encoding: str, taken_as: BackupFormat
) -> None:
    source = server.create_database(template="template0", encoding=encoding, locale="C")
    text = "SET client_encoding = 'UTF8'; CREATE TABLE größe (ü text); INSERT INTO größe VALUES ('é'), ('x, \"');"
    server.psql(source, text.encode())
    taken = await take(source, repository, rows_format=taken_as)
    await export(repository, tmp_path / "x.sql", rows_format=SQL, tables=["*.*"])
    document = (tmp_path / "x.sql").read_bytes()
    new = restored(server, document, encoding)
    shown = "SET client_encoding = 'UTF8'; SELECT * FROM größe ORDER BY ü;".encode()
    assert server.psql(new, shown) == server.psql(source, shown)
    done = await export(repository, tmp_path / "x.zip", rows_format=CSV)
    with zipfile.ZipFile(tmp_path / "x.zip") as opened:
        assert opened.read(opened.namelist()[0]).decode() == 'ü\r\né\r\n"x, """\r\n'
    if encoding != "SQL_ASCII":
        new = loaded(server, taken, tmp_path / "x.zip", done, encoding)
        assert server.fingerprint(new) == server.fingerprint(source)


async def test_encodings_that_only_the_server_converts(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    source = server.create_database(template="template0", encoding="EUC_JP", locale="C")
    server.psql(source, "SET client_encoding = 'UTF8'; CREATE TABLE t AS SELECT '日本' AS t;".encode())
    await take(source, repository)
    with pytest.raises(UsageError, match="EUC_JP"):
        await export(repository, tmp_path / "x.zip", rows_format=CSV)
    assert not (tmp_path / "x.zip").exists()
    await export(repository, tmp_path / "x.sql", tables=["public.t"])
    new = restored(server, (tmp_path / "x.sql").read_bytes(), "EUC_JP")
    assert server.fingerprint(new) == server.fingerprint(source)


@pytest.mark.parametrize(
    "encoding",
    [
        *(f"LATIN{n}" for n in range(1, 11)),
        *(f"ISO_8859_{n}" for n in range(5, 9)),
        *(f"WIN{n}" for n in (866, 874, *range(1250, 1259))),
        "KOI8R",
        "KOI8U",
    ],
)
def test_our_conversion_is_the_servers(any_server: TestServer, encoding: str) -> None:
    with psycopg.connect(any_server.target("postgres").conninfo, autocommit=True) as connection:
        for byte in range(1, 256):
            text = bytes([byte])
            try:
                expected = connection.execute("SELECT convert(%s, %s, 'UTF8')", (text, encoding)).fetchone()
            except psycopg.errors.UntranslatableCharacter:
                continue  # the server stores it, and can tell nobody what it is
            assert expected == (b"".join(utf8_pieces([text], encoding)),), (byte, codec_of(encoding))


async def test_an_encrypted_backup(any_server: TestServer, repository: RepositoryTarget, tmp_path: Path) -> None:
    source = await source_of(any_server, "odd")
    await take(source, repository, recipients=(IDENTITY.recipient.text,))
    with pytest.raises(KeyMissingError):
        await export(repository, tmp_path / "x.sql")
    assert not (tmp_path / "x.sql").exists()

    events: list[Event] = []
    done = await export(repository, tmp_path / "x.sql", tables=["*"], unlocking=KEYS, events=events)
    assert not done.encrypted
    assert done.warnings == tuple(event.message for event in events if isinstance(event, Warned))
    assert ["not encrypted" in warning for warning in done.warnings] == [True]
    assert any_server.fingerprint(restored(any_server, (tmp_path / "x.sql").read_bytes())) == any_server.fingerprint(
        source
    )

    other = X25519Identity.generate()
    sealed = tmp_path / "x.sql.gz.age"
    done = await export(repository, sealed, unlocking=KEYS, recipients=[other.recipient.text])
    assert (done.encrypted, done.warnings, done.bytes) == (True, (), sealed.stat().st_size)
    identities: list[Identity] = [other]
    document = gzip.decompress(b"".join(Content.unlock(sealed, identities).pieces()))
    assert any_server.fingerprint(restored(any_server, document)) == any_server.fingerprint(source)


@pytest.mark.parametrize("kind", [BackupKind.SCHEMA, BackupKind.DATA])
async def test_other_kinds(
    any_server: TestServer, repository: RepositoryTarget, tmp_path: Path, kind: BackupKind
) -> None:
    source = await source_of(any_server, "odd")
    await take(source, repository, kind=kind)
    with pytest.raises(UsageError, match="alone"):
        await export(repository, tmp_path / "x.zip", rows_format=CSV)
    await export(repository, tmp_path / "all.sql")
    await export(repository, tmp_path / "some.sql", tables=["public.ab", "public.refers"])
    for name, tables in (("all.sql", None), ("some.sql", {"public.ab", "public.refers"})):
        document = (tmp_path / name).read_bytes()
        new = any_server.create_database(template="template0", encoding="UTF8", locale="C")
        if kind is BackupKind.DATA:
            dumped = [str(any_server.client_tools / "pg_dump"), "--schema-only", f"--dbname={source.conninfo}"]
            any_server.psql(new, subprocess.run(dumped, check=True, capture_output=True).stdout)
        any_server.psql(new, document)
        found, expected = any_server.fingerprint(new)["tables"], any_server.fingerprint(source)["tables"]
        if kind is BackupKind.SCHEMA:
            assert any_server.execute(new, "SELECT count(*) FROM refers") == [(0,)]
            assert set(found) == set(expected if tables is None else tables)
        else:
            names = set(expected if tables is None else tables)
            assert {each: found[each] for each in names} == {each: expected[each] for each in names}
            assert any_server.execute(new, "SELECT last_value FROM refers_i_seq") == [(2,)]


async def test_a_partial_backup(any_server: TestServer, repository: RepositoryTarget, tmp_path: Path) -> None:
    source = await source_of(any_server, "odd")
    await take(source, repository, selection=BackupSelection(tables=("public.ab", "public.refers")))
    with pytest.raises(NotFoundError):
        await export(repository, tmp_path / "x.sql", tables=["public.empty"])
    done = await export(repository, tmp_path / "x.sql", tables=["public.refers"])
    assert ["refers_ab_fkey" in each for each in done.left_out] == [True]
    new = restored(any_server, (tmp_path / "x.sql").read_bytes())
    assert any_server.execute(new, "SELECT i, ab FROM refers ORDER BY i") == [(1, 2), (2, None)]


async def test_rows_that_the_archive_carries(
    any_server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(
        source,
        b"CREATE TYPE colour AS ENUM ('red', 'green'); CREATE TABLE h (c colour) PARTITION BY HASH (c);"
        b"CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        b"CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        b"INSERT INTO h VALUES ('red'), ('green'); CREATE TABLE plain AS SELECT 1 AS i;",
    )
    await take(source, repository)
    done = await export(repository, tmp_path / "x.zip", rows_format=CSV)
    assert [(each.name, each.rows) for each in done.table_list] == [("plain", 1)]
    assert ["public.h0, public.h1" in each for each in done.warnings] == [True]
    done = await export(repository, tmp_path / "x.sql", tables=["public.h"])
    assert (done.rows, done.warnings) == (2, ())
    new = restored(any_server, (tmp_path / "x.sql").read_bytes())
    assert any_server.execute(new, "SELECT c::text FROM h ORDER BY h.c") == [("red",), ("green",)]


@pytest.mark.parametrize("compression", [Compression.ZSTD, Compression.NONE])
async def test_other_compressions_and_progress(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path, compression: Compression
) -> None:
    source = server.create_database()
    server.execute(
        source, "CREATE TABLE big AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 60000) i"
    )
    taken = await take(source, repository, compression=compression)
    events: list[Event] = []
    for ending in ("sql", "sql.gz", "sql.zst"):
        await export(repository, tmp_path / f"x.{ending}", events=events)
        assert unpacked(tmp_path / f"x.{ending}") == taken.document
    assert [event.rows for event in events if isinstance(event, TableProgress) and event.done and event.rows] == [
        60000
    ] * 3
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert max(shares) <= 1.0


async def test_standard_output_takes_the_same_bytes(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    taken = await take(await source_of(server, "odd"), repository)
    taking = io.BytesIO()
    request = ExportRequest(
        data_directory=data_directory_of(repository), repository=repository, backup_id="latest", output="-"
    )
    done = await export_backup(request, ignore, taking.write)
    assert (taking.getvalue(), done.bytes, done.path) == (taken.document, len(taken.document), "-")
    with pytest.raises(UsageError):
        await export_backup(request, ignore)


async def test_from_python(server: TestServer, tmp_path: Path) -> None:
    source = await source_of(server, "odd")
    backups = BackupService(source, BackupConfig(output_dir=str(tmp_path / "pantry"), jobs=1))
    backup = await backups.create_full_backup("daily")
    done = await backups.export(backup.id, tmp_path / "x.zip", format=CSV, tables=["public.*"])
    assert {each.file for each in done.table_list} >= {"public.ab.csv", "public.-F_X.csv"}
    with pytest.raises(PantryError):
        await backups.export(backup.id, tmp_path / "x.zip", format=CSV)


def test_a_result_crosses_processes() -> None:
    done = BackupExport(
        backup_id="b", path="/x", format=SQL, tables=0, rows=0, bytes=0, raw_bytes=0, encrypted=False,
        table_list=(), left_out=(), warnings=(), duration_seconds=0.0,
    )  # fmt: skip
    builtins: Any = msgspec.json.decode(done.to_json())
    assert BackupExport.from_builtins(builtins) == done
