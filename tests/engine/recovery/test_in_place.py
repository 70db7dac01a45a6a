"""Recoveries in place: replace, merge and append, against what they say they do."""

from __future__ import annotations

import pytest

from pantry_tui.errors import LockTimeoutError, NotFoundError, RefusedError, RestoreError
from pantry_tui.events import ignore
from pantry_tui.models import (
    BackupKind,
    DatabaseTarget,
    ReleaseRequest,
    RepositoryTarget,
    RestoredTable,
    RestoreResult,
    RollbackRequest,
    RollbackResult,
    Strategy,
)
from pantry_tui.recovery.undoing import release, roll_back
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer

SHOP = """
CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, name text NOT NULL,
    updated_at timestamptz DEFAULT now(), loud text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, total numeric);
CREATE TABLE notes (body json, at int);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := 'infinity'; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER off BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER always BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE customers DISABLE TRIGGER USER;
INSERT INTO customers (email, name, updated_at) SELECT i || '@x', 'c' || i, '2026-01-01' FROM generate_series(1, 100) i;
INSERT INTO orders (customer, total) SELECT 1 + i % 100, i::numeric / 4 FROM generate_series(1, 1000) i;
INSERT INTO notes SELECT '{"a": 1, "a": 2}', i / 2 FROM generate_series(1, 10) i;
ALTER TABLE customers ENABLE TRIGGER touch;
ALTER TABLE customers ENABLE ALWAYS TRIGGER always;
CREATE RULE quiet AS ON INSERT TO orders DO INSTEAD NOTHING;
ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;
CREATE POLICY none ON customers USING (false);
"""
DAMAGE = """
SET session_replication_role = replica;
DELETE FROM customers WHERE id <= 10;
UPDATE customers SET name = 'wrong' WHERE id BETWEEN 11 AND 15;
INSERT INTO customers (email, name) VALUES ('new@x', 'new');
DELETE FROM notes WHERE at = 1;
INSERT INTO notes VALUES ('{}', 99);
"""


