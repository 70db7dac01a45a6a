"""Any values at all, made by hypothesis, sent as JSON and as CSV."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.link import Link
from pantry_tui.postgres.session import pin_statements
from pantry_tui.postgres.snapshot import open_catalog
from tests.engine.rows.trips import Database, Trip
from tests.servers import TestServer

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
blanks = st.text(" \t\n\r", max_size=2)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
strings = st.lists(
    st.sampled_from(["a", "é", "\\u0000", "\\ud83d", "\\ude00", "\\\\", '\\"', "\\n", "\\u00e9", "]", "\\/"])
).map(lambda parts: f'"{"".join(parts)}"')


def spaced(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(blanks, inner, blanks).map("".join)


def joined(parts: list[str]) -> str:
    return ",".join(parts)


documents = st.recursive(
    spaced(st.one_of(st.sampled_from(["null", "true", "false"]), numbers, strings)),
    lambda inner: st.one_of(
        spaced(st.lists(inner, max_size=3).map(lambda parts: f"[{joined(parts)}]")),
        spaced(
            st.lists(st.tuples(spaced(strings), inner).map(lambda pair: f"{pair[0]}:{pair[1]}"), max_size=3).map(
                lambda parts: f"{{{joined(parts)}}}"
            )
        ),
    ),
    max_leaves=5,
)
floats = st.binary(min_size=8, max_size=8).map(lambda data: float(struct.unpack("<d", data)[0]))
arrays = st.tuples(st.integers(-3, 3), st.lists(st.one_of(st.none(), texts), max_size=4))
values = st.fixed_dictionaries(
    {
        "t": texts,
        "f": floats,
        "n": st.one_of(numbers, st.sampled_from(["NaN", "Infinity", "-Infinity", "0.00"])),
        "b": st.binary(max_size=20),
        "j": documents,
        "a": arrays,
        "i": st.integers(-(2**63), 2**63 - 1),
    }
)
rows = st.lists(values, min_size=1, max_size=5)

# The composite holds the text again: quoted in an array in a composite.
TABLES = """
CREATE TYPE inner_type AS (t text, n int);
CREATE TYPE outer_type AS (parts inner_type[], t text);
CREATE TABLE t (t text, f float8, n numeric, b bytea, j json, a text[], i int8, c outer_type);
CREATE TABLE again (LIKE t)
"""
INSERT = """
INSERT INTO t VALUES (%(t)s, %(f)s, %(n)s, %(b)s, %(j)s,
    CASE WHEN cardinality(%(a)s::text[]) = 0 THEN '{}'
        ELSE (format('[%%s:%%s]=', %(lower)s::int, %(lower)s::int + cardinality(%(a)s::text[]) - 1)
            || %(a)s::text[]::text)::text[] END,
    %(i)s, ROW(ARRAY[ROW(%(t)s, 1)::inner_type, NULL], %(t)s)::outer_type)
"""


@pytest.fixture
def target(server: TestServer) -> DatabaseTarget:
    database = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.execute(database, TABLES)
    return database


@pytest.fixture
def database(target: DatabaseTarget) -> Iterator[Database]:
    async def look() -> tuple[Database, int]:
        async with await open_catalog(target, application="test") as catalog:
            found = Database(link, catalog, "UTF8")
            await found.look()
            return found, catalog.info.server_version

    with closing(Link.open(target, application="test", settings=pin_statements(150000))) as link:
        yield asyncio.run(look())[0]


@pytest.mark.parametrize("trip", [Database.json_trip, Database.csv_trip], ids=["json", "csv"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows)
def test_any_rows_come_back(
    server: TestServer, target: DatabaseTarget, database: Database, trip: Trip, rows: list[dict[str, Any]]
) -> None:
    connection = server.connect(target)
    connection.execute("TRUNCATE t, again")
    for row in rows:
        lower, array = row["a"]
        connection.execute(INSERT, {**row, "a": array, "lower": lower})
    connection.close()
    assert trip(database, "public.t", "public.again") == len(rows)
    assert database.fingerprint("public.again", "public.t") == database.fingerprint("public.t", "public.t")
