"""Ways in which dumps go wrong without an error, each made to happen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pantry_tui.errors import LockTimeoutError, PrivilegeError, UsageError
from pantry_tui.events import Event, PhaseStarted, TableProgress, Warned
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from pantry_tui.postgres import snapshot
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import take
from tests.engine.backup.test_round_trip import restored
from tests.servers import TestServer

Lock = Callable[[Any, DatabaseTarget, Sequence[SourceTable]], Any]


@pytest.fixture
def between_listing_and_locking(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[int]]:
    """Arranges for something to happen, once, after the tables were listed and before they are locked."""

    def arrange(happen: Callable[[], object]) -> list[int]:
        lock: Lock = snapshot._lock
        locked: list[int] = []

        async def happen_and_lock(connection: Any, target: DatabaseTarget, tables: Sequence[SourceTable]) -> None:
            if not locked:
                happen()
            locked.append(len(tables))
            await lock(connection, target, tables)

        monkeypatch.setattr(snapshot, "_lock", happen_and_lock)
        return locked

    return arrange


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("ALTER TABLE t ALTER COLUMN i TYPE bigint", 1000),
        ("TRUNCATE t", 0),
        ("DROP TABLE t; CREATE TABLE t AS SELECT generate_series(1, 7) AS i", 7),
        ("CREATE TABLE another (i int)", 1000),
    ],
)
async def test_change_between_listing_and_locking(
    server: TestServer,
    repository: RepositoryTarget,
    between_listing_and_locking: Callable[[Callable[[], object]], list[int]],
    statement: str,
    rows: int,
) -> None:
    """With the snapshot before the locks, 0 of the 1,000 rows of a rewritten table would be visible."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    locked = between_listing_and_locking(lambda: server.execute(target, statement))
    taken = await take(target, repository)
    assert locked
    assert taken.rows("public.t") == rows
    assert restored(server, taken) == server.fingerprint(target)


async def test_queued_alter_does_not_hang_the_backup(server: TestServer, repository: RepositoryTarget) -> None:
    """An ALTER waits for the coordinator; a worker that waited behind it would make a circle the server cannot see."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    connection = server.connect(target)
    altering = threading.Thread(target=lambda: connection.execute("ALTER TABLE t ADD COLUMN added int DEFAULT 5"))

    def alter_once_locked(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading" and altering.ident is None:
            altering.start()
            wait_until_queued(server, target)

    taken = await take(target, repository, on_event=alter_once_locked, lock_timeout_seconds=1)
    altering.join(30)
    assert not altering.is_alive()
    assert any(isinstance(event, Warned) and "starting again" in event.message for event in taken.events)
    assert taken.manifest.tables[0].columns == ("i", "added")
    assert taken.rows("public.t") == 1000


def wait_until_queued(server: TestServer, target: DatabaseTarget) -> None:
    with psycopg.connect(target.conninfo, autocommit=True) as watcher:
        for _ in range(1000):
            row = watcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            if row and row[0]:
                return
            watcher.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("the ALTER never queued behind the locks")


async def test_lock_that_stays_is_named(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE busy (i int)")
    holder = server.connect(target, autocommit=False)
    holder.execute("LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(LockTimeoutError) as failure:
        await take(target, repository, lock_timeout_seconds=1.5)
    assert f"pid {holder.info.backend_pid}" in (failure.value.detail or "")
    assert LocalRepository(repository).ids() == []


async def test_inheritance_children_are_copied_once(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE parent (i int, note text); CREATE TABLE child (extra int) INHERITS (parent);"
        "INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3)",
    )
    taken = await take(target, repository)
    assert (taken.rows("public.parent"), taken.rows("public.child")) == (1, 1)
    assert restored(server, taken) == server.fingerprint(target)


async def test_archive_holds_sequences_large_objects_and_views(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(
        target,
        "CREATE SEQUENCE counter START 40; SELECT nextval('counter'), nextval('counter');"
        "CREATE SEQUENCE fresh; CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v int, double int GENERATED ALWAYS AS"
        " (v * 2) STORED); INSERT INTO t (v) VALUES (5), (6);"
        "CREATE MATERIALIZED VIEW m AS SELECT sum(v) AS total FROM t;"
        "CREATE MATERIALIZED VIEW unpopulated AS SELECT 1 AS i WITH NO DATA; SELECT lo_from_bytea(4711, '\\xdeadbeef')",
    )
    taken = await take(target, repository)
    after = restored(any_server, taken)
    assert after == any_server.fingerprint(target)
    assert after["sequences"]["public.counter"][-2:] == ["41", "True"]
    assert after["sequences"]["public.fresh"][-2:] == ["1", "False"]
    assert list(after["large_objects"]) == ["4711"]
    assert {state.name: (state.last_value, state.is_called) for state in taken.manifest.sequences} == {
        "counter": (41, True),
        "fresh": (1, False),
        "t_id_seq": (2, True),
    }


async def test_swapped_values_change_the_fingerprint(server: TestServer, repository: RepositoryTarget) -> None:
    """The record hash alone is linear: most swaps of values between rows would go unseen."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT i AS a, i * 7 AS b FROM generate_series(1, 200) i")
    before = (await take(target, repository)).fingerprint("public.t")
    for left, right in ((1, 2), (50, 150), (199, 200)):
        server.execute(
            target,
            f"UPDATE t SET b = CASE a WHEN {left} THEN {right * 7} ELSE {left * 7} END WHERE a IN ({left}, {right})",
        )
        swapped = (await take(target, repository)).fingerprint("public.t")
        assert swapped != before
        server.execute(target, "UPDATE t SET b = a * 7")
    assert (await take(target, repository)).fingerprint("public.t") == before


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("numeric", "1.0", "1.00"),
        ("float8", "'0'", "'-0'"),
        ("text", "'NULL'", "NULL"),
        ("text[]", "'{a,b}'", "'[0:1]={a,b}'"),
        ("jsonb", "'{\"a\": 1}'", "'{\"a\": 1.0}'"),
        ("json", "'{\"a\":1}'", "'{\"a\": 1}'"),
        ("interval", "'1 month'", "'30 days'"),
        ("char(5)", "'a'", "'b'"),
    ],
)
async def test_near_twins_have_different_fingerprints(
    server: TestServer, repository: RepositoryTarget, column: str, one: str, other: str
) -> None:
    target = server.create_database()
    server.execute(target, f"CREATE TABLE a (v {column}); CREATE TABLE b (v {column})")
    server.execute(target, f"INSERT INTO a VALUES ({one}), (NULL); INSERT INTO b VALUES ({other}), (NULL)")
    taken = await take(target, repository)
    assert taken.fingerprint("public.a") != taken.fingerprint("public.b")


