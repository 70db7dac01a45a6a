"""Hazards of group E of docs/hazards.md: constraints, functions, triggers."""

from __future__ import annotations

import pytest

from pantry_tui.errors import RestoreError
from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.hazards.conftest import ThereAndBack
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer


async def test_foreign_keys_in_a_circle(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE a (i int PRIMARY KEY, b int); CREATE TABLE b (i int PRIMARY KEY, a int REFERENCES a);"
        "INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b"
    )
    assert trip.comes_back("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)") == [(1, 1)]


async def test_deferred_constraints_stay_deferred(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE a (i int PRIMARY KEY, u int UNIQUE DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TABLE b (i int REFERENCES a DEFERRABLE INITIALLY DEFERRED); INSERT INTO a VALUES (1, 1);"
        "INSERT INTO b VALUES (1)"
    )
    assert trip.comes_back("SELECT count(*) FROM pg_constraint WHERE condeferred") == [(2,)]


async def test_a_check_that_reads_another_table_loses_no_row(server: TestServer, repository: RepositoryTarget) -> None:
    """The other table is empty while rows are loaded: the restore either succeeds whole or fails, naming the table."""
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE known (i int); INSERT INTO known VALUES (1);"
        "CREATE FUNCTION is_known(int) RETURNS boolean LANGUAGE plpgsql AS"
        " $$BEGIN RETURN EXISTS (SELECT FROM public.known WHERE i = $1); END$$;"
        "CREATE TABLE asking (i int CHECK (is_known(i))); INSERT INTO asking VALUES (1);"
        "DELETE FROM known",
    )
    await take(source, repository)
    before = databases(server)
    with pytest.raises(RestoreError, match=r"public\.asking") as failure:
        await restore(server.target("never there"), repository)
    assert "violates check constraint" in (failure.value.detail or "")
    assert databases(server) == before


async def test_constraints_that_have_an_index_have_one(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (i int, r int4range, u int UNIQUE, PRIMARY KEY (i), EXCLUDE USING gist (r WITH &&));"
        "INSERT INTO t VALUES (1, '[1,2)', 5)"
    )
    assert trip.comes_back("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") == [(3,)]


async def test_invalid_indexes_are_told(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE t AS SELECT 1 AS i; CREATE INDEX half ON t (i); CREATE INDEX whole ON t (i);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half'::regclass",
    )
    taken = await take(source, repository)
    assert any("invalid indexes" in warning and "public.half" in warning for warning in taken.manifest.warnings)
    new = server.drop_after_test("valid")
    assert (await restore(new, repository)).validation.equal
    names = "SELECT relname::text FROM pg_class WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace"
    assert server.execute(new, names) == [("whole",)]


async def told_and_refused(server: TestServer, repository: RepositoryTarget, using: str, named: str) -> None:
    """A function that finds its table by search_path only, and what uses it: a warning, then a restore that says why."""
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE rates (r int); INSERT INTO rates VALUES (3); CREATE TABLE t AS SELECT 1 AS i;"
        "CREATE FUNCTION rate(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * max(r) FROM rates';" + using,
    )
    taken = await take(source, repository)
    (warning,) = taken.manifest.warnings
    assert warning.startswith(f'{named} uses public.rate, for which relation "rates" does not exist')
    assert taken.rows("public.t") == 1
    before = databases(server)
    with pytest.raises(RestoreError) as failure:
        await restore(server.target("never there"), repository)
    assert 'relation "rates" does not exist' in (failure.value.detail or "")
    assert databases(server) == before
    server.execute(source, "ALTER FUNCTION rate SET search_path = public")
    assert (await take(source, repository)).manifest.warnings == ()


async def test_checks_that_need_a_search_path(any_server: TestServer, repository: RepositoryTarget) -> None:
    check = "ALTER TABLE t ADD CHECK (rate(i) > 0)"
    await told_and_refused(any_server, repository, check, "constraint t_i_check on table public.t")


async def test_views_that_need_a_search_path(system_server: TestServer, repository: RepositoryTarget) -> None:
    """Since 17 such a view cannot even be filled."""
    view = "CREATE MATERIALIZED VIEW m AS SELECT rate(i) FROM t"
    await told_and_refused(system_server, repository, view, "rule _RETURN on materialized view public.m")


async def test_indexes_that_need_a_search_path(system_server: TestServer, repository: RepositoryTarget) -> None:
    """No query on such a table can be planned without the search_path: pg_dump reads it. Since 17 there can be none."""
    index = "CREATE INDEX by_rate ON t (rate(i))"
    await told_and_refused(system_server, repository, index, "index public.by_rate")


