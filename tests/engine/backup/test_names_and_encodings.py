"""Names and encodings that dumps stumble over."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import name_of, take
from tests.engine.backup.test_round_trip import restored
from tests.servers import TestServer


async def test_hostile_names_come_back(server: TestServer, repository: RepositoryTarget) -> None:
    hostile = ['a"b', "a'b", "new\nline", "tab\t", "-f/x", "a=b", "../x", "db[red]x", "x%s", "Foo", "foo", "a*b", "axxb", "a|b",
               "a.b", "(a)", "$1", "\x1b[31m", "ünïcødé", "x" * 63]  # fmt: skip
    target = server.create_database()
    connection = server.connect(target)
    for number, name in enumerate(hostile):
        for schema in ("public", name):
            if schema == name:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("CREATE TABLE {} AS SELECT {}::int AS {}").format(
                    sql.Identifier(schema, name), sql.Literal(number), sql.Identifier(name)
                )
            )
    taken = await take(target, repository)
    assert restored(server, taken) == server.fingerprint(target)
    assert all(table.carried_by == "segments" for table in taken.manifest.tables)


@pytest.mark.parametrize("database", ["-f/tmp/x", "a=b", "with 'quote", 'db"x', "new\nline", "ümlaut"])
async def test_hostile_database_names(server: TestServer, repository: RepositoryTarget, database: str) -> None:
    target = server.create_database(database)
    server.execute(target, "CREATE TABLE t AS SELECT 1 AS i")
    taken = await take(target, repository)
    assert taken.manifest.source.name == database
    assert taken.rows("public.t") == 1


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_TW", "MULE_INTERNAL", "UTF8"])
async def test_encodings_pass_through(server: TestServer, repository: RepositoryTarget, encoding: str) -> None:
    target = server.create_database(template="template0", encoding=encoding, locale="C")
    spoken = "LATIN1" if encoding == "MULE_INTERNAL" else "UTF8"
    with psycopg.connect(target.conninfo, autocommit=True, client_encoding=spoken) as connection:
        if encoding == "SQL_ASCII":
            connection.execute("CREATE TABLE odd (v text)")
            connection.execute(r"INSERT INTO odd VALUES (E'\xff\xfe mixed \xc3\xa9')")
        elif encoding == "EUC_TW":
            connection.execute("CREATE TABLE \"表格\" AS SELECT '中文'::text AS v")
        else:
            connection.execute('CREATE TABLE "Größe" AS SELECT \'übel\'::text AS "Maß"')
    taken = await take(target, repository)
    assert taken.summary.rows == 1
    new = server.create_database(template="template0", encoding=encoding, locale="C")
    server.psql(new, taken.document)
    assert (await take(new, repository)).manifest.tables[0].fingerprint == taken.manifest.tables[0].fingerprint


@pytest.mark.parametrize("where", ["ALTER DATABASE {} SET client_encoding = 'LATIN1'"])
async def test_client_encoding_of_the_database(server: TestServer, repository: RepositoryTarget, where: str) -> None:
    """A default of the database must not change what pg_dump writes, nor which names it recognises."""
    target = server.create_database(template="template0", encoding="UTF8", locale="C")
    with psycopg.connect(target.conninfo, autocommit=True, client_encoding="UTF8") as connection:
        connection.execute("CREATE TABLE \"Größe\" AS SELECT 'café'::text AS v")
    server.execute("postgres", where.format(name_of(target)))
    taken = await take(target, repository)
    assert taken.document.count("café".encode()) == 1
    new = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.psql(new, taken.document)
    assert server.fingerprint(new)["tables"] == server.fingerprint(target)["tables"]