@pytest.fixture
async def shop(any_server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    """A shop that was backed up and then damaged."""
    target = any_server.create_database()
    any_server.execute(target, SHOP)
    await take(target, repository)
    any_server.execute(target, DAMAGE)
    return target


def effects(result: RestoreResult) -> dict[str, tuple[int, int, int, int]]:
    def effect(table: RestoredTable) -> tuple[int, int, int, int]:
        return table.inserted, table.updated, table.deleted, table.unchanged

    return {table.name: effect(table) for table in result.tables}


async def test_replace_makes_the_tables_what_the_backup_says(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    result = await restore(shop, repository, tables=("public.customers", "public.notes"))
    assert effects(result) == {"customers": (10, 5, 1, 85), "notes": (2, 0, 1, 8)}
    assert any_server.execute(shop, "SELECT count(*), min(updated_at)::date::text FROM customers") == [
        (100, "2026-01-01")
    ]
    assert any_server.execute(shop, "SELECT count(*) FROM orders") == [(1000,)]
    assert result.checkpoint is not None
    states = "SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
    assert any_server.execute(shop, states) == [("always", "A"), ("off", "D"), ("touch", "O")]
    assert any_server.execute(shop, "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'customers'") == [(True,)]


async def test_merge_leaves_what_the_backup_does_not_know(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    result = await restore(shop, repository, tables=("public.customers",), strategy=Strategy.MERGE)
    assert effects(result) == {"customers": (10, 5, 0, 85)}
    assert any_server.execute(shop, "SELECT count(*) FROM customers WHERE name IN ('new', 'wrong')") == [(1,)]
    with pytest.raises(RestoreError, match=r"public\.notes has no key to merge by"):
        await restore(shop, repository, tables=("public.notes",), strategy=Strategy.MERGE)


async def test_append_touches_nothing_that_is_there(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    result = await restore(shop, repository, tables=("public.customers", "public.notes"), strategy=Strategy.APPEND)
    assert effects(result) == {"customers": (10, 0, 0, 90), "notes": (2, 0, 0, 8)}
    assert any_server.execute(shop, "SELECT count(*) FROM customers WHERE name = 'wrong'") == [(5,)]


async def test_dry_run_tells_and_changes_nothing(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    state = "SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM customers c"
    before = any_server.execute(shop, state)
    result = await restore(shop, repository, tables=("public.customers",), dry_run=True)
    assert effects(result) == {"customers": (10, 5, 1, 85)}
    assert (result.dry_run, result.checkpoint) == (True, None)
    assert any_server.execute(shop, state) == before
    assert any_server.execute(shop, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pantry%'") == [(0,)]


async def test_rows_that_refer_to_what_goes_are_shown(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    any_server.execute(shop, "DROP RULE quiet ON orders; INSERT INTO orders (customer) SELECT max(id) FROM customers")
    state = "SELECT md5(string_agg(c::text, '' ORDER BY id)) FROM customers c"
    before = any_server.execute(shop, state)
    result = await restore(shop, repository, tables=("public.customers",), dry_run=True)
    (violation,) = result.violations
    assert "public.orders breaks orders_customer_fkey: 1 rows" in violation
    assert "(101)" in violation
    with pytest.raises(RestoreError, match="break 1 constraints"):
        await restore(shop, repository, tables=("public.customers",))
    assert any_server.execute(shop, state) == before


class TestRollback:
    STATE = "SELECT md5(string_agg(c::text, '' ORDER BY c::text)) FROM {} c"

    async def test_brings_back_what_was_there(
        self, any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        names = ("customers", "notes", "orders")
        before = [any_server.execute(shop, self.STATE.format(name)) for name in names]
        done = await restore(shop, repository, tables=("public.customers", "public.notes"))
        assert [any_server.execute(shop, self.STATE.format(name)) for name in names] != before
        undone = await undo(shop, done.id)
        assert [any_server.execute(shop, self.STATE.format(name)) for name in names] == before
        customers, notes = undone.tables
        assert (customers.inserted, customers.updated, customers.deleted) == (1, 5, 10)
        assert (notes.inserted, notes.updated, notes.deleted) == (1, 0, 2)

    async def test_twice_is_once_and_can_itself_be_undone(
        self, any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        done = await restore(shop, repository, tables=("public.customers",))
        after = any_server.execute(shop, self.STATE.format("customers"))
        first = await undo(shop, done.id)
        before = any_server.execute(shop, self.STATE.format("customers"))
        again = await undo(shop, done.id)
        assert (again.already, again.tables) == (first.id, ())
        assert any_server.execute(shop, self.STATE.format("customers")) == before
        await undo(shop, first.id)
        assert any_server.execute(shop, self.STATE.format("customers")) == after

    async def test_changes_since_are_shown_and_kept(
        self, any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        done = await restore(shop, repository, tables=("public.customers",))
        any_server.execute(
            shop,
            "SET session_replication_role = replica; INSERT INTO customers (email, name) VALUES ('late@x', 'late');"
            "UPDATE customers SET name = 'again' WHERE id IN (3, 60)",
        )
        with pytest.raises(RefusedError, match=r"public\.customers \(100 rows then, 101 now\)"):
            await undo(shop, done.id)
        result = await undo(shop, done.id, force=True)
        assert result.warnings
        names = "SELECT string_agg(name, ',' ORDER BY name) FROM customers WHERE name IN ('late', 'again', 'new', 'c3')"
        assert any_server.execute(shop, names) == [("again,late,new",)]  # c3 was the recovery's, 60 was not

    async def test_release_lets_go(
        self, any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        done = await restore(shop, repository, tables=("public.customers",))
        released = await release(ReleaseRequest(target=shop, undo=done.id), ignore)
        assert (released.tables, released.rows) == (("public.customers",), 6 + 15)
        assert any_server.execute(shop, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pantry%'") == [(0,)]
        with pytest.raises(NotFoundError, match="has no checkpoint of recovery"):
            await undo(shop, done.id)

    async def test_altered_table_is_not_rolled_back_blindly(
        self, any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        done = await restore(shop, repository, tables=("public.customers",))
        any_server.execute(shop, "ALTER TABLE customers ADD COLUMN extra int")
        with pytest.raises(RestoreError, match=r"public\.customers was altered since the recovery"):
            await undo(shop, done.id)


async def test_checkpoint_that_somebody_else_made_is_none(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    done = await restore(shop, repository, tables=("public.customers",))
    any_server.execute("postgres", "DROP ROLE IF EXISTS forger; CREATE ROLE forger LOGIN")
    try:
        schema = done.checkpoint
        any_server.execute(shop, f"ALTER SCHEMA {schema} OWNER TO forger; ALTER TABLE {schema}.record OWNER TO forger")
        with pytest.raises(NotFoundError, match="has no checkpoint of recovery"):
            await undo(shop, done.id)
    finally:
        any_server.execute(shop, "DROP OWNED BY forger CASCADE; DROP ROLE forger")


async def test_dry_run_of_rows_alone_changes_nothing(any_server: TestServer, repository: RepositoryTarget) -> None:
    target = any_server.create_database()
    any_server.execute(target, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
    await take(target, repository, kind=BackupKind.DATA)
    any_server.execute(target, "DELETE FROM t WHERE id = 1")
    result = await restore(target, repository, dry_run=True, swap=True)
    assert effects(result) == {"t": (1, 0, 0, 1)}
    assert any_server.execute(target, "SELECT count(*) FROM t") == [(1,)]


async def undo(target: DatabaseTarget, recovery_id: str, *, force: bool = False) -> RollbackResult:
    return await roll_back(RollbackRequest(target=target, undo=recovery_id, force=force), ignore)


async def test_added_column_keeps_its_values(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    any_server.execute(
        shop,
        "SET session_replication_role = replica; ALTER TABLE customers ADD COLUMN tier text DEFAULT 'none';"
        "UPDATE customers SET tier = 'gold' WHERE id BETWEEN 12 AND 20",
    )
    result = await restore(shop, repository, tables=("public.customers",))
    assert effects(result) == {"customers": (10, 5, 1, 85)}
    tiers = "SELECT tier, count(*) FROM customers GROUP BY 1 ORDER BY 1"
    assert any_server.execute(shop, tiers) == [("gold", 9), ("none", 91)]


async def test_dropped_column_is_refused(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    any_server.execute(shop, "ALTER TABLE customers DROP COLUMN email")
    with pytest.raises(RestoreError, match=r"public\.customers has no column email to write to"):
        await restore(shop, repository, tables=("public.customers",))


@pytest.mark.parametrize(
    ("strategy", "now", "effect", "left"),
    [
        (Strategy.REPLACE, 5, (0, 0, 2, 3), 3),
        (Strategy.REPLACE, 1, (2, 0, 0, 1), 3),
        (Strategy.APPEND, 1, (2, 0, 0, 1), 3),
        (Strategy.APPEND, 5, (0, 0, 0, 3), 5),
    ],
)
async def test_rows_of_a_table_without_columns(
    server: TestServer,
    repository: RepositoryTarget,
    strategy: Strategy,
    now: int,
    effect: tuple[int, ...],
    left: int,
) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE nothing (); INSERT INTO nothing SELECT FROM generate_series(1, 3)")
    await take(target, repository)
    server.execute(target, f"TRUNCATE nothing; INSERT INTO nothing SELECT FROM generate_series(1, {now})")
    result = await restore(target, repository, tables=("public.nothing",), strategy=strategy)
    assert effects(result) == {"nothing": effect}
    assert server.execute(target, "SELECT count(*) FROM nothing") == [(left,)]
    await undo(target, result.id)
    assert server.execute(target, "SELECT count(*) FROM nothing") == [(now,)]


async def test_values_that_rows_swap_do_not_collide(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    any_server.execute(
        shop,
        "SET session_replication_role = replica; UPDATE customers SET email = 'x' WHERE id = 20;"
        "UPDATE customers SET email = '20@x' WHERE id = 30; UPDATE customers SET email = '30@x' WHERE id = 20",
    )
    result = await restore(shop, repository, tables=("public.customers",), strategy=Strategy.MERGE)
    assert effects(result) == {"customers": (10, 7, 0, 83)}


async def test_rows_that_a_check_lets_stand_but_not_in(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE old (i int); INSERT INTO old VALUES (-1), (1)")
    server.execute(target, "ALTER TABLE old ADD CONSTRAINT positive CHECK (i > 0) NOT VALID")
    await take(target, repository)
    server.execute(target, "DELETE FROM old")
    (violation,) = (await restore(target, repository, tables=("public.old",), dry_run=True)).violations
    assert 'violates check constraint "positive" Failing row contains (-1)' in violation
    with pytest.raises(RestoreError, match="break 1 constraints"):
        await restore(target, repository, tables=("public.old",))
    assert server.execute(target, "SELECT count(*) FROM old") == [(0,)]
    server.execute(target, "INSERT INTO old VALUES (2)")
    into = server.drop_after_test(f"{target.name}_new")
    await restore(into, repository)
    assert server.execute(into, "SELECT i FROM old ORDER BY 1") == [(-1,), (1,)]


async def test_sequences_are_ahead_of_their_columns(any_server: TestServer, repository: RepositoryTarget) -> None:
    target = any_server.create_database()
    any_server.execute(target, "CREATE TABLE t (id serial PRIMARY KEY); INSERT INTO t DEFAULT VALUES")
    any_server.execute(target, "INSERT INTO t SELECT FROM generate_series(1, 99)")
    await take(target, repository)
    any_server.execute(target, "TRUNCATE t RESTART IDENTITY")
    await restore(target, repository, tables=("public.t",))
    assert any_server.execute(target, "INSERT INTO t DEFAULT VALUES RETURNING id") == [(101,)]


async def test_lock_that_is_not_free_ends_it(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    other = any_server.connect(shop, autocommit=False)
    other.execute("SELECT FROM customers LIMIT 1")
    with pytest.raises(LockTimeoutError):
        await restore(shop, repository, tables=("public.customers",), lock_timeout_seconds=0.2)


async def test_dry_run_of_a_whole_restore_leaves_no_database(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    before = databases(any_server)
    result = await restore(shop, repository, dry_run=True)
    assert (result.dry_run, result.validation.equal) == (True, True)
    assert databases(any_server) == before


class TestMissingTables:
    STRUCTURE = (
        "SELECT conname::text, pg_get_constraintdef(oid), convalidated FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'p', 'u') ORDER BY 1"
    )

    @pytest.fixture
    async def gone(self, any_server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
        """A shop whose customers somebody has dropped, with all that hangs on them."""
        target = any_server.create_database()
        any_server.execute(
            target,
            SHOP + "CREATE VIEW names AS SELECT name FROM customers; CREATE INDEX by_name ON customers (name);"
            "COMMENT ON TABLE customers IS 'people'; GRANT SELECT ON customers TO PUBLIC",
        )
        await take(target, repository)
        any_server.execute(target, "DROP TABLE customers CASCADE; DELETE FROM notes WHERE at = 1")
        return target

    async def test_come_back_with_all_that_went_with_them(
        self, any_server: TestServer, gone: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        before = any_server.execute(gone, self.STRUCTURE)
        result = await restore(gone, repository, tables=("public.customers", "public.notes"))
        assert [(table.name, table.created) for table in result.tables] == [("notes", False), ("customers", True)]
        assert result.warnings == ()
        names = [name for name, *_ in any_server.execute(gone, self.STRUCTURE)]
        assert names == ["customers_email_key", "customers_pkey", "orders_customer_fkey", "orders_pkey"]
        assert any_server.execute(gone, "SELECT count(*) FROM names") == [(100,)]
        facts = "SELECT obj_description('customers'::regclass), has_table_privilege('public', 'customers', 'SELECT')"
        assert any_server.execute(gone, facts.replace("'public', ", "'pg_monitor', ")) == [("people", True)]
        states = "SELECT tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
        assert any_server.execute(gone, states) == [("always", "A"), ("off", "D"), ("touch", "O")]
        assert any_server.execute(gone, "SELECT min(updated_at)::date::text FROM customers") == [("2026-01-01",)]

        undone = await undo(gone, result.id)
        assert any_server.execute(gone, self.STRUCTURE) == before
        assert [(table.name, table.deleted) for table in undone.tables] == [("notes", 2), ("customers", 100)]
        with pytest.raises(RestoreError, match="is not there any more"):
            await undo(gone, undone.id)

    async def test_dry_run_leaves_them_missing(
        self, any_server: TestServer, gone: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        result = await restore(gone, repository, tables=("public.customers",), dry_run=True)
        assert result.tables[0].created
        assert any_server.execute(gone, "SELECT to_regclass('customers')") == [(None,)]

    async def test_rows_that_miss_them_are_shown(
        self, any_server: TestServer, gone: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        any_server.execute(gone, "DROP RULE quiet ON orders; INSERT INTO orders (customer) VALUES (4711)")
        with pytest.raises(RestoreError, match=r"orders_customer_fkey.*4711"):
            await restore(gone, repository, tables=("public.customers",))
        assert any_server.execute(gone, "SELECT to_regclass('customers')") == [(None,)]

    async def test_corpus_is_whole_again(self, any_server: TestServer, repository: RepositoryTarget) -> None:
        target = any_server.load_corpus("pagila")
        before = any_server.fingerprint(target)
        views = any_server.execute(target, "SELECT count(*) FROM pg_views WHERE schemaname = 'public'")
        await take(target, repository)
        any_server.execute(target, "DROP TABLE film CASCADE; DROP TABLE rental CASCADE")
        result = await restore(target, repository, tables=("public.film", "public.rental"), checkpoint=False)
        assert all(table.created for table in result.tables)
        assert any_server.fingerprint(target) == before
        assert any_server.execute(target, "SELECT count(*) FROM pg_views WHERE schemaname = 'public'") == views
