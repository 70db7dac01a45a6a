"""Whether the restored database is what the backup says: rows, content, constraints, sequences, and nothing more."""

from __future__ import annotations

import psycopg

from pantry_tui.artifact.manifest import SequenceState
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.models import BackupKind, DatabaseTarget, Model, RestoredTable, RestoreValidation
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.introspect import SourceTable, extensions, large_object_count, list_tables, read_sequences
from pantry_tui.postgres.large_objects import large_objects_fingerprint
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.content import ContentComparison, Expected
from pantry_tui.recovery.database import quoted_names, writable_session
from pantry_tui.recovery.progress import RestoreProgress

CONSTRAINT_KINDS = frozenset({"CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT"})

_CONSTRAINTS = """
SELECT n.nspname::text, COALESCE(c.relname, t.typname) || ' ' || k.conname, k.convalidated,
    k.conparentid = 0 AND (k.coninhcount = 0 OR k.conislocal)
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""

_INVALID_INDEXES = """
SELECT n.nspname::text, n.nspname || '.' || c.relname FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND NOT (i.indisvalid AND i.indisready) AND n.nspname !~ '^pg_'
"""


class Counted(Model, frozen=True, kw_only=True):
    """What was compared, and where it differs."""

    validated: int = 0
    not_valid: int = 0
    differences: tuple[str, ...] = ()


async def verify(
    target: DatabaseTarget, expected: Expected, *, jobs: int, progress: RestoreProgress
) -> tuple[list[RestoredTable], RestoreValidation]:
    """Compares everything; differences are a result. Raises `ServerError` and its kin when it cannot compare."""
    connection = await writable_session(target)
    try:
        there = await list_tables(connection)
        found = {(table.schema, table.name): table for table in there if table.kind == "r"}
        tables = await ContentComparison(target, expected, jobs, progress).run(connection, found)
        constraints = await _compare_constraints(connection, expected)
        sequences = await _compare_sequences(connection, expected)
        others = await _compare_inventory(connection, expected, found)
        others += await _compare_large_objects(connection, expected, progress)
    except psycopg.Error as error:
        raise server_error(error, doing="comparing the restored database") from error
    finally:
        await connection.close()
    differences = (
        *(f"{table.schema}.{table.name}: {table.difference}" for table in tables if table.difference),
        *constraints.differences,
        *sequences.differences,
        *others,
    )
    return tables, RestoreValidation(
        performed=True,
        equal=not differences,
        tables_compared=len(tables),
        constraints_validated=constraints.validated,
        constraints_not_valid=constraints.not_valid,
        sequences_compared=sequences.validated,
        differences=differences,
    )


def not_compared() -> RestoreValidation:
    """The validation of a restore that was asked not to compare."""
    return RestoreValidation(
        performed=False,
        equal=False,
        tables_compared=0,
        constraints_validated=0,
        constraints_not_valid=0,
        sequences_compared=0,
        differences=(),
    )


async def _compare_constraints(connection: Connection, expected: Expected) -> Counted:
    """Each constraint of the archive is there, and none is NOT VALID that was not so in the source."""
    entries = [entry for entry in expected.toc if entry.kind in CONSTRAINT_KINDS]
    wanted = {(entry.schema, entry.tag): _is_not_valid(entry) for entry in entries}
    rows = [row for row in await (await connection.execute(_CONSTRAINTS)).fetchall() if row[0] not in expected.others]
    there = {(schema, tag) for schema, tag, *_ in rows}
    differences = [f"constraint {schema}.{tag} is missing" for schema, tag in wanted if (schema, tag) not in there]
    for schema, tag, validated, is_own in rows:
        if is_own and not validated and not wanted.get((schema, tag), False):
            differences.append(f"constraint {schema}.{tag} is NOT VALID; in the source it was valid")
        if validated and wanted.get((schema, tag), False):
            differences.append(f"constraint {schema}.{tag} is valid; in the source it was NOT VALID")
    indexes = await (await connection.execute(_INVALID_INDEXES)).fetchall()
    broken = [name for schema, name in indexes if schema not in expected.others]
    differences.extend(f"index {name} is invalid" for name in broken)
    validated = sum(1 for row in rows if row[2])
    return Counted(validated=validated, not_valid=len(rows) - validated, differences=tuple(differences))


def _is_not_valid(entry: TocEntry) -> bool:
    return entry.statement.rstrip().endswith("NOT VALID;")


async def _compare_sequences(connection: Connection, expected: Expected) -> Counted:
    """Each sequence of the backup (of the selection: those that came) stands where it stood."""
    states = await read_sequences(connection, without=expected.others)
    there = {(state.schema, state.name): state for state in states}
    differences: list[str] = []
    compared = 0
    for wanted in expected.manifest.sequences:
        found = there.pop((wanted.schema, wanted.name), None)
        if found is None:
            if expected.selection.is_whole:
                differences.append(f"sequence {wanted.schema}.{wanted.name} is missing")
            continue
        compared += 1
        if not _stands(found, wanted):
            differences.append(
                f"sequence {wanted.schema}.{wanted.name} stands at {found.last_value} (called: {found.is_called}); "
                f"in the backup at {wanted.last_value} (called: {wanted.is_called})"
            )
    if expected.manifest.kind is not BackupKind.SCHEMA:
        differences.extend(f"sequence {schema}.{name} is not in the backup" for schema, name in there)
    return Counted(validated=compared, differences=tuple(differences))


def _stands(found: SequenceState, wanted: SequenceState) -> bool:
    """Whether a sequence is where it was; one that moved during the backup may be anywhere on the way."""
    if wanted.moved_from is None:
        return found == wanted
    first, last = sorted((wanted.moved_from, wanted.last_value))
    return first <= found.last_value <= last


async def _compare_inventory(
    connection: Connection, expected: Expected, found: dict[tuple[str, str], SourceTable]
) -> list[str]:
    """Tables and extensions that a whole restore has too many or too few of."""
    if not expected.selection.is_whole:
        return []
    manifest = expected.manifest
    differences = []
    # Inheritance parents of selected tables come without being among the backup's tables.
    known = {(entry.schema, entry.tag) for entry in expected.toc if entry.kind == "TABLE"}
    strange = sorted(found.keys() - {(table.schema, table.name) for table in manifest.tables} - known)
    if strange:
        names = quoted_names([f"{schema}.{name}" for schema, name in strange])
        differences.append(f"tables that the backup does not have: {names}")
    wanted = {entry.tag for entry in expected.toc if entry.kind == "EXTENSION"} & manifest.extensions.keys()
    missing = wanted - (await extensions(connection)).keys()
    if missing:
        differences.append(f"extensions are missing: {quoted_names(sorted(missing))}")
    return differences


async def _compare_large_objects(connection: Connection, expected: Expected, progress: RestoreProgress) -> list[str]:
    """Their number, and what they hold where the backup says it; nothing where the restore is not a whole one."""
    manifest = expected.manifest
    if not expected.selection.is_whole:
        return []
    count = await large_object_count(connection)
    if count != manifest.large_objects:
        return [f"{count:,} large objects; the backup has {manifest.large_objects:,}"]
    if not count:
        return []
    if manifest.large_objects_fingerprint is None:
        progress.warn(f"{count:,} large objects were compared by their number alone: the backup says no more of them")
        return []
    try:
        content = await large_objects_fingerprint(connection)
    except psycopg.errors.InsufficientPrivilege as error:
        progress.warn(f"{count:,} large objects were compared by their number alone: {error.diag.message_primary}")
        return []
    if content != manifest.large_objects_fingerprint:
        return [f"{count:,} large objects do not hold, or are not numbered, as in the backup"]
    progress.log(f"{count:,} large objects hold what they held")
    return []
