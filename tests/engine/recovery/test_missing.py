"""Tables that are gone, made again: beside what has taken their names meanwhile, and as partitions of what stands."""

from __future__ import annotations

import pytest

from pantry_tui.errors import RestoreError
from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, RepositoryTarget, RollbackRequest, RollbackResult, Strategy
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import take
from tests.engine.recovery.portrait import portrait
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

SALES = """
CREATE TABLE orders (id bigserial PRIMARY KEY, code int GENERATED ALWAYS AS IDENTITY, total numeric);
CREATE INDEX by_total ON orders (total);
CREATE TABLE order_items (id int PRIMARY KEY, placed bigint CONSTRAINT order_items_order_fkey REFERENCES orders);
INSERT INTO orders (total) SELECT i FROM generate_series(1, 20) i;
INSERT INTO order_items SELECT i, i FROM generate_series(1, 20) i;
"""
MEASUREMENTS = """
CREATE TABLE customers (id int PRIMARY KEY);
CREATE TABLE log (said text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.log VALUES (TG_TABLE_NAME || ' ' || TG_NAME); RETURN NEW; END $$;
CREATE TABLE m (id bigserial, day date NOT NULL, customer int REFERENCES customers, PRIMARY KEY (id, day))
    PARTITION BY RANGE (day);
CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE INDEX ON m (customer);
INSERT INTO customers SELECT generate_series(1, 10);
INSERT INTO m (day, customer) SELECT date '2026-01-01' + i % 59, 1 + i % 10 FROM generate_series(0, 117) i;
CREATE TRIGGER tell AFTER INSERT ON m FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TABLE refs (id bigint PRIMARY KEY, day date, FOREIGN KEY (id, day) REFERENCES m);
CREATE VIEW january AS SELECT * FROM m1;
"""
OTHER_KEY = """
CREATE TABLE other (i int PRIMARY KEY);
TRUNCATE order_items;
ALTER TABLE order_items ADD CONSTRAINT order_items_order_fkey FOREIGN KEY (placed) REFERENCES other;
"""
ATTACHED = """
SELECT inhparent::regclass::text, inhrelid::regclass::text FROM pg_inherits ORDER BY 1, 2
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), convalidated FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND (conparentid = 0 OR conrelid <> 'refs'::regclass)
ORDER BY 1, 2
"""  # parts of a key to a partitioned table, one for each partition, the server names as it likes
# Up to release 14 what a partition has of its root's triggers counts as internal.
TRIGGERS = """
SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger
WHERE NOT tgisinternal OR tgparentid <> 0 AND tgconstraint = 0 ORDER BY 1, 2
"""


async def undo(target: DatabaseTarget, recovery_id: str) -> RollbackResult:
    return await roll_back(RollbackRequest(target=target, undo=recovery_id), ignore)


@pytest.fixture
async def sales(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, SALES)
    await take(target, repository)
    return target


@pytest.fixture
async def measurements(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, MEASUREMENTS)
    await take(target, repository)
    return target


@pytest.mark.parametrize("dry_run", [False, pytest.param(True, marks=pytest.mark.slow)])
async def test_what_a_renamed_table_still_holds_is_in_the_way(
    server: TestServer, sales: DatabaseTarget, repository: RepositoryTarget, dry_run: bool
) -> None:
    server.execute(sales, "ALTER TABLE orders RENAME TO orders_old")
    before = portrait(server, sales)
    with pytest.raises(RestoreError, match=r"in the way of what belongs to them") as refusal:
        await restore(sales, repository, tables=("public.orders",), dry_run=dry_run)
    assert "sequence public.orders_id_seq" in str(refusal.value)
    assert portrait(server, sales) == before


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("ALTER SEQUENCE orders_id_seq RENAME TO x; ALTER SEQUENCE orders_code_seq RENAME TO y", "orders_pkey"),
        ("DROP TABLE orders CASCADE; CREATE TABLE by_total ()", "index public.by_total"),
        ("DROP TABLE orders CASCADE; CREATE TABLE other (i int CONSTRAINT orders_pkey PRIMARY KEY)", "orders_pkey"),
        ("DROP TABLE orders CASCADE; CREATE SEQUENCE orders_code_seq", "sequence public.orders_code_seq"),
        (f"DROP TABLE orders CASCADE; {OTHER_KEY}", "order_items_order_fkey"),
    ],
)
async def test_each_thing_in_the_way_is_named(
    server: TestServer, sales: DatabaseTarget, repository: RepositoryTarget, damage: str, named: str
) -> None:
    server.execute(sales, damage)
    if server.execute(sales, "SELECT to_regclass('orders') IS NOT NULL") == [(True,)]:
        server.execute(sales, "ALTER TABLE orders RENAME TO orders_old")
    before = portrait(server, sales)
    with pytest.raises(RestoreError, match="in the way") as refusal:
        await restore(sales, repository, tables=("public.orders",))
    assert named in str(refusal.value)
    assert portrait(server, sales) == before


