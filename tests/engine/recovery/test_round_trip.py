"""What is restored equals what was backed up: judged by an independent tool, on both servers."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from pantry_tui.demo.crm import create_crm
from pantry_tui.events import Event, Progress, TableProgress, ignore
from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import opened, take
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer

STALE_IN_THE_SOURCE = "public.mvtest_bb"  # a materialised view that a restore refreshes


def without_stale_view(fingerprint: dict[str, Any]) -> dict[str, Any]:
    fingerprint["matviews"].pop(STALE_IN_THE_SOURCE, None)
    return fingerprint


@pytest.mark.parametrize("which", ["pagila", "regression"])
async def test_corpus_comes_back_equal(any_server: TestServer, repository: RepositoryTarget, which: str) -> None:
    source = any_server.load_corpus(which)
    taken = await take(source, repository)
    new = any_server.drop_after_test(f"{which} restored")
    result = await restore(new, repository)
    assert result.status == "succeeded"
    assert result.created_database
    assert result.validation.equal
    assert result.validation.tables_compared == len(taken.manifest.tables)
    assert {table.verified for table in result.tables} == {"fingerprint"}
    assert without_stale_view(any_server.fingerprint(new)) == without_stale_view(any_server.fingerprint(source))


async def test_demo_comes_back_equal(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    await create_crm(source, scale=0.02, listener=ignore)
    taken = await take(source, repository)
    new = any_server.drop_after_test("demo restored")
    result = await restore(new, repository, jobs=2)
    assert any_server.fingerprint(new) == any_server.fingerprint(source)
    assert sum(table.inserted for table in result.tables) == taken.summary.rows
    assert result.validation.sequences_compared == len(taken.manifest.sequences) > 0
    assert opened(repository).summary(taken.summary.id).proven_at == result.finished_at


async def test_restored_rows_trigger_nothing(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE t (i int, touched timestamptz DEFAULT '2020-01-01'); CREATE TABLE log (i int);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " INSERT INTO public.log VALUES (NEW.i); NEW.touched = now(); RETURN NEW; END$$;"
        "INSERT INTO t (i) SELECT generate_series(1, 100);"
        "CREATE TRIGGER note BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note();"
        "ALTER TABLE t ENABLE ALWAYS TRIGGER note; CREATE RULE twice AS ON INSERT TO log DO ALSO NOTIFY log",
    )
    await take(source, repository)
    new = server.drop_after_test("quiet")
    await restore(new, repository)
    assert server.execute(new, "SELECT count(*), max(touched) = '2020-01-01' FROM t") == [(100, True)]
    assert server.execute(new, "SELECT count(*) FROM log") == [(0,)]
    assert server.execute(new, "SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'note'") == [("A",)]


async def test_inheritance_children_keep_their_rows(server: TestServer, repository: RepositoryTarget) -> None:
    """TRUNCATE without ONLY, before a frozen COPY of the parent, emptied the children that were loaded first."""
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE parent (i int, filler text); CREATE TABLE child () INHERITS (parent);"
        "INSERT INTO child SELECT i, repeat('child', 40) FROM generate_series(1, 30000) i;"
        "INSERT INTO parent SELECT i, repeat('parent', 30) FROM generate_series(1, 25000) i",
    )
    await take(source, repository)
    new = server.drop_after_test("heirs")
    await restore(new, repository, jobs=3)
    assert server.execute(new, "SELECT (SELECT count(*) FROM ONLY parent), (SELECT count(*) FROM child)") == [
        (25000, 30000)
    ]


async def test_not_valid_constraints_stay_so(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int REFERENCES a, j int); INSERT INTO a VALUES (1);"
        "INSERT INTO b VALUES (1, 7); ALTER TABLE b ADD CONSTRAINT j_fk FOREIGN KEY (j) REFERENCES a NOT VALID;"
        "ALTER TABLE b ADD CONSTRAINT j_low CHECK (j < 5) NOT VALID; CREATE DOMAIN d AS int;"
        "ALTER DOMAIN d ADD CONSTRAINT d_low CHECK (VALUE < 5) NOT VALID",
    )
    await take(source, repository)
    new = server.drop_after_test("invalid")
    result = await restore(new, repository)
    assert (result.validation.constraints_not_valid, result.validation.constraints_validated) == (3, 2)
    assert server.execute(new, "SELECT convalidated FROM pg_constraint WHERE conname = 'b_i_fkey'") == [(True,)]


async def test_events_tell_tables_and_an_ever_growing_share(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT i, md5(i::text) FROM generate_series(1, 20000) i")
    await take(source, repository)
    events: list[Event] = []
    await restore(server.drop_after_test("told"), repository, on_event=events.append)
    shares = [event.share for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    (done,) = [event for event in events if isinstance(event, TableProgress) and event.done]
    assert (done.table, done.rows) == ("public.t", 20000)


async def test_an_empty_database_is_filled_in_place(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT generate_series(1, 5) AS i")
    await take(source, repository)
    empty = server.create_database()
    server.execute(empty, "ALTER DATABASE " + empty.name + " SET default_transaction_read_only = on")
    result = await restore(empty, repository)
    assert not result.created_database
    assert server.execute(empty, "SELECT count(*) FROM t") == [(5,)]


async def test_one_large_table_takes_every_worker(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE big AS SELECT i, repeat(md5(i::text), 20) AS filler FROM generate_series(1, 60000) i;"
        "CREATE TABLE other AS SELECT generate_series(1, 10) AS i",
    )
    taken = await take(source, repository)
    assert sum(1 for segment in taken.manifest.segments if segment.section == "rows") > 3
    new = server.drop_after_test("parts")
    result = await restore(new, repository, jobs=2)
    assert {table.name: table.inserted for table in result.tables} == {"big": 60000, "other": 10}


async def test_special_tables(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(
        source,
        "CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;"
        "CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'grey'); CREATE TABLE spread (c colour, i int)"
        " PARTITION BY HASH (c);"
        "CREATE TABLE spread_0 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE spread_1 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO spread SELECT (enum_range(NULL::colour))[1 + i % 4], i FROM generate_series(1, 40) i;"
        "CREATE UNLOGGED TABLE scratch AS SELECT generate_series(1, 5) AS i;"
        "CREATE TABLE made (a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO made VALUES (4);"
        "CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY, v text); INSERT INTO numbered (v) VALUES ('x');"
        "SELECT lo_from_bytea(4711, 'a large object')",
    )
    await take(source, repository)
    new = any_server.drop_after_test("special")
    result = await restore(new, repository)
    assert result.validation.equal
    assert any_server.execute(new, "SELECT count(*), sum(i) FROM spread") == [(40, 820)]
    assert any_server.execute(new, "SELECT count(*) FROM nothing") == [(2,)]
    assert any_server.execute(new, "SELECT a, b FROM made") == [(4, 8)]
    assert any_server.execute(new, "SELECT convert_from(lo_get(4711), 'UTF8')") == [("a large object",)]
    assert any_server.execute(new, "INSERT INTO numbered (v) VALUES ('y') RETURNING id") == [(2,)]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_TW"])
async def test_encodings_come_back(server: TestServer, repository: RepositoryTarget, encoding: str) -> None:
    source = server.create_database(template="template0", encoding=encoding, locale="C")
    name, value = ("表格", "中文") if encoding == "EUC_TW" else ("Größe", "übel")
    with psycopg.connect(source.conninfo, autocommit=True, client_encoding="UTF8") as connection:
        column, literal = sql.Identifier(name), sql.Literal(value)
        connection.execute(sql.SQL("CREATE TABLE {} AS SELECT {}::text AS {}").format(column, literal, column))
    await take(source, repository)
    new = server.drop_after_test("encoded")
    result = await restore(new, repository)
    assert result.validation.equal
    query = "SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = 'encoded'"
    assert server.execute("postgres", query) == [(encoding,)]


@pytest.mark.parametrize("name", ["-f/tmp/x", "a=b", "with 'quote", 'db"x', "x" * 63, "ümlaut"])
async def test_hostile_target_names(server: TestServer, repository: RepositoryTarget, name: str) -> None:
    source = server.create_database()
    server.execute(source, 'CREATE TABLE "a"";b" AS SELECT 1 AS "x\ny"')
    await take(source, repository)
    result = await restore(server.drop_after_test(name), repository)
    assert result.target == name
    assert name in databases(server)
    assert server.execute(name, 'SELECT count(*) FROM "a"";b"') == [(1,)]


async def test_a_newer_server_is_compared_as_text(
    system_server: TestServer, server: TestServer, repository: RepositoryTarget
) -> None:
    source = system_server.load_corpus("pagila")
    await take(source, repository)
    new = server.drop_after_test("newer")
    result = await restore(new, repository)
    assert {table.verified for table in result.tables} == {"text"}
    assert result.validation.equal
    assert server.fingerprint(new)["tables"] == system_server.fingerprint(source)["tables"]
