"""Hazards of group D of docs/hazards.md: types and values."""

from __future__ import annotations

import pytest

from pantry_tui.errors import RestoreError, ServerError
from pantry_tui.models import BackupSelection, RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.hazards.conftest import ThereAndBack
from tests.engine.recovery.restoring import restore
from tests.engine.rows.values import SCHEMA, VALUES
from tests.servers import TestServer

TOO_LARGE = 600 * 1024 * 1024  # bytes of a bytea, twice as many characters of text


async def test_every_value_comes_back(there_and_back: ThereAndBack) -> None:
    """The bytes of COPY are never decoded: what no Python value can hold (BC, infinity, year 10000) is no matter."""
    tables = [
        f"CREATE TABLE t{number} (n int, v {type_name}); INSERT INTO t{number} VALUES "
        + ", ".join(f"({place}, ({literal})::{type_name})" for place, literal in enumerate(literals))
        for number, (type_name, literals) in enumerate(VALUES.items())
    ]
    trip = await there_and_back(";\n".join([SCHEMA, *tables]) + ";")
    query = "SELECT string_agg(v::text, ' ' ORDER BY n) FROM t{}"
    for number in range(len(VALUES)):
        trip.comes_back(query.format(number))


async def test_money_names_its_currency(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back("CREATE TABLE prices (p money); INSERT INTO prices VALUES ('1234.56')")
    assert any("money" in warning and "lc_monetary" in warning for warning in trip.taken.manifest.warnings)
    trip.comes_back("SELECT p::numeric FROM prices")


@pytest.mark.slow
async def test_a_value_too_large_for_text_ends_the_backup(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE fine AS SELECT 1 AS i; CREATE TABLE huge (v bytea);"
        f"INSERT INTO huge SELECT convert_to(repeat('x', {TOO_LARGE}), 'UTF8')",
    )
    with pytest.raises(ServerError, match=r"public\.huge") as failure:
        await take(source, repository)
    assert "octet_length" in (failure.value.remedy or "")
    taken = await take(source, repository, selection=BackupSelection(exclude_tables=("huge",)))
    assert taken.rows("public.fine") == 1


async def test_names_of_objects_in_rows(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TABLE t (c regclass, f regprocedure, n regnamespace, y regtype); CREATE SCHEMA s; CREATE TABLE s.u (i int);"
        "INSERT INTO t VALUES ('s.u', 'pg_catalog.lower(text)', 's', 's.u'), ('t', NULL, NULL, NULL), (0, 0, 0, 0)"
    )
    trip.comes_back("SELECT c::text, f::text, n::text, y::text FROM t ORDER BY 1")


async def test_a_name_of_an_object_that_comes_later_fails_clearly(
    server: TestServer, repository: RepositoryTarget
) -> None:
    """An index is made when the rows are there; its name in a row means nothing before."""
    source = server.create_database()
    server.execute(source, "CREATE TABLE t (c regclass); CREATE INDEX later ON t (c); INSERT INTO t VALUES ('later')")
    await take(source, repository)
    with pytest.raises(RestoreError, match=r"public\.t") as failure:
        await restore(server.target("never there"), repository)
    assert 'relation "public.later" does not exist' in (failure.value.detail or "")


async def test_large_objects_keep_number_owner_grants_and_comment(
    any_server: TestServer, there_and_back: ThereAndBack
) -> None:
    any_server.execute("postgres", "DROP ROLE IF EXISTS keeper; CREATE ROLE keeper")
    try:
        trip = await there_and_back(
            "SELECT lo_from_bytea(4711, '\\xdeadbeef'); ALTER LARGE OBJECT 4711 OWNER TO keeper;"
            "GRANT SELECT ON LARGE OBJECT 4711 TO pg_monitor; COMMENT ON LARGE OBJECT 4711 IS 'kept';"
            "CREATE TABLE t AS SELECT 4711::oid AS attachment"
        )
        assert trip.comes_back(
            "SELECT lomowner::regrole::text, lomacl::text, obj_description(m.oid, 'pg_largeobject'), lo_get(m.oid)"
            " FROM pg_largeobject_metadata m JOIN t ON t.attachment = m.oid"
        )
        for name in (trip.source.name, trip.new.name):
            any_server.drop_database(name)
    finally:
        any_server.execute("postgres", "DROP ROLE keeper")


async def test_text_search(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = pg_catalog.simple, STOPWORDS = english);"
        "CREATE TEXT SEARCH CONFIGURATION own (COPY = pg_catalog.english);"
        "ALTER TEXT SEARCH CONFIGURATION own ALTER MAPPING FOR asciiword WITH plain;"
        "CREATE TABLE t (v text, words tsvector GENERATED ALWAYS AS (to_tsvector('public.own', v)) STORED);"
        "CREATE INDEX found ON t USING gin (words); INSERT INTO t VALUES ('The cats and the dogs')"
    )
    assert trip.comes_back("SELECT words::text FROM t") == [("'cats':2 'dogs':5",)]


async def test_enums_keep_their_order(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE TYPE size AS ENUM ('small', 'large'); ALTER TYPE size ADD VALUE 'medium' BEFORE 'large';"
        "CREATE TABLE t (s size); INSERT INTO t VALUES ('large'), ('medium'), ('small'); CREATE INDEX ON t (s)"
    )
    assert trip.comes_back("SELECT s::text FROM t ORDER BY t.s") == [("small",), ("medium",), ("large",)]


async def test_ranges_with_functions_of_their_own(there_and_back: ThereAndBack) -> None:
    trip = await there_and_back(
        "CREATE FUNCTION apart(a float8, b float8) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN a - b;"
        "CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = apart);"
        "CREATE TABLE t (s span, EXCLUDE USING gist (s WITH &&)); INSERT INTO t VALUES ('[1,2)'), ('[2,3)'), ('empty')"
    )
    trip.comes_back("SELECT s::text FROM t ORDER BY 1")
