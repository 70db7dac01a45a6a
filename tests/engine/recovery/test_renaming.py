"""Schemas restored under other names: beside what is in use, and into new databases."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from pantry_tui.errors import NotFoundError, PrivilegeError, RefusedError, RestoreError, UsageError
from pantry_tui.models import BackupKind, DatabaseTarget, RepositoryTarget, RestoreResult, Strategy
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer

ROLE = "renaming_reader"
# Everything that may name its schema. What is text stays as it is written: `shop` there, whatever the schema is called.
SCHEMA = f"""
CREATE SCHEMA @;
COMMENT ON SCHEMA @ IS 'of the shop';
GRANT USAGE ON SCHEMA @ TO {ROLE};
CREATE TYPE @.state AS ENUM ('new', 'paid', 'gone');
CREATE DOMAIN @.price AS numeric CHECK (VALUE >= 0);
CREATE TYPE @.size AS (width int, height int);
CREATE SEQUENCE @.numbers START 100;
CREATE FUNCTION @.doubled(@.price) RETURNS @.price LANGUAGE sql IMMUTABLE RETURN $1 * 2;
CREATE FUNCTION @.touched() RETURNS trigger LANGUAGE plpgsql SET search_path = shop AS
    $$ BEGIN INSERT INTO shop.audit (what) VALUES ('touched'); RETURN NEW; END $$;
