"""Triggers of partitioned tables: put aside for the partitions that are exchanged, and for no other."""

from __future__ import annotations

import pytest

from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, RepositoryTarget, RollbackRequest
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.engine.recovery.test_missing import MEASUREMENTS, TRIGGERS
from tests.servers import TestServer

ROWS = "SELECT count(*) FROM m"


@pytest.fixture
async def measurements(any_server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    """Its partitions' triggers are in states of their own."""
    target = any_server.create_database()
    any_server.execute(
        target,
        MEASUREMENTS
        + "ALTER TABLE m2 DISABLE TRIGGER tell; CREATE TRIGGER once BEFORE INSERT ON m EXECUTE FUNCTION tell();"
        "ALTER TABLE ONLY m ENABLE ALWAYS TRIGGER tell",
    )
    await take(target, repository)
    any_server.execute(target, "DELETE FROM m WHERE id % 3 = 0")
    return target


@pytest.mark.parametrize("tables", [("public.m1",), ("public.m",)])
async def test_each_partitions_own_state_stays(
    any_server: TestServer, measurements: DatabaseTarget, repository: RepositoryTarget, tables: tuple[str, ...]
) -> None:
    states = any_server.execute(measurements, TRIGGERS)
    assert ("m1", "tell", "O") in states
    assert ("m2", "tell", "D") in states
    rows = any_server.execute(measurements, ROWS)
    result = await restore(measurements, repository, tables=tables)
    assert any_server.execute(measurements, ROWS) > rows
    assert any_server.execute(measurements, TRIGGERS) == states
    assert any_server.execute(measurements, "SELECT count(*) FROM log") == [(0,)]
    await roll_back(RollbackRequest(target=measurements, undo=result.id), ignore)
    assert any_server.execute(measurements, ROWS) == rows
    assert any_server.execute(measurements, TRIGGERS) == states


async def test_a_partition_that_nobody_touches_may_be_in_use(
    any_server: TestServer, measurements: DatabaseTarget, repository: RepositoryTarget
) -> None:
    """Nothing of the other partitions changes, so whoever writes there is not waited for."""
    any_server.execute(measurements, "DROP TABLE refs; ALTER TABLE m DROP CONSTRAINT m_customer_fkey")
    writer = any_server.connect(measurements, autocommit=False)
    writer.execute("INSERT INTO m2 (day) VALUES ('2026-02-03')")
    await restore(measurements, repository, tables=("public.m1",), lock_timeout_seconds=0.2)
    writer.commit()


@pytest.mark.slow
async def test_an_owner_is_enough(
    any_server: TestServer, measurements: DatabaseTarget, repository: RepositoryTarget
) -> None:
    any_server.execute("postgres", "DROP ROLE IF EXISTS states_owner; CREATE ROLE states_owner LOGIN")
    own = [f"ALTER TABLE {name} OWNER TO states_owner" for name in ("m", "m1", "m2", "customers", "refs")]
    any_server.execute(measurements, f"{';'.join(own)}; GRANT CREATE ON DATABASE {measurements.name} TO states_owner")
    states = any_server.execute(measurements, TRIGGERS)
    try:
        owner = any_server.target(measurements.name, role="states_owner")
        await restore(owner, repository, tables=("public.m1",))
        assert any_server.execute(measurements, TRIGGERS) == states
        assert any_server.execute(measurements, "SELECT count(*) FROM m1") == [(62,)]
    finally:
        any_server.execute(measurements, "DROP OWNED BY states_owner CASCADE; DROP ROLE states_owner")
