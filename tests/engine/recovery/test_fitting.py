"""Rows alone go into columns of the backup's types, or of types that hold them as they are; into no others."""

from __future__ import annotations

import pytest
from psycopg import sql

from pantry_tui.artifact.manifest import ColumnType
from pantry_tui.errors import RestoreError
from pantry_tui.models import BackupKind, DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

DOMAINS = "CREATE DOMAIN word AS text; CREATE DOMAIN short AS varchar(4); CREATE DOMAIN shorter AS short; "
NARROWED = DOMAINS.replace("word AS text", "word AS varchar(3)")

# What the backup has, with a value, and what the database has: each is refused, in these words.
REFUSED = [
    ("text", "'abc '", "char(3)", "character(3) in the database and text in the backup"),
    ("text", "'abc'", "varchar(10)", "character varying(10) in the database and text in the backup"),
    (
        "varchar(20)",
        "'abc'",
        "varchar(10)",
        "character varying(10) in the database and character varying(20) in the backup",
    ),
    ("char(3)", "'a'", "text", "text in the database and character(3) in the backup"),
    ("numeric", "1.5", "numeric(10,0)", "numeric(10,0) in the database and numeric in the backup"),
    ("numeric(10,1)", "1.5", "numeric(10,2)", "numeric(10,2) in the database and numeric(10,1) in the backup"),
    ("bigint", "1", "integer", "integer in the database and bigint in the backup"),
    ("float8", "0.1", "float4", "real in the database and double precision in the backup"),
    ("timestamp", "now()", "timestamp(0)", "timestamp(0) without time zone in the database"),
    ("timestamptz", "now()", "timestamp", "timestamp without time zone in the database"),
    ("json", '\'{"a": 1, "a": 2}\'', "jsonb", "jsonb in the database and json in the backup"),
    ("text[]", "'{abc}'", "char(2)[]", "character(2)[] in the database and text[] in the backup"),
    ("text", "'abcdef'", "short", "public.short (character varying(4)) in the database and text in the backup"),
    ("text", "'abcdef'", "shorter", "public.shorter (character varying(4)) in the database and text in the backup"),
]
WIDENED = [
    ("varchar(20)", "'abc'", "text"),
    ("text", "E'a\\tb\\\\'", "varchar"),
    ("smallint", "-7", "bigint"),
    ("bigint", "9223372036854775807", "numeric"),
    ("numeric(10,2)", "1.10", "numeric"),
    ("timestamp(3)", "'2026-11-23 02:00:00.123'", "timestamp"),
    ("varchar(3)[]", "'{abc,NULL,\"a,b\"}'", "text[]"),
    ("short", "'abc'", "word"),
    ("shorter", "'abc'", "varchar(5)"),
]


async def taken_of(server: TestServer, repository: RepositoryTarget, declared: str, value: str) -> None:
    """A backup of the rows of a table with a column of that type."""
    source = server.create_database()
    server.execute(source, DOMAINS + f'CREATE TABLE t (id int, "c""d" {declared}); INSERT INTO t SELECT 1, {value}')
    await take(source, repository, kind=BackupKind.DATA)


def target_with(server: TestServer, columns: str, *, before: str = DOMAINS) -> DatabaseTarget:
    new = server.create_database()
    server.execute(new, f"{before} CREATE TABLE t ({columns})")
    return new


@pytest.mark.parametrize(("was", "value", "found", "words"), REFUSED)
async def test_types_that_would_change_rows_are_refused(
    server: TestServer, repository: RepositoryTarget, was: str, value: str, found: str, words: str
) -> None:
    await taken_of(server, repository, was, value)
    new = target_with(server, f'id int, "c""d" {found}')
    with pytest.raises(RestoreError) as refused:
        await restore(new, repository)
    assert f'public.t.c"d is {words}' in refused.value.message
    assert 'ALTER TABLE "public"."t" ALTER COLUMN "c""d" TYPE ' in (refused.value.remedy or "")
    assert server.execute(new, "SELECT count(*) FROM t") == [(0,)]
    server.execute(new, (refused.value.remedy or "").partition(": ")[2])  # what the remedy says makes it fit
    assert (await restore(new, repository)).validation.equal


@pytest.mark.parametrize(("was", "value", "found"), WIDENED)
async def test_wider_types_take_the_rows_as_they_are(
    any_server: TestServer, repository: RepositoryTarget, was: str, value: str, found: str
) -> None:
    await taken_of(any_server, repository, was, value)
    new = target_with(any_server, f'id int, "c""d" {found}')
    result = await restore(new, repository)
    assert [table.verified for table in result.tables] == ["text"]
    expected = sql.SQL('SELECT "c""d"::text = ({})::{}::text FROM t').format(sql.SQL(value), sql.SQL(was))
    assert any_server.execute(new, expected.as_string()) == [(True,)]


async def test_a_domain_that_is_defined_otherwise(server: TestServer, repository: RepositoryTarget) -> None:
    await taken_of(server, repository, "word", "'abcdef'")
    new = target_with(server, 'id int, "c""d" word', before=NARROWED)
    with pytest.raises(RestoreError, match="word") as refused:
        await restore(new, repository)
    assert "is public.word (character varying(3)) in the database and public.word (text) in the backup" in str(
        refused.value.message
    )
    assert "TYPE text;" in (refused.value.remedy or "")


async def test_collations_and_identities_change_no_rows(any_server: TestServer, repository: RepositoryTarget) -> None:
    await taken_of(any_server, repository, 'text COLLATE "C"', "'abc'")
    new = target_with(any_server, 'id int GENERATED ALWAYS AS IDENTITY, "c""d" text COLLATE "POSIX"')
    assert [table.verified for table in (await restore(new, repository)).tables] == ["fingerprint"]
    assert any_server.execute(new, "TABLE t") == [(1, "abc")]


async def test_generated_columns_are_so_on_both_sides(server: TestServer, repository: RepositoryTarget) -> None:
    generated = "id int, twice int GENERATED ALWAYS AS (id * 2) STORED"
    source = target_with(server, generated)
    server.execute(source, "INSERT INTO t VALUES (1)")
    first = await take(source, repository, kind=BackupKind.DATA)
    [entry] = first.manifest.tables
    assert (entry.columns, entry.types, entry.generated) == (("id",), (ColumnType(name="integer"),), ("twice",))
    with pytest.raises(RestoreError, match=r"public\.t\.twice is generated in the backup, without values"):
        await restore(target_with(server, "id int, twice int"), repository)
    for columns in (generated, "id int"):
        assert (await restore(target_with(server, columns), repository)).validation.equal

    await taken_of(server, repository, "int", "2")
    new = target_with(server, 'id int, "c""d" int GENERATED ALWAYS AS (id * 2) STORED')
    with pytest.raises(RestoreError, match=r'public\.t\.c"d is generated in the database'):
        await restore(new, repository)


async def test_columns_that_are_missing_and_many_that_differ(server: TestServer, repository: RepositoryTarget) -> None:
    await taken_of(server, repository, "int", "2")
    with pytest.raises(RestoreError, match="lacks columns"):
        await restore(target_with(server, "id int"), repository)
    columns = [f"c{number}" for number in range(8)]
    source = target_with(server, ", ".join(f"{name} bigint" for name in columns))
    await take(source, repository, kind=BackupKind.DATA)
    new = target_with(server, ", ".join(f"{name} smallint" for name in columns))
    with pytest.raises(RestoreError, match=r"public\.t\.c4 is smallint .*and 3 more"):
        await restore(new, repository)
