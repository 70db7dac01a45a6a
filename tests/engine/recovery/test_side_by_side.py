"""A whole database exchanged for the restored one, the old one kept; and back again."""

from __future__ import annotations

import psycopg
import pytest

from pantry_tui.errors import NotFoundError, RefusedError, RestoreError
from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, ReleaseRequest, RepositoryTarget, RollbackRequest, RollbackResult
from pantry_tui.recovery.undoing import release, roll_back
from tests.engine.backup.taking import take
from tests.engine.recovery.planning import plan
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer

ROWS = "SELECT string_agg(v, ',' ORDER BY id) FROM t"


@pytest.fixture
async def target(any_server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    """A database that was backed up, then damaged; it has a comment, settings and privileges of its own."""
    target = any_server.create_database()
    any_server.execute(target, "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    await take(target, repository)
    name = target.name
    any_server.execute(
        target,
        f"UPDATE t SET v = 'wrong'; COMMENT ON DATABASE {name} IS 'mine'; ALTER DATABASE {name} SET work_mem = '7MB';"
        f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; ALTER DATABASE {name} CONNECTION LIMIT 9",
    )
    return target


async def undo(target: DatabaseTarget, recovery_id: str, *, force: bool = False) -> RollbackResult:
    return await roll_back(RollbackRequest(target=target, undo=recovery_id, force=force), ignore)


def properties(server: TestServer, name: str) -> list[tuple[object, ...]]:
    return server.execute(
        "postgres",
        "SELECT shobj_description(d.oid, 'pg_database'), (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a),"
        " datconnlimit, setconfig::text, datallowconn "
        f"FROM pg_database d LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid WHERE datname = '{name}'",
    )


async def test_names_are_exchanged_and_exchanged_back(
    any_server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    before = properties(any_server, target.name)
    session = any_server.connect(target)
    result = await restore(target, repository, swap=True)
    assert (result.way, result.status) == ("side by side", "succeeded")
    assert result.checkpoint is not None
    any_server.drop_after_test(result.checkpoint)
    assert any_server.execute(target, ROWS) == [("a,b",)]
    assert properties(any_server, target.name) == before
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        any_server.connect(result.checkpoint)

    undone = await undo(target, result.id)
    assert undone.checkpoint is not None
    any_server.drop_after_test(undone.checkpoint)
    assert any_server.execute(target, ROWS) == [("wrong,wrong",)]
    assert properties(any_server, target.name) == before
    assert result.checkpoint not in databases(any_server)
    assert (await undo(target, result.id)).already == undone.id

    again = await undo(target, undone.id)
    assert again.checkpoint is not None
    any_server.drop_after_test(again.checkpoint)
    assert any_server.execute(target, ROWS) == [("a,b",)]
    released = await release(ReleaseRequest(target=target, undo=again.id), ignore)
    assert released.database == again.checkpoint
    assert released.database not in databases(any_server)
    with pytest.raises(NotFoundError):
        await undo(target, again.id)


async def test_what_was_written_since_is_shown(
    any_server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    result = await restore(target, repository, swap=True)
    any_server.drop_after_test(str(result.checkpoint))
    any_server.execute(target, "INSERT INTO t VALUES (3, 'new')")
    with pytest.raises(RefusedError, match="1 rows inserted, 0 updated, 0 deleted"):
        await undo(target, result.id)
    undone = await undo(target, result.id, force=True)
    any_server.drop_after_test(str(undone.checkpoint))
    assert any_server.execute(target, ROWS) == [("wrong,wrong",)]


async def test_what_would_stay_with_the_old_one_is_named(
    any_server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    session = any_server.connect(target)
    session.execute("BEGIN")
    session.execute("DELETE FROM t")
    session.execute("PREPARE TRANSACTION 'half-done'")
    try:
        with pytest.raises(RefusedError, match="prepared transaction half-done would stay with the old one"):
            await restore(target, repository, swap=True)
    finally:
        session.execute("ROLLBACK PREPARED 'half-done'")


async def test_role_that_cannot_exchange_works_in_place(
    any_server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    any_server.execute("postgres", "DROP ROLE IF EXISTS shopkeeper; CREATE ROLE shopkeeper LOGIN")
    any_server.execute(
        target,
        f"GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {target.name} TO shopkeeper; ALTER TABLE t OWNER TO shopkeeper",
    )
    try:
        shopkeeper = any_server.target(target.name, role="shopkeeper")
        result = await restore(shopkeeper, repository, swap=True)
        assert result.way == "in place"
        assert any("rows of its tables were exchanged instead" in warning for warning in result.warnings)
        assert any(line.startswith("definitions: ") for line in result.left_out)
        assert any_server.execute(target, ROWS) == [("a,b",)]
        some = await restore(shopkeeper, repository, swap=True, tables=("public.t",))
        assert (some.left_out, some.warnings) == ((), ())
        any_server.execute(target, "SELECT lo_from_bytea(0, 'x')")
        await take(target, repository)
        with pytest.raises(RefusedError, match="has 1 large objects, and this role may not put"):
            await restore(shopkeeper, repository, swap=True)
        assert [each.code for each in (await plan(shopkeeper, repository)).refusals] == ["refused"]
        await restore(shopkeeper, repository, swap=True, tables=("public.t",))
    finally:
        any_server.execute(target, "DROP OWNED BY shopkeeper CASCADE; DROP ROLE shopkeeper")


async def test_database_that_somebody_else_made_is_not_put_in_place(
    any_server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    result = await restore(target, repository, swap=True)
    kept = any_server.drop_after_test(str(result.checkpoint))
    any_server.execute("postgres", "DROP ROLE IF EXISTS forger; CREATE ROLE forger")
    try:
        any_server.execute("postgres", f'ALTER DATABASE "{kept.name}" OWNER TO forger')
        with pytest.raises(NotFoundError, match="belongs to forger, who does not own"):
            await undo(target, result.id)
    finally:
        any_server.execute("postgres", f'ALTER DATABASE "{kept.name}" OWNER TO postgres; DROP ROLE forger')


@pytest.mark.slow
async def test_an_owner_of_its_own_does_not_hide_what_a_superuser_kept(
    any_server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    result = await restore(target, repository, swap=True)
    any_server.drop_after_test(str(result.checkpoint))
    any_server.execute("postgres", "DROP ROLE IF EXISTS heir; CREATE ROLE heir")
    try:
        any_server.execute("postgres", f"ALTER DATABASE {target.name} OWNER TO heir")
        undone = await undo(target, result.id)
        any_server.drop_after_test(str(undone.checkpoint))
        assert any_server.execute(target, ROWS) == [("wrong,wrong",)]
    finally:
        any_server.execute("postgres", f'ALTER DATABASE "{undone.checkpoint}" OWNER TO postgres; DROP ROLE heir')


async def test_an_owner_that_cannot_be_carried_over_ends_it_before_names_are_exchanged(
    server: TestServer, repository: RepositoryTarget
) -> None:
    """A member that may not SET ROLE (release 16) may rename its group's database, and not make one for it."""
    server.execute(
        "postgres",
        "DROP ROLE IF EXISTS boss, worker; CREATE ROLE boss; CREATE ROLE worker LOGIN CREATEDB;"
        "GRANT boss TO worker WITH INHERIT TRUE, SET FALSE; GRANT pg_signal_backend TO worker",
    )
    target = server.create_database(owner="worker")
    worker = server.target(target.name, role="worker")
    try:
        server.execute(worker, "CREATE TABLE t (i int)")
        await take(worker, repository)
        server.execute("postgres", f"ALTER DATABASE {target.name} OWNER TO boss")
        with pytest.raises(RestoreError, match="could not be given to boss, who owns") as failure:
            await restore(worker, repository, swap=True)
        assert f"{target.name} is as it was" in (failure.value.remedy or "")
        assert not [name for name in databases(server) if name.startswith(f"{target.name}.before")]
    finally:
        server.execute("postgres", f"DROP DATABASE {target.name} WITH (FORCE)")
        left = [name for name in databases(server) if name.startswith(target.name)]
        for name in left:
            server.drop_database(name)
        server.execute("postgres", "DROP ROLE boss, worker")
