"""Hazards of group B of docs/hazards.md: rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pantry_tui.errors import PrivilegeError, TargetNotEmptyError
from pantry_tui.models import BackupSelection, RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import take
from tests.engine.hazards.conftest import ThereAndBack
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

ROLE = "hazard_role"
MakeRole = Callable[[str], None]


@pytest.fixture
def make_role(any_server: TestServer) -> Iterator[MakeRole]:
    """Makes the role `ROLE` with attributes; it goes after the test, and the databases of the test before it."""
    before = {name for (name,) in any_server.execute("postgres", "SELECT datname::text FROM pg_database")}
    any_server.execute("postgres", f"DROP ROLE IF EXISTS {ROLE}")

    def make(attributes: str) -> None:
        any_server.execute("postgres", f"CREATE ROLE {ROLE} LOGIN {attributes}")

    yield make
    for (name,) in any_server.execute("postgres", "SELECT datname::text FROM pg_database"):
        if name not in before:
            any_server.drop_database(name)
    any_server.execute("postgres", f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


async def test_an_owner_under_forced_row_security_is_refused(
    any_server: TestServer, repository: RepositoryTarget, make_role: MakeRole
) -> None:
    make_role("IN ROLE pg_read_all_data")
    source = any_server.create_database(owner=ROLE)
    own = any_server.target(source.name, role=ROLE)
    any_server.execute(
        source,
        f"SET ROLE {ROLE}; CREATE SCHEMA s; CREATE TABLE s.mine AS SELECT generate_series(1, 10) AS i;"
        "ALTER TABLE s.mine ENABLE ROW LEVEL SECURITY; ALTER TABLE s.mine FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY few ON s.mine USING (i < 3)",
    )
    with pytest.raises(PrivilegeError) as failure:
        await take(own, repository)
    assert "BYPASSRLS" in (failure.value.remedy or "")
    assert LocalRepository(repository).ids() == []


async def test_large_objects_that_the_role_cannot_read(
    any_server: TestServer, repository: RepositoryTarget, make_role: MakeRole
) -> None:
    """Found out before any row is read; the remedy is what makes it work, or leaves them out."""
    make_role("BYPASSRLS IN ROLE pg_read_all_data")
    source = any_server.create_database()
    any_server.execute(
        source, "CREATE TABLE t AS SELECT 1 AS i; SELECT lo_from_bytea(4711, 'x'), lo_from_bytea(4712, 'y')"
    )
    own = any_server.target(source.name, role=ROLE)
    with pytest.raises(PrivilegeError, match="may not read large objects of the database: 4711, 4712") as failure:
        await take(own, repository)
    remedy = failure.value.remedy or ""
    without = await take(own, repository, selection=BackupSelection(schemas=("*",)))
    assert (without.rows("public.t"), without.manifest.large_objects) == (1, 0)
    assert without.manifest.selection.schemas == ("*",)
    any_server.psql(source, remedy.partition("run ")[2].partition(" or back up")[0].encode())
    whole = await take(own, repository)
    assert (whole.rows("public.t"), whole.manifest.large_objects) == (1, 2)


async def test_a_schema_that_the_role_may_not_use_ends_the_run(
    any_server: TestServer, repository: RepositoryTarget, make_role: MakeRole
) -> None:
    make_role("")
    source = any_server.create_database()
    any_server.execute(source, "CREATE SCHEMA closed; CREATE TABLE closed.t AS SELECT 1 AS i")
    any_server.execute(source, f"GRANT SELECT ON closed.t TO {ROLE}")
    with pytest.raises(PrivilegeError, match="closed"):
        await take(any_server.target(source.name, role=ROLE), repository)
    assert LocalRepository(repository).ids() == []


async def test_a_role_that_may_not_read_passwords_leaves_them_out_and_says_so(
    any_server: TestServer, repository: RepositoryTarget, make_role: MakeRole
) -> None:
    make_role("BYPASSRLS PASSWORD 'hidden'")
    source = any_server.create_database()
    any_server.execute(source, f"CREATE TABLE t AS SELECT 1 AS i; GRANT SELECT ON t TO {ROLE}")
    taken = await take(any_server.target(source.name, role=ROLE), repository)
    written = (taken.directory / "globals.sql").read_text()
    assert f"CREATE ROLE {ROLE}" in written
    assert "SCRAM" not in written
    assert any("without their passwords" in warning for warning in taken.manifest.warnings)


async def test_privileges_of_columns_functions_and_extensions(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (a int, b int); GRANT SELECT (a), UPDATE (b) ON t TO pg_monitor; CREATE EXTENSION hstore;"
        "REVOKE EXECUTE ON FUNCTION hstore(text, text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION hstore(text, text) TO pg_monitor;"
        "CREATE SEQUENCE s; GRANT USAGE ON SEQUENCE s TO pg_monitor; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO"
        " pg_monitor; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO pg_monitor"
    )
    trip.comes_back(
        "SELECT attname::text, attacl::text FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0"
    )
    trip.comes_back("SELECT proacl::text FROM pg_proc WHERE oid = 'hstore(text, text)'::regprocedure")


async def test_privileges_on_functions_of_the_server(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t AS SELECT 1 AS i; GRANT EXECUTE ON FUNCTION pg_stat_reset() TO pg_monitor;"
        "REVOKE EXECUTE ON FUNCTION pg_backend_pid() FROM PUBLIC"
    )
    for function in ("pg_stat_reset()", "pg_backend_pid()"):
        assert trip.comes_back(f"SELECT proacl::text FROM pg_proc WHERE oid = '{function}'::regprocedure")


async def test_a_restore_gives_no_rights_of_the_targets_own(server: TestServer, repository: RepositoryTarget) -> None:
    """Default privileges would be given to every table on the way; such a database is not taken for empty."""
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS i")
    await take(source, repository)
    generous = server.create_database()
    server.execute(generous, "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    with pytest.raises(TargetNotEmptyError, match="1 default privilege"):
        await restore(generous, repository)
