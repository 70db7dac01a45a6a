"""Rows as JSON, written and read by the server: one object per row and line, no value decoded here.

`row_to_json` does nearly all of it; around it stands only what JSON would lose. The rule a reader needs is one: **a string
is text for the input function of the column's type**, whatever the column; everything else is the JSON value itself. So a
number is a number and "NaN" is NaN, an array is an array and "[0:1]={1,2}" one whose bounds JSON has no place for. In json
and jsonb columns a string therefore holds the text of a document: of one that is null (null alone is SQL's NULL) or a
string, or whose white space or escapes would not survive inside a row.

Measured on the CRM (server CPU, COPY in text format is 1): this 2.9, bare row_to_json 2.75, lines glued from columns with
concat and to_json 2.3 to 2.6, for a statement that has to know how each type writes itself. Restoring takes 2.2 times COPY;
through a staging table it would take 2.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql

from pantry_tui.models import Model

Connection = psycopg.AsyncConnection[Any]

# A raw control character never stands in such a line: COPY in CSV then has nothing to quote and sends the lines as they are.
_LINES = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02', ENCODING 'UTF8'"


class JsonWriting(StrEnum):
    """How the values of a column become JSON."""

    NATIVE = "native"  # numbers, booleans, character strings: row_to_json keeps them
    OUTPUT = "output"  # row_to_json itself writes the type's own text (dates: ISO 8601, with a T)
    INTEGER = "integer"  # oid, which row_to_json would write as text
    ARRAY = "array"  # one dimension, from 1: a JSON array; any other: text
    JSON = "json"  # itself; text where its white space or escapes would be lost, and for null and strings
    JSONB = "jsonb"  # itself; text for null and strings
    CAST = "cast"  # text
    FORMAT = "format"  # text by the output function, where a cast to text is a function that may do something else


class JsonColumn(Model, frozen=True, kw_only=True):
    """A column of a table, and how its values are written. ``type`` is SQL, made by the server."""

    name: str
    type: str
    writing: JsonWriting

    @property
    def is_text(self) -> bool:
        """Whether all its values are the text of something that is no character string."""
        return self.writing in (JsonWriting.OUTPUT, JsonWriting.CAST, JsonWriting.FORMAT)


def text_columns(columns: Sequence[JsonColumn]) -> tuple[str, ...]:
    """The names of the columns whose values became text."""
    return tuple(column.name for column in columns if column.is_text)


# Numbers of 15 digits survive a reader that keeps doubles; longer ones are text. int2vector and oidvector are arrays to
# row_to_json, but begin at 0 (they are nobody's typarray). Where an extension's type has a cast to json, as hstore has,
# row_to_json would use it. A domain is what stands below it.
_COLUMNS = """
WITH RECURSIVE types(oid, base, typmod) AS (
    SELECT oid, oid, -1 FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT t.oid, b.base, CASE WHEN b.typmod >= 0 THEN b.typmod ELSE t.typtypmod END
    FROM pg_catalog.pg_type t JOIN types b ON t.typbasetype = b.oid WHERE t.typtype = 'd'),
casts AS MATERIALIZED (
    SELECT castsource AS oid, pg_catalog.bool_or(casttarget = 25) AS to_text, pg_catalog.bool_or(casttarget = 114) AS to_json
    FROM pg_catalog.pg_cast WHERE casttarget IN (25, 114) GROUP BY castsource),