async def test_triggers_keep_each_its_state(there_and_back: ThereAndBack) -> None:
    triggers = "".join(
        f"CREATE TRIGGER {name} BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stop(); ALTER TABLE t {state} TRIGGER {name};"
        for name, state in (("o", "ENABLE"), ("d", "DISABLE"), ("r", "ENABLE REPLICA"), ("a", "ENABLE ALWAYS"))
    )
    trip = await there_and_back(
        "CREATE TABLE t (i int); INSERT INTO t VALUES (1); CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$BEGIN RAISE EXCEPTION 'a trigger ran'; END$$; {triggers}"
    )
    states = trip.comes_back("SELECT tgname::text, tgenabled::text FROM pg_trigger ORDER BY 1")
    assert states == [("a", "A"), ("d", "D"), ("o", "O"), ("r", "R")]


async def test_event_triggers_see_nothing_of_the_restore(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (i int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE FUNCTION stop() RETURNS event_trigger"
        " LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'an event trigger ran: %', tg_tag; END$$;"
        "CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t;"
        "CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION stop(); ALTER EVENT TRIGGER watch ENABLE ALWAYS"
    )
    assert trip.comes_back("SELECT evtname::text, evtenabled::text FROM pg_event_trigger") == [("watch", "A")]


async def test_functions_keep_owner_rights_and_settings(there_and_back: ThereAndBack) -> None:
    await there_and_back(
        "CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        " SET work_mem = '8MB' AS 'SELECT i + 1'; REVOKE ALL ON FUNCTION f FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION f TO pg_monitor"
    )


async def test_bodies_in_standard_sql_and_default_cycles(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (i int); CREATE FUNCTION next() RETURNS int BEGIN ATOMIC SELECT COALESCE(max(i), 0) + 1 FROM t; END;"
        "ALTER TABLE t ALTER i SET DEFAULT next(); INSERT INTO t DEFAULT VALUES; INSERT INTO t DEFAULT VALUES"
    )
    assert trip.comes_back("SELECT i FROM t ORDER BY i") == [(1,), (2,)]


async def test_a_missing_library_ends_the_restore(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE t AS SELECT 1 AS i; CREATE FUNCTION f(int) RETURNS int LANGUAGE c AS '$libdir/plpgsql',"
        " 'plpgsql_call_handler'; UPDATE pg_proc SET probin = '$libdir/not_installed' WHERE proname = 'f'",
    )
    await take(source, repository)
    before = databases(server)
    with pytest.raises(RestoreError) as failure:
        await restore(server.target("never there"), repository)
    assert "not_installed" in (failure.value.detail or "")
    assert databases(server) == before


async def test_operators_classes_casts_and_aggregates(there_and_back: ThereAndBack) -> None:
    await there_and_back(
        "CREATE TYPE pair AS (a int, b int); CREATE FUNCTION less(pair, pair) RETURNS bool LANGUAGE sql IMMUTABLE RETURN"
        " ($1).a < ($2).a; CREATE FUNCTION cmp(pair, pair) RETURNS int LANGUAGE sql IMMUTABLE RETURN ($1).a - ($2).a;"
        "CREATE OPERATOR <<< (LEFTARG = pair, RIGHTARG = pair, FUNCTION = less); CREATE OPERATOR FAMILY fam USING btree;"
        "CREATE OPERATOR CLASS cls FOR TYPE pair USING btree FAMILY fam AS OPERATOR 1 <<<, FUNCTION 1 cmp(pair, pair);"
        "CREATE FUNCTION as_text(pair) RETURNS text LANGUAGE sql IMMUTABLE RETURN ($1).a::text;"
        "CREATE CAST (pair AS text) WITH FUNCTION as_text(pair) AS ASSIGNMENT;"
        "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', PARALLEL = SAFE);"
        "CREATE PROCEDURE p(INOUT i int) LANGUAGE sql AS 'SELECT 1'; CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER"
        " heap_tableam_handler"
    )


async def test_collations_and_conversions(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE COLLATION plain (provider = libc, locale = 'C'); CREATE TABLE t (v text COLLATE plain UNIQUE);"
        "INSERT INTO t VALUES ('b'), ('B'), ('a'); CREATE CONVERSION own FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"
    )
    assert trip.comes_back("SELECT v FROM t ORDER BY v") == [("B",), ("a",), ("b",)]
