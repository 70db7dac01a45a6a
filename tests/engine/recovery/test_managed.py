"""Servers that others manage, and bare new ones: what is theirs is left alone, what is missing is made or told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pantry_tui.errors import PrivilegeError, RestoreError, TargetNotEmptyError, UsageError
from pantry_tui.events import Event, Warned
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.portrait import portrait
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer

# What the platform has made before the customer came, and again in every project.
PLATFORM = """
CREATE SCHEMA auth AUTHORIZATION platform; CREATE SCHEMA storage AUTHORIZATION platform;
CREATE SCHEMA cron AUTHORIZATION platform;
SET ROLE platform;
CREATE TABLE auth.users (id int PRIMARY KEY, email text);
CREATE FUNCTION auth.uid() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE TABLE storage.objects (id serial PRIMARY KEY, name text);
CREATE TABLE cron.job (jobid serial PRIMARY KEY, command text, active bool DEFAULT true);
GRANT USAGE ON SCHEMA auth TO customer;
GRANT SELECT, REFERENCES, TRIGGER ON auth.users TO customer;
RESET ROLE;
"""
CUSTOMER = """
SET ROLE customer;
CREATE TABLE people (id int PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE, name text);
CREATE TABLE notes (id serial PRIMARY KEY, person int REFERENCES people, body text);
CREATE SCHEMA app; CREATE TYPE app.state AS ENUM ('new', 'done');
CREATE TABLE app.tasks (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state app.state);
CREATE VIEW open_tasks AS SELECT id FROM app.tasks WHERE state = 'new';
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON people USING (id = auth.uid());
CREATE FUNCTION new_user() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.people (id, name) VALUES (NEW.id, NEW.email); RETURN NEW; END $$;
CREATE TRIGGER on_new_user AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION new_user();
CREATE PUBLICATION changes FOR TABLE notes;
RESET ROLE;
CREATE FUNCTION of_platform() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION of_platform();
ALTER DEFAULT PRIVILEGES FOR ROLE platform IN SCHEMA public GRANT SELECT ON TABLES TO customer;
ALTER TABLE auth.users DISABLE TRIGGER on_new_user;
INSERT INTO auth.users SELECT g, 'user ' || g FROM generate_series(1, 50) g;
ALTER TABLE auth.users ENABLE TRIGGER on_new_user;
INSERT INTO people SELECT id, email FROM auth.users;
INSERT INTO notes (person, body) SELECT id, 'note' FROM people;
INSERT INTO app.tasks (state) VALUES ('new'), ('done');
INSERT INTO cron.job (command) VALUES ('SELECT 1');
"""
ROWS = "SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM notes), (SELECT count(*) FROM open_tasks)"


@pytest.fixture
def platform(server: TestServer) -> Iterator[TestServer]:
    """A server whose customer is no superuser."""
    with server.tidy():
        server.execute("postgres", "CREATE ROLE platform; CREATE ROLE customer LOGIN CREATEDB")
        yield server
    server.execute("postgres", "DROP ROLE platform; DROP ROLE customer")


def project(server: TestServer) -> DatabaseTarget:
    """A new project: the platform's schemas, and nothing of the customer's."""
    target = server.create_database(owner="customer")
    server.execute(target, PLATFORM)
    return server.target(target.name, role="customer")


async def test_into_a_new_project(platform: TestServer, repository: RepositoryTarget) -> None:
    source = project(platform)
    platform.execute(source.name, CUSTOMER)
    await take(platform.target(source.name), repository)
    target = project(platform)
    platform.execute(target.name, "INSERT INTO auth.users SELECT g, 'kept ' || g FROM generate_series(1, 50) g")
    with pytest.raises(TargetNotEmptyError):
        await restore(target, repository)

    await rehearsed(platform, target, repository)
    result = await restore(target, repository, managed=True)
    told = "\n".join(result.warnings)
    assert (result.status, result.validation.equal) == ("succeeded", True)
    assert sorted(f"{table.schema}.{table.name}" for table in result.tables) == [
        "app.tasks",
        "public.notes",
        "public.people",
    ]
    assert "left alone, with 3 tables of the backup: auth, cron, storage" in told
    assert "jobs of pg_cron are not restored" in told
    assert "event trigger watching" in told
    assert "default acl public" in told
    assert "on_new_user" not in told
    assert "people_id_fkey" not in told
    assert platform.execute(target, ROWS) == [(50, 50, 1)]
    assert platform.execute(target.name, "SELECT count(*) FROM auth.users WHERE email LIKE 'kept%'") == [(50,)]
    assert platform.execute(target.name, "SELECT count(*) FROM storage.objects") == [(0,)]
    platform.execute(target.name, "INSERT INTO auth.users VALUES (51, 'new one')")
    assert platform.execute(target, "SELECT name FROM people WHERE id = 51") == [("new one",)]
    assert platform.execute(target, "SELECT pubname::text FROM pg_publication") == [("changes",)]
    owners = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname IN ('public', 'app')"
    assert platform.execute(target, owners) == [("customer",)]

    platform.execute(target, "DELETE FROM notes; UPDATE people SET name = 'wrong'; DELETE FROM people WHERE id = 51")
    again = await restore(target, repository, managed=True)
    assert (again.way, again.status) == ("in place", "succeeded")
    assert platform.execute(target, ROWS) == [(50, 50, 1)]
    assert platform.execute(target, "SELECT count(*) FROM people WHERE name LIKE 'user%'") == [(50,)]


async def rehearsed(platform: TestServer, target: DatabaseTarget, repository: RepositoryTarget) -> None:
    """A dry run makes nothing in the project, and says what it cannot know."""
    before, there = portrait(platform, platform.target(target.name)), databases(platform)
    rehearsal = await restore(target, repository, managed=True, dry_run=True)
    assert (rehearsal.dry_run, rehearsal.status, rehearsal.validation.equal) == (True, "succeeded", True)
    assert {"public.people", "public.notes", "app.tasks"} <= {
        f"{table.schema}.{table.name}" for table in rehearsal.tables
    }
    told = "\n".join(rehearsal.warnings)
    assert "the backup's copies of what others have in the target: auth, cron, storage" in told
    (unknown,) = [line for line in rehearsal.warnings if "shows only there" in line]
    assert all(name in unknown for name in ("on_new_user", "people_id_fkey", "event trigger watching"))
    assert (portrait(platform, platform.target(target.name)), databases(platform)) == (before, there)


async def test_keys_to_rows_that_are_not_there(platform: TestServer, repository: RepositoryTarget) -> None:
    """Users are the platform's to restore: without them the rest comes, and the key is told."""
    source = project(platform)
    platform.execute(source.name, CUSTOMER)
    await take(platform.target(source.name), repository)
    target = project(platform)
    result = await restore(target, repository, managed=True)
    assert [warning for warning in result.warnings if "fk constraint public.people people_id_fkey" in warning]
    assert platform.execute(target, ROWS) == [(50, 50, 1)]


