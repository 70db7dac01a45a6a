"""Sequences after a recovery in place: ahead of what came, whatever their columns are of, and never back."""

from __future__ import annotations

import pytest

from pantry_tui.errors import LockTimeoutError
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

TABLES = """
CREATE DOMAIN number AS int;
CREATE DOMAIN larger AS number CHECK (VALUE > 0);
CREATE SEQUENCE numbers; CREATE SEQUENCE invoices; CREATE SEQUENCE larger_ones; CREATE SEQUENCE below INCREMENT -1;
CREATE TABLE t (a numeric DEFAULT nextval('numbers') PRIMARY KEY, b text DEFAULT 'INV-' || nextval('invoices'),
    c larger DEFAULT nextval('larger_ones'), d numeric DEFAULT nextval('below'));
INSERT INTO t SELECT FROM generate_series(1, 9);
INSERT INTO t (a, b, c, d) VALUES ('NaN', 'x', 30, 3), (1e30, 'y', 2, -40.5), (20.5, 'z', 1, 0);
"""
BACK = "SELECT setval('numbers', 1), setval('invoices', 1), setval('larger_ones', 1), setval('below', -1)"
NEXT = "SELECT nextval('numbers'), nextval('invoices'), nextval('larger_ones'), nextval('below')"


@pytest.fixture
async def target(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, TABLES)
    await take(target, repository)
    return target


async def test_columns_of_other_types_have_theirs_ahead_too(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute(target, f"DELETE FROM t; {BACK}")
    await restore(target, repository, tables=("public.t",))
    assert server.execute(target, NEXT) == [(21, 10, 31, -41)]


@pytest.mark.slow
async def test_what_is_ahead_stays_there(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute(target, "DELETE FROM t; SELECT setval('numbers', 1000), setval('invoices', 1000)")
    await restore(target, repository, tables=("public.t",))
    assert server.execute(target, NEXT) == [(1001, 1001, 31, -41)]


async def test_nobody_takes_a_number_between_the_look_and_the_move(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute(target, f"DELETE FROM t; {BACK}")
    other = server.connect(target, autocommit=False)
    other.execute("SELECT nextval('numbers')")
    with pytest.raises(LockTimeoutError):
        await restore(target, repository, tables=("public.t",), lock_timeout_seconds=0.2)
    other.rollback()
    await restore(target, repository, tables=("public.t",))
    assert server.execute(target, NEXT) == [(21, 10, 31, -41)]


@pytest.mark.slow
async def test_a_sequence_of_somebody_else_is_moved_where_that_is_allowed(
    server: TestServer, target: DatabaseTarget, repository: RepositoryTarget
) -> None:
    server.execute("postgres", "DROP ROLE IF EXISTS teller; CREATE ROLE teller LOGIN")
    try:
        server.execute(
            target,
            f"DELETE FROM t; {BACK}; ALTER TABLE t OWNER TO teller; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO teller;"
            f"GRANT CREATE ON DATABASE {target.name} TO teller",
        )
        await restore(server.target(target.name, role="teller"), repository, tables=("public.t",))
        assert server.execute(target, NEXT) == [(21, 10, 31, -41)]
    finally:
        server.execute(target, "DROP OWNED BY teller CASCADE; DROP ROLE teller")


async def test_the_identity_of_a_partitioned_table(server: TestServer, repository: RepositoryTarget) -> None:
    """Its partitions have it from release 17 on: the sequence is the root's."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE p (id int GENERATED ALWAYS AS IDENTITY, k int) PARTITION BY LIST (k);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p (k) SELECT 1 FROM generate_series(1, 9)",
    )
    await take(target, repository)
    server.execute(target, "DELETE FROM p; SELECT setval('p_id_seq', 1)")
    await restore(target, repository, tables=("public.p1",))
    assert server.execute(target, "INSERT INTO p (k) VALUES (1) RETURNING id") == [(10,)]