columns AS (
    SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, b.base, t.typtype,
        CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE b.typmod END - 4 AS digits,
        t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc AS is_array,
        e.typarray = b.base AND c.to_json IS NOT TRUE AND (e.typtype = 'e' OR
            e.oid IN (16, 20, 21, 23, 25, 700, 701, 1042, 1043, 1082, 1114, 1184, 2950)) AS is_plain_array,
        COALESCE(k.to_text, FALSE) AS has_text_cast, COALESCE(k.to_json, FALSE) AS has_json_cast
    FROM pg_catalog.pg_attribute a
    JOIN types b ON b.oid = a.atttypid
    JOIN pg_catalog.pg_type t ON t.oid = b.base
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
    LEFT JOIN casts k ON k.oid = b.base
    LEFT JOIN casts c ON c.oid = e.oid
    WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
SELECT attrelid::pg_catalog.int8, attname::pg_catalog.text, pg_catalog.format_type(atttypid, atttypmod),
    CASE WHEN base IN (16, 18, 19, 20, 21, 23, 25, 700, 701, 1042, 1043) THEN 'native'
        WHEN base = 1700 AND digits >= 0 AND digits >> 16 <= 15 AND digits & 2047 <= 15 THEN 'native'
        WHEN base = 26 THEN 'integer'
        WHEN base = 114 THEN 'json'
        WHEN base = 3802 THEN 'jsonb'
        WHEN is_plain_array AND NOT has_text_cast THEN 'array'
        WHEN base <> 1700 AND typtype <> 'c' AND NOT is_array AND NOT has_json_cast THEN 'output'
        WHEN has_text_cast THEN 'format'
        ELSE 'cast' END
FROM columns ORDER BY attrelid, attnum
"""


async def json_columns(connection: Connection, oids: Sequence[int]) -> dict[int, tuple[JsonColumn, ...]]:
    """The columns of tables by the table's oid, in the tables' order, without generated ones.

    The names of types are only right on a connection with an empty ``search_path``; a table without columns is not there.
    """
    found: dict[int, list[JsonColumn]] = {}
    cursor = await connection.execute(_COLUMNS, (list(oids),))
    for oid, name, type_name, writing in await cursor.fetchall():
        column = JsonColumn(name=name, type=type_name, writing=JsonWriting(writing))
        found.setdefault(oid, []).append(column)
    return {oid: tuple(columns) for oid, columns in found.items()}


def json_copy_out(
    schema: str, table: str, columns: Sequence[JsonColumn], pages: str | None = None, *, encoding: str = "UTF8"
) -> sql.Composed:
    """The statement that sends rows as JSON, a line each; ``pages`` as for `copy.copy_out`.

    ``encoding`` is the database's. Lines are UTF-8; at text that cannot be, the server ends the statement (SQLSTATE 22021
    or 22P05).
    """
    escapes = _LOST_ESCAPES if encoding in ("UTF8", "SQL_ASCII") else _ANY_ESCAPE
    selected = sql.SQL(", ").join(_written(column, escapes) for column in columns)
    condition = sql.SQL("") if pages is None else sql.SQL(" WHERE ") + sql.SQL(pages)  # made by page_condition
    # r.* and not r: that could be the name of a column.
    return sql.SQL(
        "COPY (SELECT pg_catalog.row_to_json(r.*) FROM (SELECT {} FROM ONLY {}{}) r) TO STDOUT WITH ({})"
    ).format(selected, sql.Identifier(schema, table), condition, sql.SQL(_LINES))


def json_insert(schema: str, table: str, columns: Sequence[JsonColumn]) -> sql.Composed:
    """The statement that inserts the rows of the JSON array ``$1``, values of identity columns included.

    Types are read by their input functions. Rules for INSERT would act, which COPY passes by: they must not be there yet.
    """
    name = sql.Identifier(schema, table)
    if not columns:  # an empty list of columns is no syntax
        return sql.SQL("INSERT INTO {} SELECT FROM pg_catalog.json_array_elements($1::pg_catalog.json)").format(name)
    return sql.SQL(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE "
        "SELECT {} FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS r({})"
    ).format(
        name,
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        sql.SQL(", ").join(_read(column) for column in columns),
        sql.SQL(", ").join(_received(column) for column in columns),
    )


# Read inside a row, a document is unescaped once more than when it was stored: NUL and halves of characters, which json
# keeps unread, would be refused, and so would characters that the database's encoding does not have.
_LOST_ESCAPES = r"|\\u(0000|[dD])"
_ANY_ESCAPE = r"|\\u"

# {0} is the column, {1} one of the above.
_WRITTEN = {
    JsonWriting.NATIVE: "{0}",
    JsonWriting.OUTPUT: "{0}",
    JsonWriting.INTEGER: "{0}::pg_catalog.int8",
    JsonWriting.ARRAY: "CASE WHEN pg_catalog.array_ndims({0}) = 1 AND pg_catalog.array_lower({0}, 1) = 1"
    " THEN pg_catalog.to_json({0}) ELSE pg_catalog.to_json({0}::pg_catalog.text) END",
    JsonWriting.JSON: "CASE WHEN pg_catalog.json_typeof({0}) IN ('null', 'string')"
    r""" OR {0}::pg_catalog.text COLLATE pg_catalog."C" ~ '^[ \t]|[ \t]$|[\n\r]{1}'"""
    " THEN pg_catalog.to_json({0}::pg_catalog.text) ELSE {0}::pg_catalog.json END",
    JsonWriting.JSONB: "CASE WHEN pg_catalog.jsonb_typeof({0}) IN ('null', 'string')"
    " THEN pg_catalog.to_jsonb({0}::pg_catalog.text) ELSE {0}::pg_catalog.jsonb END",
    JsonWriting.CAST: "{0}::pg_catalog.text",
    JsonWriting.FORMAT: "CASE WHEN pg_catalog.num_nulls({0}) = 0 THEN pg_catalog.format('%s', {0}) END",
}

# These come as text: a string is the text of a document, and json_to_recordset would make a string of it.
_DOCUMENTS = (JsonWriting.JSON, JsonWriting.JSONB)


def _written(column: JsonColumn, escapes: str) -> sql.Composed:
    name = sql.Identifier(column.name)
    return sql.SQL(_WRITTEN[column.writing]).format(name, sql.SQL(escapes)) + sql.SQL(" AS ") + name


def _received(column: JsonColumn) -> sql.Composed:
    """The column of the record that the server makes of a row's object."""
    type_name = "pg_catalog.text" if column.writing in _DOCUMENTS else column.type
    return sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(type_name))


def _read(column: JsonColumn) -> sql.Composable:
    name = sql.Identifier(column.name)
    return sql.SQL("{}::{}").format(name, sql.SQL(column.type)) if column.writing in _DOCUMENTS else name
