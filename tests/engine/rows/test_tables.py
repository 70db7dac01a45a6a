"""Tables of every kind, sent as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import pytest
from psycopg import sql

from pantry_tui.errors import RefusedError, ServerError
from pantry_tui.postgres.rowcsv import csv_header
from pantry_tui.postgres.session import require_utf8
from tests.engine.rows.trips import Database, Trip, lines, opened
from tests.servers import TestServer

HOSTILE = [
    '"',
    "new\nline",
    "back\\slash",
    "%s",
    "{0}",
    "r",
    "x\x01\x02\x7f",
    "comma,",
    "\\.",
    "-f/x",
    "a=b",
    "../x",
    " ",
    "表",
    "$1",
]

trips = pytest.mark.parametrize("trip", [Database.json_trip, Database.csv_trip], ids=["json", "csv"])


@trips
@pytest.mark.parametrize("which", ["pagila", "regression"])
async def test_corpus_comes_back_equal(any_server: TestServer, trip: Trip, which: str) -> None:
    target = any_server.load_corpus(which)
    async with opened(target) as database:
        tables = await database.look()
        names = [name for name, table in tables.items() if table.source.kind == "r"]
        any_server.execute(target, "CREATE SCHEMA again")
        copies = {name: f"c{number}" for number, name in enumerate(names)}
        statements = (
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING GENERATED);").format(
                sql.Identifier("again", copy), sql.Identifier(tables[name].source.schema, tables[name].source.name)
            )
            for name, copy in copies.items()
        )
        any_server.execute(target, sql.Composed(list(statements)).as_string())
        await database.look()
        differing = []
        for name, copy in copies.items():
            trip(database, name, f"again.{copy}")
            if database.fingerprint(f"again.{copy}", name) != database.fingerprint(name, name):
                differing.append(name)
        assert differing == []
        assert len(names) > 20


@trips
async def test_hostile_names(any_server: TestServer, trip: Trip) -> None:
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in HOSTILE)
    values = sql.SQL(", ").join(sql.Literal(name) for name in HOSTILE)
    for name in HOSTILE:
        table, copy = sql.Identifier(name, name), sql.Identifier(name, "copy of it")
        statement = sql.SQL(
            "CREATE SCHEMA {}; CREATE TABLE {} ({}); INSERT INTO {} VALUES ({}); CREATE TABLE {} (LIKE {})"
        )
        any_server.execute(
            target, statement.format(sql.Identifier(name), table, columns, table, values, copy, table).as_string()
        )
    async with opened(target) as database:
        for name in HOSTILE:
            assert trip(database, f"{name}.{name}", f"{name}.copy of it") == 1
            found = database.fingerprint(f"{name}.copy of it", f"{name}.{name}")
            assert found == database.fingerprint(f"{name}.{name}", f"{name}.{name}")
        (row,) = lines(database.json_text("r.r"))
        assert json.loads(row) == {name: name for name in HOSTILE}
        read = csv.reader(io.StringIO((csv_header(HOSTILE) + database.csv_text("r.r")).decode(), newline=""))
        assert list(read) == [HOSTILE, HOSTILE]


@trips
async def test_rows_without_columns_are_counted(any_server: TestServer, trip: Trip) -> None:
    target = any_server.create_database()
    any_server.execute(
        target, "CREATE TABLE z (); CREATE TABLE again (); INSERT INTO z SELECT FROM generate_series(1, 5000)"
    )
    async with opened(target) as database:
        assert trip(database, "public.z", "public.again") == 5000
    assert any_server.execute(target, "SELECT count(*) FROM again") == [(5000,)]


@trips
async def test_tables_without_rows(server: TestServer, trip: Trip) -> None:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t (i int); CREATE TABLE again (i int)")
    async with opened(target) as database:
        assert trip(database, "public.t", "public.again") == 0


@trips
async def test_1600_columns(any_server: TestServer, trip: Trip) -> None:
    target = any_server.create_database()
    columns = ", ".join(f"c{number} {'int' if number % 2 else 'bool'}" for number in range(1600))
    values = ", ".join("NULL" if number % 3 else "1" if number % 2 else "true" for number in range(1600))
    any_server.execute(
        target, f"CREATE TABLE t ({columns}); INSERT INTO t VALUES ({values}); CREATE TABLE again (LIKE t)"
    )
    async with opened(target) as database:
        assert trip(database, "public.t", "public.again") == 1
    assert any_server.execute(target, "SELECT count(*) FROM (TABLE t EXCEPT TABLE again) d") == [(0,)]


@trips
async def test_identity_generated_and_dropped_columns(any_server: TestServer, trip: Trip) -> None:
    target = any_server.create_database()
    create = (
        "CREATE TABLE {0} (gone int, id int GENERATED ALWAYS AS IDENTITY, a int, twice int GENERATED ALWAYS AS (a * 2)"
        " STORED, b int DEFAULT 7 CHECK (b <> 5), other int GENERATED BY DEFAULT AS IDENTITY);"
        "ALTER TABLE {0} DROP COLUMN gone;"
    )
    any_server.execute(
        target,
        create.format("t") + "INSERT INTO t (a, b) SELECT i, NULL FROM generate_series(1, 5) i;"
        "UPDATE t SET a = 9 WHERE id = 3; DELETE FROM t WHERE id = 1;" + create.format("again"),
    )
    async with opened(target) as database:
        assert trip(database, "public.t", "public.again") == 4
    assert any_server.execute(target, "TABLE again ORDER BY 1") == any_server.execute(target, "TABLE t ORDER BY 1")


@trips
async def test_children_are_left_out(server: TestServer, trip: Trip) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE t (i int); CREATE TABLE child () INHERITS (t); CREATE TABLE again (i int);"
        "INSERT INTO t VALUES (1); INSERT INTO child VALUES (2)",
    )
    async with opened(target) as database:
        assert trip(database, "public.t", "public.again") == 1


async def test_ranges_of_pages_add_up(server: TestServer) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE t AS SELECT i, repeat('x', 100) AS x FROM generate_series(1, 2000) i; CREATE TABLE again (LIKE t)",
    )
    async with opened(target) as database:
        parts = [(0, 5), (5, 9), (9, None)]
        for as_text in (database.json_text, database.csv_text):
            texts = [as_text("public.t", first_page=first, last_page=last) for first, last in parts]
            separator = b",\n" if as_text == database.json_text else b""
            assert separator.join(texts) == as_text("public.t")


@trips
@pytest.mark.parametrize("encoding", ["LATIN1", "EUC_JP", "WIN1251", "EUC_TW"])
async def test_other_encodings(any_server: TestServer, trip: Trip, encoding: str) -> None:
    """Rows are UTF-8 whatever the database's encoding is; what json only escapes may not exist in it."""
    letters = {"LATIN1": "éß", "EUC_JP": "表ア", "WIN1251": "Яж", "EUC_TW": "一丁"}[encoding]
    target = any_server.create_database(template="template0", encoding=encoding, locale="C")
    statement = sql.SQL(
        "CREATE TABLE t AS SELECT {0}::text AS t, json_build_object({0}, {0}) AS j, "
        "'[\"\\u20ac\", \"\\u0416\"]'::json AS e, ARRAY[{0}, 'x'] AS a, ROW({0}, 1)::text AS {1}; "
        "CREATE TABLE again (LIKE t)"
    ).format(sql.Literal(letters), sql.Identifier(letters))
    any_server.psql(target, b"SET client_encoding = 'UTF8'; " + statement.as_string().encode())
    async with opened(target) as database:
        assert json.loads(database.json_text("public.t"))[letters] == f"({letters},1)"
        assert letters.encode() in database.csv_text("public.t")
        assert trip(database, "public.t", "public.again") == 1
        assert database.fingerprint("public.again", "public.t") == database.fingerprint("public.t", "public.t")


