"""What the owner says must be true: asked after every way of recovery, and believed in none that it does not hold in."""

from __future__ import annotations

import pytest

from pantry_tui.errors import VerificationError
from pantry_tui.events import ignore
from pantry_tui.models import (
    Assertion,
    BackupKind,
    DatabaseTarget,
    DrillPlace,
    DrillRequest,
    RepositoryTarget,
    Strategy,
)
from pantry_tui.recovery.drill import drill_backup
from tests.engine.backup.taking import data_directory_of, take
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer

PEOPLE = """
CREATE TABLE people (id int PRIMARY KEY, name text);
INSERT INTO people SELECT i, 'p' || i FROM generate_series(1, 20) i;
"""
TRUE = Assertion(name="people are there", query="SELECT count(*) = 20 FROM people; ")
FALSE = Assertion(name="nobody is there", query="SELECT count(*) = 0 FROM people -- really")


@pytest.fixture
async def people(server: TestServer, repository: RepositoryTarget) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, PEOPLE)
    await take(target, repository)
    server.execute(target, "DELETE FROM people WHERE id > 10; INSERT INTO people VALUES (99, 'new')")
    return target


def count(server: TestServer, target: DatabaseTarget) -> object:
    return server.execute(target, "SELECT count(*) FROM people")[0][0]


async def test_side_by_side_nothing_is_exchanged(
    server: TestServer, people: DatabaseTarget, repository: RepositoryTarget
) -> None:
    with pytest.raises(VerificationError) as caught:
        await restore(people, repository, swap=True, assertions=(TRUE, FALSE))
    assert caught.value.message == "1 of 2 assertions do not hold: assertion nobody is there: it returned false"
    assert f'stays for inspection as "{people.name}.unverified-' in (caught.value.remedy or "")
    assert count(server, people) == 11
    assert [name for name in databases(server) if name.startswith(f"{people.name}.before-")] == []

    done = await restore(people, repository, swap=True, assertions=(TRUE,))
    assert [(each.name, each.holds, each.returned) for each in done.assertions] == [
        ("people are there", True, "it returned true")
    ]
    assert count(server, people) == 20


async def test_in_place_nothing_is_committed(
    server: TestServer, people: DatabaseTarget, repository: RepositoryTarget
) -> None:
    with pytest.raises(VerificationError, match="nobody is there: it returned false"):
        await restore(people, repository, tables=("public.people",), assertions=(TRUE, FALSE))
    assert count(server, people) == 11
    assert server.execute(people, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pantry%'") == [(0,)]

    tried = await restore(people, repository, tables=("public.people",), assertions=(TRUE, FALSE), dry_run=True)
    assert tried.violations == ("assertion nobody is there: it returned false",)
    assert [each.holds for each in tried.assertions] == [True, False]

    done = await restore(people, repository, tables=("public.people",), assertions=(TRUE,))
    assert [each.holds for each in done.assertions] == [True]
    assert count(server, people) == 20


async def test_rows_alone(server: TestServer, people: DatabaseTarget, repository: RepositoryTarget) -> None:
    await take(people, repository, kind=BackupKind.DATA)
    server.execute(people, "TRUNCATE people")
    eleven = Assertion(name="eleven", query="SELECT count(*) = 11 FROM people")
    with pytest.raises(VerificationError, match="people are there"):
        await restore(people, repository, assertions=(TRUE,))
    assert count(server, people) == 0
    assert (await restore(people, repository, assertions=(eleven,))).assertions[0].holds
    assert count(server, people) == 11


async def test_a_drill_fails_by_them(server: TestServer, people: DatabaseTarget, repository: RepositoryTarget) -> None:
    request = DrillRequest(
        repository=repository,
        backup_id="latest",
        where=DrillPlace.SERVER,
        server=people,
        data_directory=data_directory_of(repository),
        assertions=(FALSE,),
    )
    result = await drill_backup(request, ignore)
    assert result.failure is not None
    assert (result.ok, result.failure.exit_status, result.recorded) == (False, 31, True)
    assert [name for name in databases(server) if "_drill" in name] == []


async def test_without_comparing_they_are_not_asked(
    server: TestServer, people: DatabaseTarget, repository: RepositoryTarget
) -> None:
    done = await restore(people, repository, swap=True, assertions=(FALSE,), verify=False)
    assert done.assertions == ()
    done = await restore(people, repository, tables=("public.people",), assertions=(FALSE,), verify=False)
    assert done.assertions == ()


async def test_some_tables_in_a_new_database_are_not_what_they_speak_of(
    people: DatabaseTarget, repository: RepositoryTarget
) -> None:
    new = DatabaseTarget(name="some", conninfo=people.conninfo.replace(people.name, f"{people.name}_some"))
    done = await restore(new, repository, tables=("public.people",), assertions=(FALSE,))
    assert done.assertions == ()
    assert done.warnings == ("the assertions (1) were not asked: some of the backup's tables did not come",)


# What is asked, and what is said of it.
ANSWERS = [
    ("SELECT NULL::bool", "it returned NULL"),
    ("SELECT true WHERE false", "it returned no row"),
    ("SELECT true FROM generate_series(1, 3)", "it returned several rows, the first: t"),
    ("SELECT true, false", "it returned 2 columns: t, f"),
    ("SELECT 't'", "it returned t, which is no truth value"),
    (f"SELECT '{'x' * 10_000}'", f"it returned {'x' * 199}…, which is no truth value"),
    ("SELECT 1 / 0 = 1", "it failed: division by zero"),
    ("SELECT pg_sleep(60) IS NOT NULL", "no answer within 0.2 s"),
    ("WITH gone AS (DELETE FROM people RETURNING id) SELECT count(*) > 0 FROM gone", "it failed: WITH clause"),
    ("SELECT nextval('numbers') > 0", "it failed: cannot execute nextval() in a read-only transaction"),
    (
        "SELECT true) x; COMMIT; SELECT * FROM (SELECT true",
        "it failed: cannot insert multiple commands into a prepared statement",
    ),
    (
        "SELECT set_config('transaction_read_only', 'off', false) = 'off'",
        "it failed: cannot set transaction read-write mode",
    ),
]


@pytest.mark.parametrize("strategy", [Strategy.REPLACE, Strategy.MERGE])
async def test_what_is_no_true_changes_nothing(
    server: TestServer, people: DatabaseTarget, repository: RepositoryTarget, strategy: Strategy
) -> None:
    """All at once, in place: what one of them leaves behind would spoil the next, or the transaction."""
    server.execute(people, "CREATE SEQUENCE numbers")
    asked = tuple(Assertion(name=str(number), query=query) for number, (query, _) in enumerate(ANSWERS))
    request = {"tables": ("public.people",), "strategy": strategy, "dry_run": True}
    done = await restore(people, repository, assertions=(*asked, TRUE), assertion_seconds=0.2, **request)  # type: ignore[arg-type]
    for (_, said), outcome in zip(ANSWERS, done.assertions, strict=False):
        assert outcome.returned.startswith(said)
        assert not outcome.holds
    assert done.assertions[-1].holds is (strategy is Strategy.REPLACE)
    assert count(server, people) == 11
