"""Hazards of group C of docs/hazards.md: tables and columns."""

from __future__ import annotations

import psycopg
import pytest

from pantry_tui.events import Event, PhaseStarted
from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.hazards.conftest import ThereAndBack
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer


async def test_generated_columns_are_computed_anew(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (a int, twice int GENERATED ALWAYS AS (a * 2) STORED, b text); INSERT INTO t VALUES (4, DEFAULT, 'x')"
    )
    assert trip.taken.manifest.tables[0].columns == ("a", "b")
    assert trip.comes_back("SELECT * FROM t") == [(4, 8, "x")]


async def test_identity_goes_on_where_it_was(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5), v int);"
        "INSERT INTO t (v) VALUES (1), (2); INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (7, 3)"
    )
    assert trip.comes_back("SELECT id FROM t ORDER BY id") == [(7,), (100,), (105,)]
    assert trip.execute("INSERT INTO t (v) VALUES (4) RETURNING id") == [(110,)]


async def test_dropped_columns(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (a int, b int, c int); INSERT INTO t VALUES (1, 2, 3); ALTER TABLE t DROP COLUMN a;"
        "ALTER TABLE t ADD COLUMN a int DEFAULT 9"
    )
    assert trip.comes_back("SELECT a, b, c FROM t") == [(9, 2, 3)]


async def test_columns_of_heirs_may_change_their_order(any_server: TestServer, repository: RepositoryTarget) -> None:
    """Rows are compared by the names of columns: pg_dump's own order differs after a restore."""
    source = any_server.create_database()
    any_server.execute(
        source,
        "CREATE TABLE parent (a int, b int); CREATE TABLE heir (own text) INHERITS (parent);"
        "ALTER TABLE parent ADD COLUMN late int; INSERT INTO heir (a, b, own, late) VALUES (1, 2, 'x', 3)",
    )
    await take(source, repository)
    new = any_server.drop_after_test("heirs in order")
    assert (await restore(new, repository)).validation.equal
    query = "SELECT attname::text FROM pg_attribute WHERE attrelid = 'heir'::regclass AND attnum > 0 ORDER BY attnum"
    assert any_server.execute(source, query) != any_server.execute(new, query)
    assert any_server.execute(new, "SELECT a, b, own, late FROM heir") == [(1, 2, "x", 3)]


async def test_1600_columns(there_and_back: ThereAndBack) -> None:
    columns = ", ".join(f"c{number} bool" for number in range(1600))
    trip = await there_and_back(f"CREATE TABLE wide ({columns}); INSERT INTO wide (c0, c1599) VALUES (true, false)")
    assert trip.comes_back("SELECT c0, c1, c1599 FROM wide") == [(True, None, False)]


async def test_rows_without_a_key_may_be_twins(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 3)")
    assert trip.taken.rows("public.t") == 3


async def test_partitions_of_partitions_with_other_column_orders_and_a_default(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE m (k int, region text, v int) PARTITION BY LIST (region);"
        "CREATE TABLE north (v int, gone int, region text, k int) PARTITION BY RANGE (k); ALTER TABLE north DROP COLUMN gone;"
        "ALTER TABLE m ATTACH PARTITION north FOR VALUES IN ('n');"
        "CREATE TABLE north_low (region text, k int, v int); ALTER TABLE north ATTACH PARTITION north_low"
        " FOR VALUES FROM (0) TO (10); CREATE TABLE north_rest PARTITION OF north DEFAULT;"
        "CREATE TABLE other PARTITION OF m DEFAULT; INSERT INTO m VALUES (1, 'n', 10), (50, 'n', 20), (2, 's', 30)"
    )
    assert trip.comes_back("SELECT tableoid::regclass::text, k, region, v FROM m ORDER BY v") == [
        ("north_low", 1, "n", 10),
        ("north_rest", 50, "n", 20),
        ("other", 2, "s", 30),
    ]
    rows = {table.name: table.rows for table in trip.taken.manifest.tables if table.rows}
    assert rows == {"north_low": 1, "north_rest": 1, "other": 1}