async def test_fingerprints_do_not_depend_on_where_rows_lie(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TYPE mood AS ENUM ('sad', 'fine'); CREATE TABLE a (i int, m mood, n numeric);"
        "INSERT INTO a SELECT i, CASE i % 2 WHEN 0 THEN 'sad' ELSE 'fine' END::mood, i / 3.0 FROM generate_series(1, 500) i;"
        "CREATE TABLE b (n numeric, m mood, i int); INSERT INTO b SELECT n, m, i FROM a ORDER BY random()",
    )
    taken = await take(target, repository)
    assert taken.fingerprint("public.a") == taken.fingerprint("public.b")


async def test_settings_of_the_role_do_not_change_values(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    role = "careless"
    server.execute(
        target,
        "CREATE TABLE t AS SELECT 0.1::float8 + 0.2::float8 AS f, '2026-11-23'::date AS d, '1 day'::interval AS i,"
        " '\\x00ff'::bytea AS b, '2026-11-23 12:00+00'::timestamptz AS z",
    )
    server.execute("postgres", f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} SUPERUSER LOGIN")
    for setting in (
        "extra_float_digits = 0",
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'sql_standard'",
        "bytea_output = 'escape'",
        "timezone = 'Asia/Tokyo'",
        "search_path = 'nowhere'",
        "statement_timeout = '1s'",
        "row_security = on",
        "standard_conforming_strings = off",
    ):
        server.execute("postgres", f"ALTER ROLE {role} SET {setting}")
    try:
        careless = await take(server.target(name_of(target), role=role), repository)
        careful = await take(target, repository)
        assert b"0.30000000000000004\t2026-11-23\t1 day\t\\\\x00ff\t2026-11-23 12:00:00+00\n" in careless.document
        assert careless.fingerprint("public.t") == careful.fingerprint("public.t")
    finally:
        server.execute("postgres", f"DROP ROLE {role}")


async def test_row_level_security_is_an_error_not_fewer_rows(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    role = "watched"
    server.execute("postgres", f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")
    server.execute(
        target,
        f"CREATE TABLE t AS SELECT generate_series(1, 1000) AS i; GRANT SELECT ON t TO {role};"
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON t USING (i <= 100)",
    )
    try:
        with pytest.raises(PrivilegeError) as failure:
            await take(server.target(name_of(target), role=role), repository)
        assert "row-level security" in failure.value.message + str(failure.value.detail)
        assert "BYPASSRLS" in (failure.value.remedy or "")
        assert LocalRepository(repository).ids() == []
    finally:
        server.execute(target, f"DROP OWNED BY {role}")
        server.execute("postgres", f"DROP ROLE {role}")


async def test_missing_privilege_names_the_table(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    role = "stranger"
    server.execute("postgres", f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")
    server.execute(target, "CREATE TABLE payroll AS SELECT 1 AS i")
    try:
        with pytest.raises(PrivilegeError, match="payroll"):
            await take(server.target(name_of(target), role=role), repository)
    finally:
        server.execute("postgres", f"DROP ROLE {role}")


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


async def test_special_tables(any_server: TestServer, repository: RepositoryTarget) -> None:
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(
        target,
        "CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;"
        "CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'grey'); CREATE TABLE spread (c colour, i int)"
        " PARTITION BY HASH (c);"
        "CREATE TABLE spread_0 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE spread_1 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO spread SELECT (enum_range(NULL::colour))[1 + i % 4], i FROM generate_series(1, 40) i;"
        "CREATE UNLOGGED TABLE scratch AS SELECT generate_series(1, 5) AS i;"
        "CREATE TABLE dropped (a int, b int, c int); INSERT INTO dropped VALUES (1, 2, 3); ALTER TABLE dropped DROP COLUMN b",
    )
    taken = await take(target, repository)
    carried = {table.name: table.carried_by for table in taken.manifest.tables}
    assert carried["spread_0"] == carried["spread_1"] == "archive"
    assert carried["nothing"] == "segments"
    assert taken.rows("public.nothing") == 2
    assert taken.summary.rows == 2 + 40 + 5 + 1
    assert {table.loaded_through for table in taken.manifest.tables if table.carried_by == "archive"} == {
        "public.spread"
    }
    assert leaves_together(restored(any_server, taken)) == leaves_together(any_server.fingerprint(target))


def leaves_together(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """An enum hashes by its oid, which a restore changes: rows move between the leaves, none is lost."""
    leaves = [fingerprint["tables"].pop(f"public.spread_{number}") for number in range(2)]
    fingerprint["tables"]["public.spread"] = [sum(leaf[0] for leaf in leaves), sum(int(leaf[1]) for leaf in leaves)]
    return fingerprint


def name_of(target: DatabaseTarget) -> str:
    """The database's name on the server."""
    return str(psycopg.conninfo.conninfo_to_dict(target.conninfo)["dbname"])


async def test_least_privilege_role_backs_up_everything(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.load_corpus("pagila")
    role = "backup_only"
    server.execute(
        "postgres",
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 'hidden'; GRANT pg_read_all_data TO {role};"
        f"ALTER ROLE {role} SET default_transaction_read_only = on",
    )
    try:
        taken = await take(server.target(name_of(target), role=role), repository)
        assert restored(server, taken) == server.fingerprint(target)
        assert "SCRAM-SHA-256$" in (taken.directory / "globals.sql").read_text()
        assert taken.manifest.warnings == ()
    finally:
        server.execute("postgres", f"DROP ROLE {role}")


def wait_for_archive(server: TestServer, repository: RepositoryTarget) -> None:
    """Until pg_dump is done: it has written its file, which it does last, and is gone from the server."""
    until = time.monotonic() + 30
    while not any(
        archive.stat().st_size for archive in Path(repository.location).glob("*/archive.dump")
    ) or server.execute("postgres", "SELECT FROM pg_stat_activity WHERE application_name LIKE '%backup archive'"):
        assert time.monotonic() < until
        time.sleep(0.01)


async def test_sequences_that_move_meanwhile(server: TestServer, repository: RepositoryTarget) -> None:
    """The archive holds a value between the first reading and the last; a dropped sequence does not end the run."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE SEQUENCE moving; CREATE SEQUENCE leaving; SELECT nextval('moving'); CREATE TABLE t AS SELECT 1 AS i",
    )

    def move(event: Event) -> None:
        if isinstance(event, TableProgress) and event.done:
            wait_for_archive(server, repository)
            server.execute(target, "SELECT nextval('moving') FROM generate_series(1, 5); DROP SEQUENCE leaving")

    taken = await take(target, repository, on_event=move)
    (state,) = taken.manifest.sequences
    assert (state.name, state.last_value, state.moved_from) == ("moving", 6, 1)


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


async def test_configuration_tables_of_extensions_are_locked(server: TestServer, repository: RepositoryTarget) -> None:
    """Left to pg_dump, but behind the same locks: a TRUNCATE after the snapshot would leave nothing, without an error."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE EXTENSION hstore; CREATE TABLE settings (i int); INSERT INTO settings SELECT generate_series(1, 1000);"
        "ALTER EXTENSION hstore ADD TABLE settings;"
        "UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass::oid], extcondition = ARRAY['']"
        " WHERE extname = 'hstore'",
    )
    refused: list[type[Exception]] = []

    def truncate_once_locked(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading":
            try:
                server.execute(target, "SET lock_timeout = '200ms'; TRUNCATE settings")
            except psycopg.errors.LockNotAvailable as error:
                refused.append(type(error))

    taken = await take(target, repository, on_event=truncate_once_locked)
    assert refused
    (table,) = taken.manifest.tables
    assert (table.rows, table.carried_by, table.fingerprint) == (1000, "archive", None)
    assert taken.document.count(b"\n1000\n") == 1


@pytest.mark.parametrize("column", ["c colour", "c colour[]", "c pair"])
async def test_type_that_changes_meanwhile(server: TestServer, repository: RepositoryTarget, column: str) -> None:
    """A table's lock does not keep its enum's labels; COPY writes the new ones, pg_dump defines the old ones."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE TYPE colour AS ENUM ('red', 'green'); CREATE TYPE pair AS (a int, b colour);"
        f"CREATE TABLE t (i int, {column}); INSERT INTO t (i) SELECT generate_series(1, 10)",
    )
    renamed: list[bool] = []

    def rename_once(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading" and not renamed:
            renamed.append(True)
            server.execute(target, "ALTER TYPE colour RENAME VALUE 'red' TO 'crimson'")

    taken = await take(target, repository, on_event=rename_once)
    assert any(isinstance(event, Warned) and "starting again" in event.message for event in taken.events)
    assert b"'crimson'" in taken.document
    assert restored(server, taken) == server.fingerprint(target)


async def test_hash_partitions_by_an_expression_of_an_enum(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TYPE colour AS ENUM ('red', 'green', 'blue'); CREATE TABLE spread (c colour, i int)"
        " PARTITION BY HASH ((COALESCE(c, 'red'::colour)));"
        "CREATE TABLE spread_0 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE spread_1 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO spread SELECT (enum_range(NULL::colour))[1 + i % 3], i FROM generate_series(1, 60) i",
    )
    taken = await take(target, repository)
    assert leaves_together(restored(server, taken)) == leaves_together(server.fingerprint(target))


async def test_warnings_of_client_tools_are_kept(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.load_corpus("pagila")
    role = "no_subscriptions"
    server.execute(
        "postgres",
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN BYPASSRLS; GRANT pg_read_all_data TO {role}",
    )
    server.execute(
        target,
        "CREATE SUBSCRIPTION elsewhere CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE)",
    )
    try:
        taken = await take(server.target(name_of(target), role=role), repository)
        assert any("subscription" in warning for warning in taken.manifest.warnings)
    finally:
        server.execute(target, "DROP SUBSCRIPTION elsewhere")
        server.execute("postgres", f"DROP ROLE {role}")


async def test_what_a_person_should_know(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    assert "the database has no tables" in (await take(target, repository)).manifest.warnings
    server.execute(
        target,
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f (i int) SERVER s;"
        "CREATE TABLE prices (p money)",
    )
    warnings = "\n".join((await take(target, repository)).manifest.warnings)
    assert "foreign tables" in warnings
    assert "lc_monetary" in warnings


@pytest.mark.parametrize("seconds", [float("nan"), -1.0, 0.0, 1e9])
async def test_impossible_lock_timeouts(server: TestServer, repository: RepositoryTarget, seconds: float) -> None:
    with pytest.raises(UsageError, match="lock timeout"):
        await take(server.create_database(), repository, lock_timeout_seconds=seconds)
