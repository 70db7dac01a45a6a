"""Values of every type, sent as JSON and as CSV: the same comes back."""

from __future__ import annotations

import json

import pytest
from psycopg import sql

from pantry_tui.postgres.rowjson import text_columns
from tests.engine.rows.trips import Database, Trip, lines, opened
from tests.engine.rows.values import EXTENSIONS, SCHEMA, VALUES
from tests.servers import TestServer

trips = pytest.mark.parametrize("trip", [Database.json_trip, Database.csv_trip], ids=["json", "csv"])


def fill(server: TestServer, database: str, values: dict[str, tuple[str, ...]]) -> list[str]:
    """A table per type, and one like it; returns the statements' types in the tables' order."""
    for number, (type_name, literals) in enumerate(values.items()):
        rows = ", ".join(f"({place}, ({literal})::{type_name})" for place, literal in enumerate(literals))
        server.execute(
            database,
            f"CREATE TABLE t{number} (n int, v {type_name}); INSERT INTO t{number} VALUES {rows}, (-1, NULL);"
            f"CREATE TABLE again{number} (LIKE t{number})",
        )
    return list(values)


@trips
async def test_every_value_comes_back(any_server: TestServer, trip: Trip) -> None:
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(target, SCHEMA)
    types = fill(any_server, target.name, VALUES)
    async with opened(target) as database:
        for number, type_name in enumerate(types):
            assert trip(database, f"public.t{number}", f"public.again{number}") == len(VALUES[type_name]) + 1
            found = database.fingerprint(f"public.again{number}", f"public.t{number}")
            assert found == database.fingerprint(f"public.t{number}", f"public.t{number}"), type_name


@trips
@pytest.mark.parametrize("extension", EXTENSIONS)
async def test_types_of_extensions(any_server: TestServer, trip: Trip, extension: str) -> None:
    """hstore has a cast to json, which would make an object of it."""
    target = any_server.create_database()
    available = any_server.execute(target, f"SELECT name FROM pg_available_extensions WHERE name = '{extension}'")
    if not available:
        pytest.skip(f"this server has no {extension}")
    any_server.execute(target, f"CREATE EXTENSION {extension}")
    types = fill(any_server, target.name, EXTENSIONS[extension])
    async with opened(target) as database:
        for number, _ in enumerate(types):
            trip(database, f"public.t{number}", f"public.again{number}")
            found = database.fingerprint(f"public.again{number}", f"public.t{number}")
            assert found == database.fingerprint(f"public.t{number}", f"public.t{number}")


@trips
async def test_all_types_in_one_row(server: TestServer, trip: Trip) -> None:
    target = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.execute(target, SCHEMA)
    columns = ", ".join(f"c{number} {type_name}" for number, type_name in enumerate(VALUES))
    rows = ", ".join(f"({literals[0]})::{type_name}" for type_name, literals in VALUES.items())
    server.execute(target, f"CREATE TABLE t ({columns}); INSERT INTO t SELECT {rows}; CREATE TABLE again (LIKE t)")
    async with opened(target) as database:
        assert trip(database, "public.t", "public.again") == 1
        assert database.fingerprint("public.again", "public.t") == database.fingerprint("public.t", "public.t")


