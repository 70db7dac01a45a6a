"""Hazards of group F of docs/hazards.md: cluster and extensions."""

from __future__ import annotations

import pytest

from pantry_tui.errors import RestoreError
from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.hazards.conftest import ThereAndBack
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer


async def test_roles_memberships_settings_and_tablespaces_are_with_each_backup(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    any_server.execute(
        "postgres",
        "DROP ROLE IF EXISTS hazard_member, hazard_group; CREATE ROLE hazard_group; CREATE ROLE hazard_member LOGIN PASSWORD"
        " 'x' CONNECTION LIMIT 7; GRANT hazard_group TO hazard_member WITH ADMIN OPTION;"
        "ALTER ROLE hazard_member SET work_mem = '9MB'",
    )
    try:
        taken = await take(any_server.create_database(), repository)
    finally:
        any_server.execute("postgres", "DROP ROLE hazard_member, hazard_group")
    written = (taken.directory / "globals.sql").read_text()
    assert "CONNECTION LIMIT 7" in written
    assert "GRANT hazard_group TO hazard_member WITH ADMIN OPTION" in written
    assert "ALTER ROLE hazard_member SET work_mem TO '9MB'" in written
    assert "PASSWORD 'SCRAM-SHA-256$" in written


async def test_nothing_of_template1_comes_along(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database(template="template0")
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    await take(source, repository)
    server.execute("template1", "CREATE TABLE local_habit (i int)")
    try:
        new = server.drop_after_test("plain")
        assert (await restore(new, repository)).validation.equal
        assert server.execute(new, "SELECT to_regclass('local_habit')") == [(None,)]
    finally:
        server.execute("template1", "DROP TABLE local_habit")


@pytest.mark.parametrize("of", ["DATABASE", "ROLE"])
async def test_a_read_only_default_hinders_no_restore(
    server: TestServer, repository: RepositoryTarget, of: str
) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i; CREATE INDEX ON t (i); SELECT lo_from_bytea(1, 'x')")
    await take(source, repository)
    new = server.create_database()
    server.execute("postgres", "DROP ROLE IF EXISTS hazard_admin; CREATE ROLE hazard_admin SUPERUSER LOGIN")
    name = new.name if of == "DATABASE" else "hazard_admin"
    server.execute("postgres", f"ALTER {of} {name} SET default_transaction_read_only = on")
    try:
        result = await restore(server.target(new.name, role="hazard_admin"), repository)
    finally:
        server.execute("postgres", f"ALTER DATABASE {new.name} RESET ALL")
        server.execute(new, "REASSIGN OWNED BY hazard_admin TO CURRENT_USER")
        server.execute("postgres", "DROP ROLE hazard_admin")
    assert result.validation.equal
    assert [table.inserted for table in result.tables] == [1]


async def test_an_extension_that_the_target_lacks_is_named(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source, "CREATE EXTENSION hstore; UPDATE pg_extension SET extname = 'pgjwt' WHERE extname = 'hstore'"
    )
    await take(source, repository)
    with pytest.raises(RestoreError, match="does not offer the extension pgjwt"):
        await restore(server.target("never there"), repository)


async def test_another_version_of_an_extension_is_told(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source, "CREATE EXTENSION hstore; UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'hstore'"
    )
    taken = await take(source, repository)
    assert taken.manifest.extensions["hstore"] == "0.9"
    result = await restore(server.drop_after_test("newer"), repository)
    assert any("hstore" in warning and "0.9" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("extension", "says"),
    [("timescaledb", "timescaledb_pre_restore"), ("pg_cron", "unschedule"), ("supabase_vault", "keep that key")],
)
async def test_extensions_that_a_restore_does_not_bring_back_alone(
    server: TestServer, repository: RepositoryTarget, extension: str, says: str
) -> None:
    """The extensions themselves cannot be had here: another goes by their name."""
    source = server.create_database()
    server.execute(
        source, f"CREATE EXTENSION hstore; UPDATE pg_extension SET extname = '{extension}' WHERE extname = 'hstore'"
    )
    taken = await take(source, repository)
    assert any(extension in warning and says in warning for warning in taken.manifest.warnings)


async def test_publications_and_subscriptions(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE t (i int PRIMARY KEY); CREATE PUBLICATION everything FOR ALL TABLES; CREATE PUBLICATION low FOR TABLE t"
        " WHERE (i > 5); CREATE SUBSCRIPTION feed CONNECTION 'host=elsewhere password=secret' PUBLICATION p WITH"
        " (connect = false, slot_name = NONE)",
    )
    new = server.drop_after_test("subscriber")
    try:
        taken = await take(source, repository)
        assert (await restore(new, repository)).validation.equal
        assert any("subscriptions" in warning and "feed" in warning for warning in taken.manifest.warnings)
        assert server.execute(new, "SELECT subenabled, subslotname FROM pg_subscription") == [(False, None)] * 2
        assert server.execute(new, "SELECT pubname::text FROM pg_publication ORDER BY 1") == [
            ("everything",),
            ("low",),
        ]
        assert "secret" not in "".join(taken.manifest.warnings)
    finally:
        for database in (source, new):
            server.execute(database, "DROP SUBSCRIPTION IF EXISTS feed")


async def test_user_mappings_are_told(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER elsewhere FOREIGN DATA WRAPPER w;"
        "CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere OPTIONS (password 'canary'); CREATE TABLE t ()",
    )
    taken = await take(source, repository)
    assert any("passwords" in warning and "elsewhere" in warning for warning in taken.manifest.warnings)
    assert "canary" not in "".join(taken.manifest.warnings)


async def test_comments(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (a int PRIMARY KEY); COMMENT ON TABLE t IS 'of''t'; COMMENT ON COLUMN t.a IS 'of a';"
        "COMMENT ON CONSTRAINT t_pkey ON t IS 'of the key'; COMMENT ON SCHEMA public IS 'of public';"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1; COMMENT ON FUNCTION f() IS E'of\\nf';"
        "CREATE SEQUENCE s; COMMENT ON SEQUENCE s IS 'of s'"
    )
    assert (
        len(
            trip.comes_back(
                "SELECT description FROM pg_description WHERE description ~ '^of.(a$|public|the key|t$|s$|f$)' ORDER BY 1"
            )
        )
        == 6
    )


async def test_a_comment_without_its_subscription_does_no_harm(
    server: TestServer, repository: RepositoryTarget
) -> None:
    """DROP SUBSCRIPTION leaves the comment behind; pg_dump has nobody to write it for."""
    source = server.create_database()
    server.execute(
        source,
        "CREATE SUBSCRIPTION gone CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE);"
        "COMMENT ON SUBSCRIPTION gone IS 'orphan'; DROP SUBSCRIPTION gone; CREATE TABLE t AS SELECT 1 AS i",
    )
    await take(source, repository)
    assert (await restore(server.drop_after_test("heir"), repository)).validation.equal
