"""Exports in tests, and bringing back what they hold with stock means only."""

from __future__ import annotations

import gzip
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import psycopg
import zstandard
from psycopg import sql

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.backup.export import export_backup
from pantry_tui.demo.crm import create_crm
from pantry_tui.events import Event, ignore
from pantry_tui.models import (
    BackupExport,
    BackupFormat,
    DatabaseTarget,
    ExportRequest,
    RepositoryTarget,
    Unlocking,
)
from tests.engine.backup.taking import Taken, data_directory_of
from tests.servers import TestServer

SQL, JSON, CSV = BackupFormat.SQL, BackupFormat.JSON, BackupFormat.CSV
IDENTITY = X25519Identity.generate()
KEYS = Unlocking(identities=(IDENTITY.secret_text,))
ENDINGS = {SQL: ".sql.gz", JSON: ".json.zst", CSV: ".zip"}

# What COPY text and CSV write differently, in tables and columns with names that nobody would choose.
ODD = r"""
CREATE SCHEMA "../x";
CREATE TABLE "../x"."-f/x" ("a,b" text, "c""d" text, "=1+1" bytea, "a=b" int[]);
INSERT INTO "../x"."-f/x" VALUES ('', NULL, '\x00ff', '{1,2}'), ('NULL', E'\\N', '', '{}'), (E'a\tb\nc\\', E'\r\n', NULL, NULL),
    (E'\\.', '"quoted", and more', '\x0a', '[0:1]={1,2}'), (' ', E'\b\f\v', '\x', NULL), ('[bold]', 'é€', NULL, '{NULL}');
CREATE TABLE "-F/X" (one text);
INSERT INTO "-F/X" VALUES (NULL), (''), (E'\\.'), (E'\n'), ('"'), (NULL);
CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE empty (i int);
CREATE TABLE "a*" (i int); INSERT INTO "a*" VALUES (1);
CREATE TABLE ab (i int PRIMARY KEY); INSERT INTO ab VALUES (2);
CREATE TABLE refers (i serial PRIMARY KEY, ab int REFERENCES ab); INSERT INTO refers (ab) VALUES (2), (NULL);
"""


async def export(
    repository: RepositoryTarget,
    output: Path | str,
    *,
    rows_format: BackupFormat | None = None,
    tables: Sequence[str] = (),
    recipients: Sequence[str] = (),
    unlocking: Unlocking = Unlocking(),  # noqa: B008  # frozen
    events: list[Event] | None = None,
) -> BackupExport:
    """Exports the newest backup."""
    request = ExportRequest(
        data_directory=data_directory_of(repository),
        repository=repository,
        backup_id="latest",
        output=str(output),
        format=rows_format,
        tables=tuple(tables),
        recipients=tuple(recipients),
        unlocking=unlocking,
    )
    return await export_backup(request, ignore if events is None else events.append)


def unpacked(path: Path) -> bytes:
    """The text of an exported document, unpacked by other means than the program's own."""
    stored = path.read_bytes()
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(stored, read_across_frames=True).read()
    return gzip.decompress(stored) if path.suffix == ".gz" else stored


def restored(server: TestServer, document: bytes, encoding: str = "UTF8") -> DatabaseTarget:
    """A database that psql made of a document."""
    new = server.create_database(template="template0", encoding=encoding, locale="C")
    server.psql(new, document)
    return new


def loaded(server: TestServer, taken: Taken, path: Path, done: BackupExport, encoding: str = "UTF8") -> DatabaseTarget:
    """A database made of a backup's archive, and of the rows of a zip file by the server's own COPY."""
    new = server.create_database(template="template0", encoding=encoding, locale="C")
    _archive(server, taken, new, "pre-data")
    with zipfile.ZipFile(path) as opened, psycopg.connect(new.conninfo) as connection:
        assert opened.testzip() is None
        assert opened.namelist() == [table.file for table in done.table_list]
        for table in done.table_list:
            columns = next(
                each.columns for each in taken.manifest.tables if (each.schema, each.name) == (table.schema, table.name)
            )
            names = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
            statement = sql.SQL("COPY {}{} FROM STDIN WITH (FORMAT csv, HEADER, ENCODING 'UTF8')").format(
                sql.Identifier(table.schema, table.name), names if columns else sql.SQL("")
            )
            with connection.cursor().copy(statement) as copying:
                copying.write(opened.read(table.file or ""))
    _archive(server, taken, new, "data")
    _archive(server, taken, new, "post-data")
    return new


def _archive(server: TestServer, taken: Taken, target: DatabaseTarget, section: str) -> None:
    program = server.client_tools / "pg_restore"
    archive = taken.directory / "archive.dump"
    arguments = [f"--section={section}", "--exit-on-error", f"--dbname={target.conninfo}", str(archive)]
    subprocess.run([program, *arguments], check=True)


async def source_of(server: TestServer, which: str) -> DatabaseTarget:
    if which == "pagila":
        return server.load_corpus("pagila")
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    if which == "crm":
        await create_crm(source, scale=0.005, listener=ignore)
    else:
        server.psql(source, ODD.encode())
    return source