@trips
async def test_sql_ascii_with_utf8_comes_back(server: TestServer, trip: Trip) -> None:
    target = server.create_database(template="template0", encoding="SQL_ASCII", locale="C")
    server.psql(target, "CREATE TABLE t AS SELECT 'é'::text AS \"é\"; CREATE TABLE again (LIKE t)".encode())
    async with opened(target) as database:
        assert json.loads(database.json_text("public.t")) == {"é": "é"}
        columns = (await database.look())["public.t"].source.columns
        assert csv_header(columns, "SQL_ASCII") == "é\r\n".encode()
        assert trip(database, "public.t", "public.again") == 1
        assert database.fingerprint("public.again", "public.t") == database.fingerprint("public.t", "public.t")


@pytest.mark.parametrize("form", ["json_text", "csv_text"])
async def test_bytes_that_are_no_utf8_end_the_statement(any_server: TestServer, form: str) -> None:
    target = any_server.create_database(template="template0", encoding="SQL_ASCII", locale="C")
    any_server.psql(target, b"CREATE TABLE t AS SELECT 'caf\xe9'::text AS name")
    async with opened(target) as database:
        with pytest.raises(ServerError, match=r"Reading public\.t failed: .*invalid byte sequence") as failure:
            getattr(database, form)("public.t")
    assert "format sql" in (failure.value.remedy or "")


