"""Which relations and schemas somebody means by a pattern, by the rules of `pg_dump -t` and `-n`.

Unquoted letters are folded to lower case; `*` is any text and `?` any character; a dot separates schema and table; in double
quotes every character is itself. What else stands outside quotes is a regular expression of the server's. A table without a
schema is one that the role sees unqualified. (PostgreSQL documentation, psql, "Patterns".)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg

from pantry_tui.errors import NotFoundError, UsageError
from pantry_tui.models import BackupSelection

Connection = psycopg.AsyncConnection[Any]

_SPECIAL = frozenset("|*+?()[]{}.^$\\")
_REMEDY = "write it as pg_dump takes it: users, sales.*, 'sales.order_*', '\"Mixed Case\"'"


class Chosen(NamedTuple):
    """What a selection means in one database. None: everything is included.

    ``tables`` are oids of relations, partitions of theirs among them; ``schemas`` are the names of schemas that are meant
    whole, with all that is in them.
    """

    tables: frozenset[int] | None
    schemas: frozenset[str]
    excluded: frozenset[int]
    excluded_schemas: frozenset[str]

    def holds(self, oid: int) -> bool:
        """Whether the rows of this relation belong to the selection."""
        return (self.tables is None or oid in self.tables) and oid not in self.excluded


EVERYTHING = Chosen(tables=None, schemas=frozenset(), excluded=frozenset(), excluded_schemas=frozenset())


class NamePattern(NamedTuple):
    """A pattern as regular expressions; ``schema`` None where the pattern names none."""

    schema: str | None
    name: str


def parse_pattern(pattern: str, *, database: str) -> NamePattern:
    """Reads a pattern for relations. Raises `UsageError` for one that can mean nothing."""
    parts = _translated(pattern)
    if len(parts) > 3 or (len(parts) == 3 and _literal(pattern) != database) or not all(parts):
        raise UsageError(f"{pattern!r} is no pattern of tables of the database {database}", remedy=_REMEDY)
    return NamePattern(_anchored(parts[-2]) if len(parts) > 1 else None, _anchored(parts[-1]))


def parse_schema_pattern(pattern: str) -> str:
    """Reads a pattern for schemas, as a regular expression. Raises `UsageError`."""
    parts = _translated(pattern)
    if len(parts) != 1 or not parts[0]:
        raise UsageError(f"{pattern!r} is no pattern of schemas", remedy=_REMEDY)
    return _anchored(parts[0])


def _translated(pattern: str) -> list[str]:
    parts = [""]
    quoted = False
    position = 0
    while position < len(pattern):
        character, following = pattern[position], pattern[position + 1 : position + 2]
        position += 1
        if character == '"':
            if quoted and following == '"':
                parts[-1] += '"'
                position += 1
            else:
                quoted = not quoted
        elif character == "." and not quoted:
            parts.append("")
        else:
            parts[-1] += _character(character, following, quoted=quoted)
    if quoted:
        raise UsageError(f"{pattern!r} has an opening quote without a closing one", remedy=_REMEDY)
    return parts


def _character(character: str, following: str, *, quoted: bool) -> str:
    if character == "$" or (quoted and character in _SPECIAL) or (character == "[" and following == "]"):
        return f"\\{character}"
    if quoted:
        return character
    if character in "*?":
        return ".*" if character == "*" else "."
    return character.lower() if character.isascii() else character


def _literal(pattern: str) -> str:
    """The first part of a pattern as a name."""
    return pattern[1:].split('"', 1)[0] if pattern.startswith('"') else pattern.split(".", 1)[0].lower()


def _anchored(expression: str) -> str:
    return f"^({expression})$"


async def choose(connection: Connection, selection: BackupSelection, *, database: str) -> tuple[Chosen, list[str]]:
    """What a selection means now; and warnings, for patterns that exclude nothing. To be called in a transaction.

    Raises `NotFoundError` for a pattern that includes nothing, `UsageError` for one that cannot be read.
    """
    tables = await _relations(connection, selection.tables, database)
    schemas = await _schemas(connection, selection.schemas)
    excluded = await _relations(connection, selection.exclude_tables, database)
    excluded_schemas = await _schemas(connection, selection.exclude_schemas)
    for pattern, found in (*tables.items(), *schemas.items()):
        if not found:
            raise NotFoundError(
                f"nothing in the database {database} matches {pattern!r}",
                remedy="name the schema (sales.orders), and quote names with capitals: '\"Orders\"'",
            )
    idle = [pattern for pattern, found in (*excluded.items(), *excluded_schemas.items()) if not found]
    warnings = [f"nothing was left out for {pattern!r}: nothing matches it" for pattern in idle]
    whole, whole_out = _union(schemas.values()), _union(excluded_schemas.values())
    included = _union(tables.values()) | await _within(connection, whole)
    chosen = Chosen(
        tables=included if selection.tables or selection.schemas else None,
        schemas=whole,
        excluded=_union(excluded.values()) | await _within(connection, whole_out),
        excluded_schemas=whole_out,
    )
    return chosen, warnings


def _union(found: Iterable[frozenset[Any]]) -> frozenset[Any]:
    return frozenset().union(*found)


_RELATIONS = """
WITH RECURSIVE found AS (
    SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' AND c.relname OPERATOR(pg_catalog.~) %(name)s COLLATE pg_catalog."default"
        AND CASE WHEN %(schema)s::pg_catalog.text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
            ELSE n.nspname OPERATOR(pg_catalog.~) %(schema)s COLLATE pg_catalog."default" END
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN found f ON f.oid = i.inhparent
        JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind = 'p')
SELECT oid::pg_catalog.int8 FROM found
"""


async def _relations(connection: Connection, patterns: Sequence[str], database: str) -> dict[str, frozenset[int]]:
    """The relations of each pattern; partitions come with their partitioned table."""
    found: dict[str, frozenset[int]] = {}
    if not patterns:
        return found
    await connection.execute("SAVEPOINT patterns; SET LOCAL search_path TO DEFAULT")  # what the role sees unqualified
    for pattern in patterns:
        schema, name = parse_pattern(pattern, database=database)
        found[pattern] = await _matching(connection, _RELATIONS, {"schema": schema, "name": name}, pattern)
    await connection.execute("ROLLBACK TO SAVEPOINT patterns")
    return found


_SCHEMAS = """
SELECT nspname::pg_catalog.text FROM pg_catalog.pg_namespace
WHERE nspname OPERATOR(pg_catalog.~) %(name)s COLLATE pg_catalog."default"
    AND nspname !~ '^pg_' AND nspname <> 'information_schema'
"""


async def _schemas(connection: Connection, patterns: Sequence[str]) -> dict[str, frozenset[str]]:
    return {
        pattern: await _matching(connection, _SCHEMAS, {"name": parse_schema_pattern(pattern)}, pattern)
        for pattern in patterns
    }


_WITHIN = """
SELECT c.oid::pg_catalog.int8 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s)
"""


async def _within(connection: Connection, schemas: frozenset[str]) -> frozenset[int]:
    rows = await (await connection.execute(_WITHIN, (list(schemas),))).fetchall()
    return frozenset(oid for (oid,) in rows)


async def _matching(connection: Connection, query: str, values: dict[str, str | None], pattern: str) -> frozenset[Any]:
    try:
        rows = await (await connection.execute(query.encode(), values)).fetchall()
    except psycopg.errors.InvalidRegularExpression as error:
        raise UsageError(
            f"{pattern!r} is no pattern: {error.diag.message_primary}", remedy="quote what is meant literally"
        ) from error
    return frozenset(value for (value,) in rows)
