"""Renaming schemas in a database that a restore has just filled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psycopg import sql

from pantry_tui.errors import RestoreError
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import quoted_names

_ASIDE = "pantry_tui_extensions"  # where extensions are while their schema is renamed
_EXTENSIONS = """
SELECT e.extname::text, e.extrelocatable FROM pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = %s ORDER BY 1
"""
_OWNED_BY_EXTENSION = """
SELECT e.extname::text FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_namespace n ON d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid
JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
WHERE d.deptype = 'e' AND n.nspname = %s
"""
# Bodies that are parsed (BEGIN ATOMIC) refer to oids; functions of extensions come with these.
_TEXTS = """
SELECT p.oid::pg_catalog.regprocedure::text, n.nspname::text, p.prosrc,
    COALESCE(pg_catalog.array_to_string(p.proconfig, E'\\n'), '')
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.oid >= 16384 AND p.prosqlbody IS NULL AND l.lanname NOT IN ('c', 'internal')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1
"""


async def rename_schemas(connection: Connection, renames: Sequence[tuple[str, str]]) -> None:
    """Renames schemas, in one transaction. Extensions stay where they are, in a schema of the old name.

    Raises `RestoreError` for a schema that an extension owns, or that holds one that cannot be moved; `psycopg.Error`.
    """
    async with connection.transaction():
        for old, new in renames:
            await _require_own(connection, old)
            await _rename(connection, old, new)


async def _require_own(connection: Connection, schema: str) -> None:
    owner = await (await connection.execute(_OWNED_BY_EXTENSION, (schema,))).fetchone()
    if owner is not None:
        raise RestoreError(
            f"schema {schema} belongs to the extension {owner[0]}, and has no other name",
            remedy="rename other schemas; its tables can be restored into another database",
        )


async def _rename(connection: Connection, old: str, new: str) -> None:
    found = await (await connection.execute(_EXTENSIONS, (old,))).fetchall()
    fixed = [name for name, movable in found if not movable]
    if fixed:
        raise RestoreError(
            f"schema {old} holds {quoted_names(fixed)}, extensions that cannot be moved out of it",
            remedy="restore it under its own name, into another database",
        )
    before, after = sql.Identifier(old), sql.Identifier(new)
    if found:
        await connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_ASIDE)))
    for name, _ in found:
        await _move(connection, name, _ASIDE)
    await connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(before, after))
    if not found:
        return
    await connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(_ASIDE), before))
    await connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO PUBLIC").format(before))


async def _move(connection: Connection, extension: str, schema: str) -> None:
    statement = sql.SQL("ALTER EXTENSION {} SET SCHEMA {}")
    await connection.execute(statement.format(sql.Identifier(extension), sql.Identifier(schema)))


async def textual_mentions(
    connection: Connection, renames: Sequence[tuple[str, str]], *, within: Sequence[str] | None = None
) -> list[str]:
    """Warnings of what still names a schema by its old name, because the server keeps it as text.

    ``within``: only functions of these schemas. Raises `psycopg.Error`.
    """
    rows = await (await connection.execute(_TEXTS)).fetchall()
    rows = [row for row in rows if within is None or row[1] in within]
    warnings = []
    for old, _ in renames:
        name = _mention(old)
        bodies = [function for function, _, body, _ in rows if name.search(body)]
        settings = [function for function, _, _, settings in rows if name.search(settings)]
        if bodies:
            warnings.append(
                f"{quoted_names(bodies)}: the text names {old}, and still means the schema of that name when it runs"
            )
        if settings:
            warnings.append(f"{quoted_names(settings)}: a setting of the function (its search_path) names {old}")
    return warnings


def _mention(schema: str) -> re.Pattern[str]:
    """The name as a word of its own; unquoted, it may be written in any case."""
    quoted = re.escape('"' + schema.replace('"', '""') + '"')
    plain = rf"(?i:{re.escape(schema)})" if re.fullmatch(r"[a-z_][a-z0-9_$]*", schema) else re.escape(schema)
    return re.compile(rf"{quoted}|(?<![\w$]){plain}(?![\w$])")