@pytest.fixture
def source(system_server: TestServer) -> Iterator[DatabaseTarget]:
    """A database on a server that has roles, which the other server has not."""
    roles = "shop_owner, shop_staff, shop_reader"
    with system_server.tidy():
        system_server.execute(
            "postgres",
            "CREATE ROLE shop_staff; CREATE ROLE shop_owner LOGIN CREATEDB PASSWORD 'canary-88' IN ROLE shop_staff;"
            "CREATE ROLE shop_reader LOGIN BYPASSRLS;"
            "ALTER ROLE shop_owner SET search_path = 'app', 'public'; ALTER ROLE shop_owner SET work_mem = '9MB';"
            "ALTER ROLE shop_owner CONNECTION LIMIT 7 VALID UNTIL '2031-01-01 00:00+00';"
            "GRANT shop_staff TO shop_owner WITH ADMIN OPTION",
        )
        target = system_server.create_database(owner="shop_owner")
        system_server.execute(
            target,
            "SET ROLE shop_owner; CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 20);"
            "GRANT SELECT ON t TO shop_reader; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
            "CREATE POLICY all_rows ON t TO shop_reader USING (true)",
        )
        yield target
    system_server.execute("postgres", f"DROP ROLE {roles}")


def roles(server: TestServer) -> list[tuple[object, ...]]:
    return server.execute(
        "postgres",
        "SELECT rolname::text, rolcanlogin, rolcreatedb, rolbypassrls, rolpassword IS NULL,"
        " ARRAY(SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0 ORDER BY 1),"
        " (SELECT string_agg(roleid::regrole::text, ',') FROM pg_auth_members WHERE member = r.oid)"
        " FROM pg_authid r WHERE rolname LIKE 'shop%' ORDER BY 1",
    )


async def test_a_bare_server_gets_its_roles(
    server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
) -> None:
    await take(source, repository)
    target = server.drop_after_test("on bare metal")
    with pytest.raises(RestoreError, match="no role shop_owner, shop_reader"):
        await restore(target, repository)
    with pytest.raises(UsageError, match="a dry run leaves nothing behind"):
        await restore(target, repository, create_roles=True, dry_run=True)
    events: list[Event] = []
    with server.tidy():
        server.execute("postgres", "CREATE ROLE shop_reader")
        result = await restore(target, repository, create_roles=True, on_event=events.append)
        assert result.status == "succeeded"
        assert roles(server) == [
            ("shop_owner", True, True, False, True, ["search_path=app, public", "work_mem=9MB"], "shop_staff"),
            ("shop_reader", False, False, False, True, [], None),
            ("shop_staff", False, False, False, True, [], None),
        ], "what was there is as it was"
        limits = "SELECT rolconnlimit, rolvaliduntil = '2031-01-01 00:00+00' FROM pg_roles WHERE rolname = 'shop_owner'"
        assert server.execute("postgres", limits) == [(7, True)]
        admin = "SELECT admin_option FROM pg_auth_members WHERE member = 'shop_owner'::regrole"
        assert server.execute("postgres", admin) == [(True,)]
        told = [event.message for event in events if isinstance(event, Warned)]
        assert any("passwords are not carried over: give them to shop_owner" in line for line in told)
        assert not any("canary-88" in line for line in told)
        owner = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'on bare metal'"
        assert server.execute("postgres", owner) == [("shop_owner",)]
        server.drop_database("on bare metal")
    server.execute("postgres", "DROP ROLE shop_owner, shop_reader, shop_staff")


async def test_a_bare_server_as_a_role_that_may_only_make_databases(
    server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
) -> None:
    await take(source, repository)
    with server.tidy():
        server.execute("postgres", "CREATE ROLE only_databases LOGIN CREATEDB")
        name = server.drop_after_test("as far as allowed").name
        target = server.target(name, role="only_databases")
        with pytest.raises(PrivilegeError, match="may not make the roles"):
            await restore(target, repository, create_roles=True)
        assert name not in databases(server)
        result = await restore(target, repository, managed=True)
        told = "\n".join(result.warnings)
        assert (result.status, result.validation.equal) == ("succeeded", True)
        assert "acl public.TABLE t" in told
        assert "policy public.t all_rows" in told
        assert server.execute(name, "SELECT tableowner::text FROM pg_tables WHERE tablename = 't'") == [
            ("only_databases",)
        ]
    server.execute("postgres", "DROP ROLE only_databases")