@pytest.mark.slow
async def test_a_sequence_that_nobody_owns_is_used(
    server: TestServer, sales: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute(sales, "ALTER SEQUENCE orders_id_seq OWNED BY NONE; DROP TABLE orders CASCADE")
    await restore(sales, repository, tables=("public.orders",))
    assert server.execute(sales, "INSERT INTO orders (total) VALUES (1) RETURNING id, code") == [(21, 21)]
    assert server.execute(sales, "SELECT pg_get_serial_sequence('orders', 'id')") == [("public.orders_id_seq",)]


async def test_a_partition_that_was_dropped_comes_back_as_one(
    server: TestServer, measurements: DatabaseTarget, repository: RepositoryTarget
) -> None:
    states = [server.execute(measurements, query) for query in (ATTACHED, CONSTRAINTS, TRIGGERS)]
    rows = server.execute(measurements, "SELECT * FROM m ORDER BY id")
    server.execute(measurements, "DROP TABLE m1 CASCADE; INSERT INTO refs SELECT id, day FROM m2 LIMIT 1")
    result = await restore(measurements, repository, tables=("public.m1",))
    assert result.warnings == ()
    assert server.execute(measurements, "SELECT * FROM m ORDER BY id") == rows
    assert server.execute(measurements, "SELECT count(*) FROM log") == [(0,)], "no trigger has acted"
    assert [server.execute(measurements, query) for query in (ATTACHED, CONSTRAINTS, TRIGGERS)] == states
    assert server.execute(measurements, "SELECT count(*) FROM january") == [(62,)]
    assert server.execute(measurements, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    await undo(measurements, result.id)
    assert server.execute(measurements, "SELECT count(*) FROM m") == [(56,)]


async def test_its_rows_are_checked_against_what_was_exchanged(
    server: TestServer, measurements: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute(
        measurements,
        "INSERT INTO refs SELECT id, day FROM m1 LIMIT 1",
    )
    taken = await take(measurements, repository)
    server.execute(
        measurements,
        "TRUNCATE refs; DROP TABLE m1 CASCADE; DELETE FROM m2 WHERE customer = 3; DELETE FROM customers WHERE id = 3",
    )
    with pytest.raises(RestoreError, match=r"m_customer_fkey"):
        await restore(measurements, repository, backup_id=taken.summary.id, tables=("public.m1",))
    both = ("public.m1", "public.customers", "public.refs")
    await restore(measurements, repository, backup_id=taken.summary.id, tables=both, strategy=Strategy.MERGE)
    assert server.execute(measurements, "SELECT count(*) FROM m1 JOIN customers c ON c.id = customer") == [(62,)]
    assert server.execute(measurements, "SELECT count(*) FROM refs") == [(1,)]
    assert server.execute(measurements, TRIGGERS) == [("m", "tell", "O"), ("m1", "tell", "O"), ("m2", "tell", "O")]


async def test_a_partitioned_table_comes_back_whole(
    server: TestServer, measurements: DatabaseTarget, repository: RepositoryTarget
) -> None:
    states = [server.execute(measurements, query) for query in (ATTACHED, CONSTRAINTS, TRIGGERS)]
    rows = server.execute(measurements, "SELECT * FROM m ORDER BY id")
    server.execute(measurements, "DROP TABLE m CASCADE")
    result = await restore(measurements, repository, tables=("public.m",))
    assert result.warnings == ()
    assert server.execute(measurements, "SELECT * FROM m ORDER BY id") == rows
    assert [server.execute(measurements, query) for query in (ATTACHED, CONSTRAINTS, TRIGGERS)] == states
    assert server.execute(measurements, "SELECT count(*) FROM log") == [(0,)]
    await undo(measurements, result.id)
    assert server.execute(measurements, "SELECT to_regclass('m'), to_regclass('m1')") == [(None, None)]


@pytest.mark.slow
async def test_names_with_blanks_are_undone_too(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        'CREATE TABLE customers (id int PRIMARY KEY); CREATE TABLE "Order" (id int); CREATE TABLE "Order Items" '
        '(customer int CONSTRAINT "a key" REFERENCES customers); INSERT INTO customers VALUES (1);'
        'INSERT INTO "Order Items" VALUES (1)',
    )
    await take(target, repository)
    server.execute(target, "DROP TABLE customers CASCADE")
    before = portrait(server, target)
    result = await restore(target, repository, tables=("public.customers",))
    keys = "SELECT conname::text FROM pg_constraint WHERE contype = 'f'"
    assert server.execute(target, keys) == [("a key",)]
    await undo(target, result.id)
    assert server.execute(target, keys) == []
    assert portrait(server, target) == before
