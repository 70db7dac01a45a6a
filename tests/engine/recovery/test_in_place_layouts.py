"""Recoveries in place against a model, for layouts that nobody thought of.

Tables are keyed or not, of identity, partitioned or heirs, refer to each other in circles, have generated columns, and triggers
that swallow every row; some are gone. Some of them are recovered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pantry_tui.errors import RestoreError
from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, RepositoryTarget, RollbackRequest, Strategy
from pantry_tui.recovery.undoing import roll_back
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

Row: TypeAlias = "tuple[int, int, int | None]"  # id, value, the id that it refers to
State: TypeAlias = "dict[str, list[Row]]"  # by table; partitions by themselves
IDS = 5
SWALLOW = (
    "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
    "CREATE FUNCTION state(name text, letter text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN "
    "EXECUTE format('ALTER TABLE %I %s TRIGGER swallow', name, CASE letter WHEN 'D' THEN 'DISABLE' WHEN 'O' THEN 'ENABLE' "
    "WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END); END $$;"
)


class Drawn(NamedTuple):
    """A table as it was drawn; what does not fit its place is left out."""

    kind: str  # plain, identity, partitioned, or heir (of the table before it)
    keyed: bool
    generated: bool
    trigger: str | None
    refers_to: int | None
    action: str
    stored: list[Row]
    now: list[Row]
    gone: tuple[bool, bool]  # the table, or each of its partitions
    chosen: tuple[bool, bool]


ROWS = st.lists(
    st.tuples(st.integers(0, IDS), st.integers(0, 2), st.one_of(st.none(), st.integers(0, IDS))), max_size=6
)
PAIRS = st.tuples(st.booleans(), st.booleans())
SELDOM = st.sampled_from([False, False, False, True])
TABLES = st.builds(
    Drawn,
    kind=st.sampled_from(["plain", "plain", "identity", "partitioned", "heir"]),
    keyed=st.sampled_from([True, True, True, False]),
    generated=st.booleans(),
    trigger=st.one_of(st.none(), st.sampled_from("ADOR")),
    refers_to=st.one_of(st.none(), st.integers(0, 4)),
    action=st.sampled_from(["", "ON DELETE CASCADE", "ON DELETE SET NULL", "DEFERRABLE INITIALLY DEFERRED"]),
    stored=ROWS,
    now=ROWS,
    gone=st.tuples(SELDOM, SELDOM),
    chosen=PAIRS,
)
LAYOUTS = st.lists(TABLES, min_size=3, max_size=5)


class Table(NamedTuple):
    """A table of a layout. ``units`` are what has rows: itself, or its partitions."""

    name: str
    drawn: Drawn
    parent: str | None
    units: tuple[str, ...]
    refers_to: str | None

    def create(self) -> str:
        generated = ", g int GENERATED ALWAYS AS (v * 2) STORED" if self.drawn.generated else ""
        number = "int GENERATED ALWAYS AS IDENTITY" if self.drawn.kind == "identity" else "int NOT NULL"
        columns = "" if self.parent else f"id {number}, v int, ref int, k int DEFAULT 0{generated}"
        key = "PRIMARY KEY (id, k)" if len(self.units) > 1 else "PRIMARY KEY (id)"
        parts = ", ".join(filter(None, [columns, key if self.drawn.keyed else ""]))
        if self.parent:
            return f"CREATE TABLE {self.name} ({parts}) INHERITS ({self.parent})"
        if len(self.units) == 1:
            return f"CREATE TABLE {self.name} ({parts})"
        leaves = [
            f"CREATE TABLE {unit} PARTITION OF {self.name} FOR VALUES IN ({number})"
            for number, unit in enumerate(self.units)
        ]
        return "; ".join([f"CREATE TABLE {self.name} ({parts}) PARTITION BY LIST (k)", *leaves])

    def rows(self, drawn: Sequence[Row]) -> State:
        """Rows as the table can have them: one of each key, in the partition of its number."""
        kept = list({row[0]: row for row in drawn}.values()) if self.drawn.keyed else list(drawn)
        count = len(self.units)
        return {unit: [row for row in kept if row[0] % count == place] for place, unit in enumerate(self.units)}


class Layout:
    """All tables of an example, and what must come of them."""

    def __init__(self, drawn: list[Drawn], strategy: Strategy) -> None:
        self.tables: list[Table] = []
        for place, each in enumerate(drawn):
            self.tables.append(self._table(place, each, drawn))
        self.stored = self._state([each.stored for each in drawn])
        self.now = self._state([each.now for each in drawn])
        heirs = {table.parent for table in self.tables}
        self.gone, self.chosen = set[str](), set[str]()
        for table in self.tables:
            for unit, gone, chosen in zip(table.units, table.drawn.gone, table.drawn.chosen, strict=False):
                if gone and table.name not in heirs:
                    self.gone.add(unit)
                if (chosen or not self.chosen) and (table.drawn.keyed or strategy is not Strategy.MERGE):
                    self.chosen.add(unit)
        self.strategy = strategy

    def _table(self, place: int, each: Drawn, drawn: list[Drawn]) -> Table:
        name = f"t{place}"
        before = self.tables[-1] if self.tables else None
        parent = before.name if each.kind == "heir" and before is not None and len(before.units) == 1 else None
        units = (f"{name}_0", f"{name}_1") if each.kind == "partitioned" else (name,)
        referred = None if each.refers_to is None else each.refers_to % len(drawn)
        fits = referred is not None and drawn[referred].keyed and drawn[referred].kind != "partitioned"
        return Table(name, each, parent, units, f"t{referred}" if fits else None)

    def _state(self, drawn: list[list[Row]]) -> State:
        """The rows by table. None refers to nothing: that would be a fault that was there before."""
        state: State = {}
        for table, rows in zip(self.tables, drawn, strict=True):
            state |= table.rows(rows)
        for table in self.tables:
            if table.refers_to is not None:
                there = {row[0] for row in state[table.refers_to]}
                for unit in table.units:
                    state[unit] = [(i, v, ref if ref in there else None) for i, v, ref in state[unit]]
        return state

    def keys(self) -> list[str]:
        return [
            f"ALTER TABLE {table.name} ADD CONSTRAINT {table.name}_key FOREIGN KEY (ref) REFERENCES {table.refers_to} "
            f"{table.drawn.action}"
            for table in self.tables
            if table.refers_to is not None
        ]

    def standing(self) -> State:
        return {unit: rows for unit, rows in self.now.items() if unit not in self.gone}

    def wanted(self) -> State:
        """What must be there afterwards, by the strategy alone."""
        found = self.standing()
        for table in self.tables:
            for unit in self.chosen.intersection(table.units):
                backup, there = self.stored[unit], found.get(unit)
                found[unit] = backup if there is None else self._mixed(table, backup, there)
        return found

    def _mixed(self, table: Table, backup: list[Row], there: list[Row]) -> list[Row]:
        if self.strategy is Strategy.REPLACE:
            return backup
        if not table.drawn.keyed:
            left = list(there)
            return there + [row for row in backup if row not in left or left.remove(row)]  # type: ignore[func-returns-value]
        old, new = ({row[0]: row for row in rows} for rows in (there, backup))
        return list((old | new if self.strategy is Strategy.MERGE else new | old).values())

    def is_broken(self) -> bool:
        """Whether a key that stands, or comes back, has rows that refer to nothing."""
        wanted = self.wanted()
        for table in self.tables:
            if table.refers_to is None or table.refers_to not in wanted:
                continue
            touched = self.chosen.intersection([*table.units, table.refers_to])
            there = {row[0] for row in wanted[table.refers_to]}
            refs = {ref for unit in table.units for _, _, ref in wanted.get(unit, []) if ref is not None}
            if touched and refs - there:
                return True
        return False


class Playground:
    """A database with the tables of a layout."""

    def __init__(self, server: TestServer, target: DatabaseTarget, layout: Layout) -> None:
        self.server = server
        self.target = target
        self.layout = layout
        self._triggers = [table for table in layout.tables if table.drawn.trigger is not None]

    def run(self, *statements: str) -> None:
        if statements:
            self.server.execute(self.target, "; ".join(statements))

    def create(self) -> None:
        self.run(SWALLOW, *(table.create() for table in self.layout.tables))
        self.run(*self.layout.keys())
        for table in self._triggers:
            self.run(
                f"CREATE TRIGGER swallow BEFORE INSERT OR UPDATE OR DELETE ON {table.name} "
                "FOR EACH ROW EXECUTE FUNCTION swallow()"
            )

    def fill(self, state: State) -> None:
        self.run(*(f"SELECT state('{table.name}', 'D')" for table in self._triggers))
        values = [
            f"INSERT INTO {table.name} (id, v, ref, k) OVERRIDING SYSTEM VALUE VALUES ({i}, {v}, {_sql(ref)}, {place})"
            for table in self.layout.tables
            for place, unit in enumerate(table.units)
            for i, v, ref in state[unit]
        ]
        names = ", ".join(table.name for table in self.layout.tables)
        self.run("SET session_replication_role = replica", f"TRUNCATE {names}", *values)
        self.run(*(f"SELECT state('{table.name}', '{table.drawn.trigger}')" for table in self._triggers))

    def drop(self) -> None:
        self.run(*(f"DROP TABLE {unit} CASCADE" for unit in sorted(self.layout.gone)))

    def content(self) -> State:
        found: State = {}
        for table in self.layout.tables:
            for unit in table.units:
                if self.server.execute(self.target, f"SELECT to_regclass('{unit}')") != [(None,)]:
                    rows = self.server.execute(self.target, f"SELECT id, v, ref FROM ONLY {unit}")
                    found[unit] = [(i, v, ref) for i, v, ref in rows]
        return found

    def around(self) -> list[tuple[object, ...]]:
        """Triggers by their states, keys by whether they hold."""
        return self.server.execute(
            self.target,
            "SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal "
            "UNION ALL SELECT conrelid::regclass::text, conname::text, convalidated::text FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f') ORDER BY 1, 2, 3",
        )


def _sql(value: int | None) -> str:
    return "NULL" if value is None else str(value)


def _sorted(state: State) -> State:
    return {unit: sorted(rows, key=repr) for unit, rows in state.items()}


@settings(max_examples=2, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(strategy=st.sampled_from(list(Strategy)), drawn=LAYOUTS)
def test_tables_become_what_the_model_says(server: TestServer, strategy: Strategy, drawn: list[Drawn]) -> None:
    compare_with_model(server, strategy, drawn)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("strategy", list(Strategy))
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(drawn=LAYOUTS)
def test_tables_of_many_layouts(server: TestServer, strategy: Strategy, drawn: list[Drawn]) -> None:
    compare_with_model(server, strategy, drawn)


def compare_with_model(server: TestServer, strategy: Strategy, drawn: list[Drawn]) -> None:
    layout = Layout(drawn, strategy)
    if not layout.chosen:  # nothing can be merged by a key
        return
    target = server.create_database()
    try:
        with TemporaryDirectory() as directory:
            repository = RepositoryTarget(name="local", location=str(Path(directory) / "r"))
            _compare(Playground(server, target, layout), repository)
    finally:
        server.drop_database(target.name)


def _compare(playground: Playground, repository: RepositoryTarget) -> None:
    layout = playground.layout
    playground.create()
    playground.fill(layout.stored)
    asyncio.run(take(playground.target, repository))
    playground.fill(layout.now)
    playground.drop()
    before, around = _sorted(playground.content()), playground.around()
    assert before == _sorted(layout.standing())
    names = tuple(f"public.{unit}" for unit in sorted(layout.chosen))
    recovery = restore(playground.target, repository, tables=names, strategy=layout.strategy, analyze=False)
    if layout.is_broken():
        with pytest.raises(RestoreError, match="break"):
            asyncio.run(recovery)
    else:
        done = asyncio.run(recovery)
        assert _sorted(playground.content()) == _sorted(layout.wanted())
        if not layout.gone:
            assert playground.around() == around
        asyncio.run(roll_back(RollbackRequest(target=playground.target, undo=done.id), ignore))
    assert _sorted(playground.content()) == before
    assert playground.around() == around
