"""Rows are shown out of a backup as they were in the database, and only when their stored bytes are the right ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pantry_tui import BackupConfig, BackupService
from pantry_tui.backup.peek import MAXIMUM_ROWS, peek_table
from pantry_tui.errors import BackupDamagedError, NotFoundError, UsageError
from pantry_tui.models import BackupFormat, Compression, RepositoryTarget, ShortenedValue
from tests.engine.backup.taking import FORMS, Taken, data_directory_of, take
from tests.engine.recovery.restoring import damage
from tests.servers import TestServer

HOSTILE = [
    "",
    r"\N",
    "NULL",
    "a\tb\nc\\",
    "\\.",
    "[bold]\x1b[31m\x07",
    "'; DROP TABLE t; --",
    "\u202eabc",
    "😀",
    '"quoted"',
]
# Two tables of several ranges each.
LARGE = """
CREATE TABLE a AS SELECT i, repeat(md5(i::text), 6) AS v FROM generate_series(1, 120000) i;
CREATE TABLE b AS SELECT i, repeat(md5(i::text), 6) AS v FROM generate_series(1, 120000) i;
"""
ODD_ONES = """
CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TABLE painted (c colour, "q""uo\nte" text) PARTITION BY HASH (c);
CREATE TABLE painted_0 PARTITION OF painted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE painted_1 PARTITION OF painted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO painted SELECT c, v FROM unnest(enum_range(NULL::colour)) c, unnest(ARRAY['x\ty', NULL, '\\.']) v;
CREATE TABLE parted (i int) PARTITION BY RANGE (i);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
INSERT INTO parted VALUES (1);
CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE empty (i int);
"""


@pytest.mark.parametrize(("rows_format", "compression"), FORMS)
async def test_values_are_those_of_the_database(
    any_server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, compression: Compression
) -> None:
    source = any_server.create_database()
    any_server.execute(source, 'CREATE TABLE "od""d.\n[b]" (n int, "c\n\\" text, other text)')
    with any_server.connect(source) as connection:
        for number, value in enumerate(HOSTILE):
            connection.execute('INSERT INTO "od""d.\n[b]" VALUES (%s, %s, NULL)', (number, value))
    taken = await take(source, repository, rows_format=rows_format, compression=compression)

    page = await peek_table(repository, "latest", '"public"."od""d.\n[b]"')

    assert (page.backup_id, page.schema, page.table) == (taken.summary.id, "public", 'od"d.\n[b]')
    assert page.columns == ("n", "c\n\\", "other")
    assert page.rows == tuple((str(number), value, None) for number, value in enumerate(HOSTILE))
    assert (page.skip, page.total_rows, page.shortened) == (0, len(HOSTILE), ())


@pytest.mark.parametrize(("rows_format", "compression"), FORMS)
async def test_paging_through_many_segments(
    server: TestServer, repository: RepositoryTarget, rows_format: BackupFormat, compression: Compression
) -> None:
    source = server.create_database()
    server.execute(source, LARGE)
    taken = await take(source, repository, jobs=2, rows_format=rows_format, compression=compression)
    table = [entry.name for entry in taken.manifest.tables].index("a")
    assert sum(segment.table == table for segment in taken.manifest.segments) > 1

    for skip in (0, 1, 59_999, 119_998, 120_000, 10**12):
        page = await peek_table(repository, "latest", "public.a", limit=3, skip=skip)
        assert [row[0] for row in page.rows] == [str(i) for i in range(skip + 1, min(skip + 3, 120_000) + 1)]
    everything = [
        (await peek_table(repository, "latest", "public.b", limit=MAXIMUM_ROWS, skip=skip)).rows
        for skip in range(0, 120_000, MAXIMUM_ROWS)
    ]
    assert [row[0] for page in everything for row in page] == [str(i) for i in range(1, 120_001)]


async def test_only_what_is_shown_has_to_be_sound(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, LARGE)
    taken = await take(source, repository, jobs=2)
    manifest = taken.manifest
    table = [entry.name for entry in manifest.tables].index("a")
    last = max(
        (each for each in manifest.segments if each.table == table), key=lambda each: (each.range or 0, each.offset)
    )
    damage(taken.directory / manifest.file("artifact").name, last.offset + last.length - 1)

    assert len((await peek_table(repository, "latest", "public.a")).rows) == 20
    assert len((await peek_table(repository, "latest", "public.b", skip=119_990)).rows) == 10
    with pytest.raises(BackupDamagedError, match=r"rows of public\.a"):
        await peek_table(repository, "latest", "public.a", skip=119_990)
    # The row that is wanted may well be the first of the segment, whose last byte changed.
    with pytest.raises(BackupDamagedError, match=r"sha256 differs"):
        await peek_table(repository, "latest", "public.a", skip=120_000 - last.rows, limit=1)


@pytest.fixture
async def odd_ones(any_server: TestServer, repository: RepositoryTarget) -> Taken:
    source = any_server.create_database()
    any_server.execute(source, ODD_ONES)
    return await take(source, repository)


async def test_rows_that_the_archive_carries(odd_ones: Taken, repository: RepositoryTarget) -> None:
    pages = [
        await peek_table(repository, "latest", f"public.painted_{number}", data_directory=data_directory_of(repository))
        for number in (0, 1)
    ]

    assert [page.columns for page in pages] == [("c", 'q"uo\nte')] * 2
    rows = [row for page in pages for row in page.rows]
    assert sorted(rows, key=str) == sorted(
        ((c, v) for c in ("red", "green", "blue") for v in ("x\ty", None, "\\.")), key=str
    )
    full = next(number for number, page in enumerate(pages) if page.rows)
    some = await peek_table(
        repository, "latest", f"public.painted_{full}", limit=2, skip=1, data_directory=data_directory_of(repository)
    )
    assert some.rows == pages[full].rows[1:3]

    damage(odd_ones.directory / "archive.dump", 500)
    with pytest.raises(BackupDamagedError, match=r"archive\.dump"):
        await peek_table(repository, "latest", f"public.painted_{full}", data_directory=data_directory_of(repository))


@pytest.mark.usefixtures("odd_ones")
async def test_tables_without_rows_or_columns(repository: RepositoryTarget) -> None:
    nothing = await peek_table(repository, "latest", "public.nothing", skip=1)
    assert (nothing.columns, nothing.rows, nothing.total_rows) == ((), ((),), 2)
    empty = await peek_table(repository, "latest", "public.empty")
    assert (empty.columns, empty.rows, empty.total_rows) == (("i",), (), 0)


async def test_what_cannot_be_shown_says_what_can(odd_ones: Taken, repository: RepositoryTarget) -> None:
    with pytest.raises(UsageError, match=r"public\.parted is partitioned") as failure:
        await peek_table(repository, "latest", "public.parted")
    assert failure.value.remedy == "name one of them: public.parted_low"
    with pytest.raises(NotFoundError, match=r"no table public\.emtpy; it has public\.empty"):
        await peek_table(repository, "latest", "public.emtpy")
    (odd_ones.directory / "archive.dump").unlink()  # what is not there cannot say that a table is partitioned
    with pytest.raises(NotFoundError, match=r"no table public\.parted"):
        await peek_table(repository, "latest", "public.parted")
    for limit, skip in ((0, 0), (MAXIMUM_ROWS + 1, 0), (1, -1)):
        with pytest.raises(UsageError, match="cannot be shown"):
            await peek_table(repository, "latest", "public.empty", limit=limit, skip=skip)


async def test_long_values_have_equal_shares_of_a_page(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT repeat('é', 300000) AS long, 'x'::text AS short")
    await take(source, repository)

    page = await peek_table(repository, "latest", "public.t", page_bytes=2001)

    assert page.rows == (("é" * 500, "x"),)
    assert page.shortened == (ShortenedValue(row=0, column=0, bytes=600_000),)
    assert (await peek_table(repository, "latest", "public.t")).rows == (("é" * 300_000, "x"),)


@pytest.mark.parametrize(("encoding", "shown"), [("LATIN2", "ž"), ("EUC_JP", "漢"), ("SQL_ASCII", r"ž\xff")])
async def test_text_in_other_encodings(
    server: TestServer, repository: RepositoryTarget, encoding: str, shown: str
) -> None:
    source = server.create_database(template="template0", encoding=encoding, locale="C")
    stored = "ž".encode() + b"\xff" if encoding == "SQL_ASCII" else shown.encode(encoding.replace("LATIN", "iso8859-"))
    server.execute(source, "CREATE TABLE t (v text)")
    with server.connect(source) as connection, connection.cursor() as cursor:
        connection.execute(f"SET client_encoding = '{encoding}'".encode())
        with cursor.copy("COPY t FROM STDIN") as copy:
            copy.write(stored + b"\n")
    await take(source, repository)

    assert (await peek_table(repository, "latest", "public.t")).rows == ((shown,),)


def test_from_python(server: TestServer, tmp_path: Path) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    backups = BackupService(source, BackupConfig(output_dir=str(tmp_path / "pantry")))

    async def taken_and_seen() -> tuple[tuple[str | None, ...], ...]:
        backup = await backups.create_full_backup("daily")
        return (await backups.peek(backup.id, "public.t", limit=1)).rows

    assert asyncio.run(taken_and_seen()) == (("1",),)