CREATE TABLE @.audit (what text, at timestamptz DEFAULT '2026-11-23');
CREATE TABLE @.items (
    id int GENERATED ALWAYS AS IDENTITY (START 7) PRIMARY KEY,
    number int DEFAULT nextval('@.numbers'),
    class regclass DEFAULT '@.audit',
    state @.state DEFAULT 'new',
    price @.price,
    size @.size,
    twice @.price GENERATED ALWAYS AS (@.doubled(price)) STORED,
    CONSTRAINT dear CHECK (@.doubled(price) < 1000)
);
CREATE TABLE @.orders (id serial PRIMARY KEY, item int REFERENCES @.items ON DELETE CASCADE, at date NOT NULL);
CREATE TABLE @.log (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE @.log_2026 PARTITION OF @.log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE @.heir (more text) INHERITS (@.audit);
CREATE INDEX ON @.items (@.doubled(price)) WHERE state <> 'gone'::@.state;
CREATE STATISTICS @.related ON number, state FROM @.items;
CREATE VIEW @.dear AS SELECT id, @.doubled(price) AS twice FROM @.items WHERE state = 'paid'::@.state;
CREATE MATERIALIZED VIEW @.totals AS SELECT state, sum(price) AS total FROM @.items GROUP BY state;
CREATE RULE forget AS ON DELETE TO @.log DO INSTEAD INSERT INTO @.audit (what) VALUES ('kept');
CREATE TRIGGER touch BEFORE UPDATE ON @.items FOR EACH ROW EXECUTE FUNCTION @.touched();
ALTER TABLE @.items ENABLE ALWAYS TRIGGER touch;
ALTER TABLE @.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON @.orders USING (item IN (SELECT id FROM @.items));
COMMENT ON COLUMN @.items.price IS 'in cents';
GRANT SELECT ON @.items TO {ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA @ GRANT SELECT ON TABLES TO {ROLE};
INSERT INTO @.items (price, state, size) SELECT g, 'paid', (g, 1)::@.size FROM generate_series(1, 300) g;
INSERT INTO @.orders (item, at) SELECT id, '2026-11-23' FROM @.items;
INSERT INTO @.log SELECT '2026-11-23', 'line ' || g FROM generate_series(1, 50) g;
INSERT INTO @.heir SELECT 'child', '2026-11-23', 'x';
REFRESH MATERIALIZED VIEW @.totals;
"""
LIVE = "SELECT (SELECT count(*) FROM shop.items), (SELECT count(*) FROM shop.audit)"


def schema(server: TestServer, database: DatabaseTarget, name: str, *, text: str = SCHEMA) -> None:
    """The schema under a name of its own."""
    if not server.execute("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"):
        server.execute("postgres", f"CREATE ROLE {ROLE}")
    server.execute(database, text.replace("@", name))


def dumped(server: TestServer, database: DatabaseTarget, name: str) -> list[str]:
    """What pg_dump writes of a schema, rows included; without the keys that it draws anew each time."""
    command = [str(server.client_tools / "pg_dump"), f"--schema={name}", f"--dbname={database.conninfo}"]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def schemas(server: TestServer, database: DatabaseTarget) -> list[str]:
    query = (
        "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
    )
    return [name for (name,) in server.execute(database, query)]


def nothing_left(server: TestServer, database: DatabaseTarget) -> bool:
    """Whether no working database is there, and no working schema."""
    return not (
        [name for name in databases(server) if name.startswith(f"{database.name}.unverified-")]
        + [name for name in schemas(server, database) if name.startswith("unverified-")]
    )


@pytest.fixture
async def shop(any_server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    """A database in use: backed up, and changed since."""
    database = any_server.create_database()
    schema(any_server, database, "shop")
    await take(database, repository)
    any_server.execute(database, "DELETE FROM shop.items WHERE id < 100")
    return database


async def test_beside_what_is_in_use(
    any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget
) -> None:
    before = any_server.execute(shop, LIVE)
    result = await restore(shop, repository, rename_schemas=(("shop", "yesterday"),))
    assert (result.way, result.status, result.created_database) == ("beside", "succeeded", False)
    assert {(table.schema, table.name): table.inserted for table in result.tables} == {
        ("yesterday", "audit"): 0,
        ("yesterday", "heir"): 1,
        ("yesterday", "items"): 300,
        ("yesterday", "log_2026"): 50,
        ("yesterday", "orders"): 300,
    }
    assert result.analyzed_tables == 5
    wanted = any_server.create_database()
    schema(any_server, wanted, "yesterday")
    assert dumped(any_server, shop, "yesterday") == dumped(any_server, wanted, "yesterday")
    assert any_server.execute(shop, LIVE) == before
    assert any("yesterday.touched(): the text names shop" in warning for warning in result.warnings)
    assert any("yesterday.touched(): a setting of the function" in warning for warning in result.warnings)
    assert nothing_left(any_server, shop)


async def test_a_new_database(any_server: TestServer, shop: DatabaseTarget, repository: RepositoryTarget) -> None:
    target = any_server.drop_after_test("renamed within")
    result = await restore(target, repository, rename_schemas=(("shop", "Old shop"),))
    assert (result.way, result.created_database, result.target) == ("new database", True, target.name)
    wanted = any_server.create_database()
    schema(any_server, wanted, '"Old shop"')
    assert dumped(any_server, target, '"Old shop"') == dumped(any_server, wanted, '"Old shop"')
    assert schemas(any_server, target) == ["Old shop", "public"]
    assert nothing_left(any_server, target)


async def test_tables_alone(server: TestServer, repository: RepositoryTarget) -> None:
    database = server.create_database()
    schema(server, database, "shop")
    await take(database, repository)
    result = await restore(database, repository, tables=("shop.items",), rename_schemas=(("shop", "yesterday"),))
    assert [(table.schema, table.name) for table in result.tables] == [("yesterday", "items")]
    assert server.execute(database, "SELECT count(*), min(class::text) FROM yesterday.items")[0][0] == 300
    with pytest.raises(RefusedError, match="has a schema yesterday already"):
        await restore(database, repository, rename_schemas=(("shop", "yesterday"),))
    assert nothing_left(server, database)


async def test_public_and_its_extensions(server: TestServer, repository: RepositoryTarget) -> None:
    """The extension stays where it is, and the copy uses the one that is in use; so do privileges on the schema."""
    database = server.create_database()
    server.execute(database, "CREATE EXTENSION citext SCHEMA public; CREATE TABLE t (id serial, name citext UNIQUE)")
    server.execute(database, "INSERT INTO t (name) VALUES ('Anna'), ('Bert')")
    await take(database, repository)
    result = await restore(database, repository, rename_schemas=(("public", "yesterday"),))
    assert result.validation.equal
    assert server.execute(database, "SELECT id, name::text FROM yesterday.t WHERE name OPERATOR(public.=) 'ANNA'") == [
        (1, "Anna")
    ]
    types = "SELECT atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'yesterday.t'::regclass AND attnum = 2"
    assert server.execute(database, types) == [("citext",)]
    assert server.execute(
        database, f"SELECT has_schema_privilege('{_reader(server)}', 'yesterday', 'USAGE')"
    ) == server.execute(database, f"SELECT has_schema_privilege('{ROLE}', 'public', 'USAGE')")

    renamed = server.drop_after_test("renamed public")
    await restore(renamed, repository, rename_schemas=(("public", "yesterday"),))
    assert server.execute(renamed, "SELECT id FROM yesterday.t WHERE name OPERATOR(public.=) 'bert'") == [(2,)]


def _reader(server: TestServer) -> str:
    if not server.execute("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"):
        server.execute("postgres", f"CREATE ROLE {ROLE}")
    return ROLE


async def test_what_ties_it_to_others(server: TestServer, repository: RepositoryTarget) -> None:
    """Keys to tables in use are left out: they would bind these. Families are taken whole, or not at all."""
    database = server.create_database()
    server.execute(
        database,
        "CREATE SCHEMA auth; CREATE TABLE auth.users (id int PRIMARY KEY); INSERT INTO auth.users VALUES (1);"
        "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int, who int REFERENCES auth.users ON DELETE CASCADE);"
        "INSERT INTO shop.orders VALUES (1, 1)",
    )
    await take(database, repository)
    result = await restore(database, repository, rename_schemas=(("shop", "yesterday"),))
    assert [table.schema for table in result.tables] == ["yesterday"]
    assert result.left_out == ("foreign key orders_who_fkey of yesterday.orders to auth.users, which is in use",)
    server.execute(database, "DELETE FROM auth.users")
    assert server.execute(database, "SELECT count(*) FROM yesterday.orders") == [(1,)]

    server.execute(database, "CREATE TABLE auth.late () INHERITS (shop.orders)")
    await take(database, repository)
    with pytest.raises(RefusedError, match=r"auth\.late of shop\.orders"):
        await restore(database, repository, rename_schemas=(("shop", "today"),))
    both = await restore(database, repository, rename_schemas=(("shop", "today"), ("auth", "today_auth")))
    assert {table.schema for table in both.tables} == {"today", "today_auth"}
    assert both.left_out == ()
    assert nothing_left(server, database)


async def test_nothing_stays_of_what_fails(server: TestServer, repository: RepositoryTarget) -> None:
    database = server.create_database()
    schema(server, database, "shop")
    server.execute(
        database,
        "CREATE SCHEMA other; CREATE TYPE other.color AS ENUM ('red'); CREATE TABLE shop.paints (c other.color)",
    )
    await take(database, repository)
    before = schemas(server, database)
    dry = await restore(database, repository, rename_schemas=(("shop", "yesterday"),), dry_run=True)
    assert (dry.dry_run, schemas(server, database)) == (True, before)
    server.execute(database, "DROP SCHEMA other CASCADE")
    with pytest.raises(RestoreError) as failure:
        await restore(database, repository, rename_schemas=(("shop", "yesterday"),))
    assert "other" in (failure.value.detail or "")
    assert "nothing of it is kept" in (failure.value.remedy or "")
    assert schemas(server, database) == [name for name in before if name != "other"]
    assert nothing_left(server, database)


@pytest.mark.parametrize(
    ("renames", "error", "words"),
    [
        ((("nowhere", "x"),), NotFoundError, "holds nothing in a schema nowhere"),
        ((("shop", "shop"),), UsageError, "cannot become"),
        ((("shop", "pg_x"),), UsageError, "keeps for itself"),
        ((("shop", "a" * 64),), UsageError, "63 bytes"),
        ((("shop", "public"),), RefusedError, "has a schema public already"),
        ((("shop", "x"), ("shop", "y")), UsageError, "named twice"),
    ],
)
async def test_names_that_cannot_be(
    server: TestServer,
    repository: RepositoryTarget,
    renames: tuple[tuple[str, str], ...],
    error: type[Exception],
    words: str,
) -> None:
    database = server.create_database()
    server.execute(database, "CREATE SCHEMA shop; CREATE TABLE shop.t (a int)")
    await take(database, repository)
    with pytest.raises(error, match=words):
        await restore(database, repository, rename_schemas=renames)
    with pytest.raises(UsageError, match="nothing is there to merge with"):
        await restore(database, repository, rename_schemas=(("shop", "x"),), strategy=Strategy.MERGE)
    assert nothing_left(server, database)


async def test_as_the_owner_of_the_database(server: TestServer, repository: RepositoryTarget) -> None:
    """No superuser is needed; a role that may not create databases is told so."""
    server.execute("postgres", "DROP ROLE IF EXISTS renaming_owner")
    server.execute("postgres", "CREATE ROLE renaming_owner LOGIN CREATEDB")
    database = server.create_database()
    server.execute("postgres", f"ALTER DATABASE {database.name} OWNER TO renaming_owner")
    own = server.target(database.name, role="renaming_owner")
    server.execute(own, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)")
    await take(database, repository)
    result = await restore(own, repository, rename_schemas=(("public", "yesterday"),))
    assert _counts(result) == [("yesterday", "t", 2)]
    server.execute("postgres", "ALTER ROLE renaming_owner NOCREATEDB")
    with pytest.raises(PrivilegeError, match="may not create the working database"):
        await restore(own, repository, rename_schemas=(("public", "today"),))
    with psycopg.connect(own.conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM yesterday.t").fetchone() == (2,)


async def test_rows_alone_have_no_schema(server: TestServer, repository: RepositoryTarget) -> None:
    database = server.create_database()
    server.execute(database, "CREATE TABLE t (a int)")
    await take(database, repository, kind=BackupKind.DATA)
    with pytest.raises(UsageError, match="rows alone"):
        await restore(database, repository, rename_schemas=(("public", "yesterday"),))


def _counts(result: RestoreResult) -> list[tuple[str, str, int]]:
    return [(table.schema, table.name, table.inserted) for table in result.tables]
