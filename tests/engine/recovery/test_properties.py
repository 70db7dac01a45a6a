"""What belongs to the database itself comes back with it: settings, privileges, comment, schema public, statistics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

HOSTILE = 'it\'s "a"\nrole; DROP DATABASE postgres; --'
QUOTED = '"' + HOSTILE.replace('"', '""') + '"'
SECRET = "correct horse\\battery''; ALTER DATABASE postgres SET work_mem = '1MB"
MOTTO = "tab\t; it's E'\\\\'"
SETTINGS = """
SELECT r.rolname::text, o.option FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
CROSS JOIN unnest(s.setconfig) WITH ORDINALITY o(option, place)
WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1, o.place
"""
OWN = """
SELECT shobj_description(d.oid, 'pg_database'), datconnlimit, pg_get_userbyid(datdba)::text,
    (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a)
FROM pg_database d WHERE datname = current_database()
"""


@pytest.fixture
def roles(any_server: TestServer) -> Iterator[TestServer]:
    """The server, with roles for a test's database; nobody else's database has them."""
    any_server.execute("postgres", f"CREATE ROLE {QUOTED}; CREATE ROLE humble LOGIN CREATEDB; CREATE ROLE granter")
    with any_server.tidy():
        yield any_server
    any_server.execute("postgres", f"DROP ROLE {QUOTED}, humble, granter")


def furnish(server: TestServer, source: DatabaseTarget) -> None:
    """Gives a database one of everything that is its own."""
    name = source.name
    secret, motto = (text.replace("'", "''") for text in (SECRET, MOTTO))
    server.execute(
        source,
        f"CREATE TABLE t AS SELECT 1 AS i; COMMENT ON DATABASE {name} IS 'it''s\n\"this\" DATABASE {name}';"
        f"ALTER DATABASE {name} SET search_path = \"$user\", 'a, b', public;"
        f"ALTER DATABASE {name} SET \"app.jwt_secret\" = '{secret}'; ALTER DATABASE {name} SET \"app.motto\" = '{motto}';"
        f"ALTER DATABASE {name} SET default_transaction_read_only = on; ALTER DATABASE {name} CONNECTION LIMIT 7;"
        f"ALTER ROLE {QUOTED} IN DATABASE {name} SET work_mem = '5MB';"
        f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; GRANT CREATE ON DATABASE {name} TO {QUOTED};"
        f"GRANT CONNECT ON DATABASE {name} TO granter WITH GRANT OPTION; SET SESSION AUTHORIZATION granter;"
        f"GRANT CONNECT ON DATABASE {name} TO humble; RESET SESSION AUTHORIZATION",
    )


def own(server: TestServer, database: DatabaseTarget) -> list[tuple[Any, ...]]:
    return [*server.execute(database, SETTINGS), *server.execute(database, OWN)]


async def test_settings_privileges_and_comment_come_back(roles: TestServer, repository: RepositoryTarget) -> None:
    source = roles.create_database(template="template0", encoding="UTF8", locale="C")
    furnish(roles, source)
    taken = await take(source, repository)
    new = roles.drop_after_test('furnished "again"')
    result = await restore(new, repository)
    assert result.validation.equal
    assert own(roles, new) == own(roles, source)
    assert not [warning for warning in result.warnings if "propert" in warning]
    assert b"correct horse" not in (taken.directory / MANIFEST_NAME).read_bytes()
    around = taken.manifest.environment
    assert around is not None
    assert {setting.name: setting.value for setting in around.settings if setting.role is None} == {
        "search_path": '"$user", "a, b", public',
        "app.jwt_secret": None,
        "app.motto": MOTTO,
        "default_transaction_read_only": "on",
    }
    assert [(setting.name, setting.role) for setting in around.settings if setting.role] == [("work_mem", HOSTILE)]
    assert {HOSTILE, "granter", "humble"} <= {role.name for role in around.roles}


async def test_database_that_was_there_keeps_its_own(roles: TestServer, repository: RepositoryTarget) -> None:
    source = roles.create_database(template="template0", encoding="UTF8", locale="C")
    furnish(roles, source)
    await take(source, repository)
    there = roles.create_database(template="template0", encoding="UTF8", locale="C")
    before = own(roles, there)
    result = await restore(there, repository)
    assert own(roles, there) == before
    (told,) = [warning for warning in result.warnings if "keeps its own settings" in warning]
    assert f"ALTER DATABASE \"{there.name}\" SET search_path TO '$user', 'a, b', 'public';" in told
    assert "correct horse" not in told
    assert "SET \"app.jwt_secret\" TO '***';" in told


async def test_what_a_role_may_not_do_is_told_with_the_sql(roles: TestServer, repository: RepositoryTarget) -> None:
    source = roles.create_database(template="template0", encoding="UTF8", locale="C", owner="humble")
    roles.execute(
        source,
        f"SET ROLE humble; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS i; RESET ROLE;"
        f"ALTER DATABASE {source.name} SET log_statement = 'all'; ALTER DATABASE {source.name} SET work_mem = '5MB';"
        f"ALTER ROLE {QUOTED} IN DATABASE {source.name} SET work_mem = '6MB'",
    )
    await take(source, repository)
    new = roles.drop_after_test("humbled")
    result = await restore(roles.target("humbled", role="humble"), repository)
    assert result.validation.equal
    told = [warning for warning in result.warnings if "property of its own" in warning]
    assert [warning.partition("): ")[2] for warning in told] == [
        "ALTER DATABASE \"humbled\" SET log_statement TO 'all';",
        f"ALTER ROLE {QUOTED} IN DATABASE \"humbled\" SET work_mem TO '6MB';",
    ]
    assert all("permission denied" in warning for warning in told)
    assert roles.execute(new, SETTINGS) == [(None, "work_mem=5MB")]


async def test_source_without_public(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database()
    any_server.execute(source, "DROP SCHEMA public; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS i")
    await take(source, repository)
    new = any_server.drop_after_test("not public")
    result = await restore(new, repository)
    assert result.validation.equal
    assert any_server.execute(
        new, "SELECT nspname::text FROM pg_namespace WHERE oid >= 16384 OR nspname = 'public'"
    ) == [("s",)]


async def test_tables_are_analyzed(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database()
    any_server.execute(
        source,
        "CREATE TABLE t AS SELECT generate_series(1, 1000) AS i; CREATE TABLE p (i int) PARTITION BY RANGE (i);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (2000); INSERT INTO p SELECT i FROM t;"
        "CREATE MATERIALIZED VIEW m AS SELECT i FROM t",
    )
    await take(source, repository)
    analyzed = "SELECT DISTINCT tablename::text, inherited FROM pg_stats WHERE schemaname = 'public' ORDER BY 1"
    new = any_server.drop_after_test("with statistics")
    result = await restore(new, repository)
    assert result.analyzed_tables == 3
    assert any_server.execute(new, analyzed) == [("m", False), ("p", True), ("p1", False), ("t", False)]
    without = any_server.drop_after_test("without statistics")
    result = await restore(without, repository, analyze=False)
    assert (result.analyzed_tables, result.analyze_seconds) == (0, 0.0)
    assert any_server.execute(without, analyzed) == []


async def test_a_table_that_cannot_be_analyzed_is_told(any_server: TestServer, repository: RepositoryTarget) -> None:
    source = any_server.create_database()
    any_server.execute(
        source,
        "CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN"
        " IF current_setting('application_name') = 'pantry-tui restore' THEN RAISE 'not now'; END IF; RETURN i; END$$;"
        "CREATE TABLE t AS SELECT generate_series(1, 10) AS i; CREATE INDEX ON t (f(i)); CREATE TABLE u AS SELECT 1 AS i",
    )
    await take(source, repository)
    new = any_server.drop_after_test("partly analyzed")
    result = await restore(new, repository)
    assert result.validation.equal
    assert result.analyzed_tables == 1
    assert [warning for warning in result.warnings if "no statistics of public.t (not now)" in warning]