def test_mule_internal_is_refused() -> None:
    for encoding in ("UTF8", "SQL_ASCII", "LATIN1", "EUC_TW"):
        require_utf8(encoding)
    with pytest.raises(RefusedError, match="MULE_INTERNAL"):
        require_utf8("MULE_INTERNAL")


CSV_ROWS: Sequence[tuple[str | None, ...]] = [
    (None,), ("",), ("NULL",), ("\\N",), ("\\.",), ('"',), ('""',), (",",), (" x ",), ("a\nb",), ("a\r\nb",), ("\r",), ("\n",),
    ("a\n\\.\nb",), ("\\.\n",), ("\n\\.",), ('"\n"',), ('a"\n',), ("é",), (None,),
]  # fmt: skip


async def test_csv_of_one_column(any_server: TestServer) -> None:
    """NULL is an empty line, the empty string two quotes, and no line ends the data early."""
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(target, "CREATE TABLE t (v text); CREATE TABLE again (v text)")
    with any_server.connect(target).cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (%s)", CSV_ROWS)
    async with opened(target) as database:
        text = database.csv_text("public.t")
        assert text.startswith(b'\r\n""\r\nNULL\r\n')
        assert database.load_csv("public.again", text) == len(CSV_ROWS)
    assert any_server.execute(target, "TABLE again") == list(CSV_ROWS)
    read = list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))
    assert read == [[value for value in row if value is not None] for row in CSV_ROWS]


async def test_csv_is_what_postgresql_reads_with_a_header(any_server: TestServer) -> None:
    """With nothing of ours: the file as a table's own, first line included."""
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(
        target,
        "CREATE TABLE t (\"a\n,\"\"b\" text, n int); INSERT INTO t VALUES (E'x\\ny', 1), ('', NULL), (NULL, 2);"
        "CREATE TABLE again (LIKE t)",
    )
    async with opened(target) as database:
        columns = (await database.look())["public.t"].source.columns
        document = csv_header(columns) + database.csv_text("public.t")
    assert document == b'"a\n,""b",n\r\n"x\ny",1\r\n"",\r\n,2\r\n'
    with (
        any_server.connect(target).cursor() as cursor,
        cursor.copy("COPY again FROM STDIN (FORMAT csv, HEADER)") as copy,
    ):
        copy.write(document)
    assert any_server.execute(target, "TABLE again") == any_server.execute(target, "TABLE t")