@pytest.mark.parametrize(
    "statement", ["ALTER TABLE m DETACH PARTITION leaf", "ALTER TABLE m ATTACH PARTITION more DEFAULT"]
)
async def test_partitions_cannot_come_or_go_meanwhile(
    server: TestServer, repository: RepositoryTarget, statement: str
) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE m (k int) PARTITION BY LIST (k); CREATE TABLE leaf PARTITION OF m FOR VALUES IN (1);"
        "CREATE TABLE more (k int); INSERT INTO m VALUES (1)",
    )
    refused: list[str] = []

    def change(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "reading":
            try:
                server.execute(source, f"SET lock_timeout = '200ms'; {statement}")
            except psycopg.errors.LockNotAvailable as error:
                refused.append(str(error.diag.message_primary))

    taken = await take(source, repository, on_event=change)
    assert len(refused) == 1
    assert taken.rows("public.leaf") == 1


async def test_several_parents(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE a (i int); CREATE TABLE b (j int); CREATE TABLE ab () INHERITS (a, b); INSERT INTO a VALUES (1);"
        "INSERT INTO b VALUES (2); INSERT INTO ab VALUES (3, 4)"
    )
    assert trip.taken.summary.rows == 3
    assert trip.comes_back("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)") == [(2, 2)]


async def test_unlogged_tables_have_their_rows_and_stay_unlogged(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back("CREATE UNLOGGED TABLE scratch AS SELECT 1 AS i")
    (table,) = trip.taken.manifest.tables
    assert (table.persistence, table.rows) == ("u", 1)


async def test_temporary_tables_are_never_there(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    with server.connect(source) as other:
        other.execute("CREATE TEMPORARY TABLE passing AS SELECT 1 AS i; CREATE TEMPORARY SEQUENCE fleeting")
        taken = await take(source, repository)
    assert [table.name for table in taken.manifest.tables] == ["t"]
    assert b"passing" not in taken.document


async def test_views_in_a_circle_and_with_options(there_and_back: ThereAndBack) -> None:
    await there_and_back(
        "CREATE TABLE t (a int); CREATE VIEW one AS SELECT a FROM t; CREATE VIEW two AS SELECT a FROM one;"
        "CREATE OR REPLACE VIEW one AS SELECT a FROM two; CREATE VIEW safe WITH (security_barrier) AS SELECT a FROM t;"
        "CREATE VIEW asking WITH (security_invoker = true) AS SELECT a FROM t"
    )


async def test_rules_change_no_rows(there_and_back: ThereAndBack) -> None:
    """COPY passes rules by, and they are made only when the rows are there."""
    trip = await there_and_back(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE TABLE log (a int);"
        "CREATE RULE elsewhere AS ON INSERT TO t DO INSTEAD INSERT INTO log VALUES (NEW.a)"
    )
    assert trip.comes_back("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM log)") == [(1, 0)]


async def test_statistics_objects(there_and_back: ThereAndBack) -> None:
    await there_and_back(
        "CREATE TABLE t (a int, b int); INSERT INTO t SELECT i, i % 3 FROM generate_series(1, 100) i;"
        "CREATE STATISTICS s (dependencies, mcv) ON a, b FROM t; ALTER STATISTICS s SET STATISTICS 300; ANALYZE"
    )


async def test_storage_cluster_and_replica_identity(there_and_back: ThereAndBack) -> None:
    await there_and_back(
        "CREATE TABLE t (a int PRIMARY KEY, b text COMPRESSION pglz) WITH (fillfactor = 70,"
        " autovacuum_enabled = false, toast.autovacuum_enabled = false); CREATE UNIQUE INDEX u ON t (a) WITH (fillfactor = 50);"
        "ALTER TABLE t ALTER b SET STORAGE EXTERNAL; ALTER TABLE t REPLICA IDENTITY USING INDEX u;"
        "ALTER TABLE t CLUSTER ON t_pkey;"
        "ALTER TABLE t ALTER a SET STATISTICS 500; ALTER TABLE t ALTER b SET (n_distinct = 7);"
        "CREATE TABLE f (a int); ALTER TABLE f REPLICA IDENTITY FULL; INSERT INTO t VALUES (1, repeat('x', 10000))"
    )


async def test_policies_and_their_flags(there_and_back: ThereAndBack) -> None:
    await there_and_back(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
        "ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t AS RESTRICTIVE FOR SELECT TO pg_monitor USING (a > 1);"
        "CREATE POLICY q ON t FOR INSERT WITH CHECK (a < 5)"
    )


async def test_a_stale_view_is_refreshed_and_an_empty_one_stays_empty(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    source = any_server.create_database()
    any_server.execute(
        source,
        "CREATE TABLE t AS SELECT 1 AS i; CREATE MATERIALIZED VIEW stale AS SELECT count(*) AS n FROM t;"
        "CREATE MATERIALIZED VIEW above AS SELECT n FROM stale; CREATE MATERIALIZED VIEW never AS SELECT 1 AS i WITH NO DATA;"
        "INSERT INTO t VALUES (2)",
    )
    await take(source, repository)
    new = any_server.drop_after_test("fresh")
    events: list[Event] = []
    await restore(new, repository, on_event=events.append)
    assert any_server.execute(source, "SELECT n FROM above") == [(1,)]
    assert any_server.execute(new, "SELECT n FROM above") == [(2,)]
    assert any_server.execute(new, "SELECT relispopulated FROM pg_class WHERE relname = 'never'") == [(False,)]
    assert any("2 materialized views were refreshed" in str(event) for event in events)