async def test_casts_of_a_user_are_not_used(server: TestServer) -> None:
    """A cast to text or json is any function; what counts is what the type writes."""
    target = server.create_database()
    server.execute(
        target,
        "CREATE TYPE pair AS (a int, b int); CREATE TYPE hue AS ENUM ('red');"
        "CREATE FUNCTION lie(pair) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'lie'$$;"
        "CREATE FUNCTION lie(hue) RETURNS json IMMUTABLE LANGUAGE sql AS $$SELECT '1'::json$$;"
        "CREATE FUNCTION lie(pair[]) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'lie'$$;"
        "CREATE CAST (pair AS text) WITH FUNCTION lie(pair); CREATE CAST (hue AS json) WITH FUNCTION lie(hue);"
        "CREATE CAST (pair[] AS text) WITH FUNCTION lie(pair[]);"
        "CREATE TABLE t AS SELECT ROW(1, NULL)::pair AS p, 'red'::hue AS h, ARRAY['red']::hue[] AS hs,"
        " ARRAY[ROW(1, 2)::pair] AS ps UNION ALL SELECT NULL, NULL, NULL, NULL; CREATE TABLE again (LIKE t)",
    )
    async with opened(target) as database:
        first = json.loads(next(lines(database.json_text("public.t"))))
        assert first == {"p": "(1,)", "h": "red", "hs": "{red}", "ps": '{"(1,2)"}'}
        database.json_trip("public.t", "public.again")
        assert database.fingerprint("public.again", "public.t") == database.fingerprint("public.t", "public.t")


NATIVE = [
    ("int8", "9007199254740993", 9007199254740993),
    ("oid", "4294967295", 4294967295),
    ("bool", "true", True),
    ("text", "NULL", None),
    ("text", "'NULL'", "NULL"),
    ("float8", "0.1", 0.1),
    ("float8", "'NaN'", "NaN"),
    ("numeric(10,2)", "12.50", 12.5),
    ("deep_price", "12.50", 12.5),
    ("numeric", "12.50", "12.50"),
    ("numeric(16,2)", "12.50", "12.50"),
    ("bytea", r"'\x00ff'", r"\x00ff"),
    ("date", "'2024-02-29'", "2024-02-29"),
    ("timestamptz", "'2024-02-29 12:00+02'", "2024-02-29T10:00:00+00:00"),
    ("int4[]", "'{1,NULL}'", [1, None]),
    ("int4[]", "'[0:1]={1,2}'", "[0:1]={1,2}"),
    ("text[]", "'{}'", "{}"),
    ("jsonb", """'{"a": [1, null]}'""", {"a": [1, None]}),
    ("jsonb", "'null'", "null"),
    ("jsonb", "'\"x\"'", '"x"'),
    ("json", """'{"a" : 1.50}'""", {"a": 1.5}),
    ("json", "'[1]'", [1]),
    ("json", "'true'", True),
    ("json", "'null'", "null"),
    ("json", "E'[1,\\n2]'", "[1,\n2]"),
    ("pair", "ROW(1,'a')", "(1,a)"),
    ("int4range", "'[1,5)'", "[1,5)"),
]


@pytest.mark.parametrize(("type_name", "literal", "value"), NATIVE)
async def test_what_a_reader_of_json_sees(server: TestServer, type_name: str, literal: str, value: object) -> None:
    target = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.execute(target, f"{SCHEMA} CREATE TABLE t AS SELECT ({literal})::{type_name} AS v")
    async with opened(target) as database:
        (row,) = lines(database.json_text("public.t"))
        found = json.loads(row)["v"]
    assert (type(found), found) == (type(value), value)


async def test_number_text_is_kept(server: TestServer) -> None:
    """Also where the value is a number: 1.10 is not 1.1, in a number of fixed scale as within json."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT 1.10::numeric(5,2) AS n, '-0'::float8 AS f, '[1.10]'::json AS j")
    async with opened(target) as database:
        assert database.json_text("public.t") == b'{"n":1.10,"f":-0,"j":[1.10]}'


async def test_text_columns_are_named(server: TestServer) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE t (a int, b text, c numeric, d numeric(5,2), e json, f int[], g uuid, h bytea, i numeric[], j float8,"
        ' k int GENERATED ALWAYS AS (a + 1) STORED, l "char", m timestamptz); ALTER TABLE t DROP COLUMN b',
    )
    async with opened(target) as database:
        columns = (await database.look())["public.t"].columns
    assert [column.name for column in columns] == list("acdefghijlm")
    assert text_columns(columns) == ("c", "g", "h", "i", "m")
    assert columns[1].type == "numeric"
    assert sql.SQL(columns[-1].type).as_string() == "timestamp with time zone"
