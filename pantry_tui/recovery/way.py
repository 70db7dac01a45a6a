"""Which way a recovery goes: decided by what is meant, by what is there, and by what the role may do."""

from __future__ import annotations

import psycopg

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.config.restoring import check_target
from pantry_tui.errors import DatabaseMissingError, RefusedError, UsageError
from pantry_tui.models import BackupKind, DatabaseTarget, RecoveryWay, RestoreRequest, Strategy
from pantry_tui.postgres.connect import server_error
from pantry_tui.recovery.database import existing_contents, writable_session
from pantry_tui.recovery.swap import may_swap

INSTEAD = (
    "this role may not put another database in the place of this one: the rows of its tables were exchanged instead"
)
ROWS_ALONE = (
    "definitions: columns, functions, views, privileges that are there stay as they are; only tables that are gone are made",
    "what the backup does not have: tables that came since stay, with their rows",
    "the database's own settings, privileges and comment",
)


def refuse_batches(request: RestoreRequest) -> None:
    """Raises `UsageError` where a size of batches is given and nothing is done by them."""
    if request.batch_size is not None:
        raise UsageError(
            "a batch size has no meaning here: rows go into new or empty tables by COPY, a segment of the backup at a time",
            remedy="leave --batch-size out; that of `backup create` says how many rows a segment has",
        )


def means_rows(request: RestoreRequest, manifest: Manifest) -> bool:
    """Whether rows of tables are what is asked for, and not the database as a whole."""
    partly = bool(request.tables or request.exclude or request.strategy is not Strategy.REPLACE)
    if manifest.kind is BackupKind.DATA:
        return partly or request.dry_run
    return partly or (request.swap and not manifest.selection.is_everything)


def is_instead(request: RestoreRequest, manifest: Manifest) -> bool:
    """Whether rows that go in place are what is left to be done, where the whole database is asked for."""
    return not (request.managed or means_rows(request, manifest))


def require_no_large_objects(request: RestoreRequest, manifest: Manifest) -> None:
    """Raises `RefusedError` where a whole database is asked for, and the way that is left would lose large objects."""
    if manifest.large_objects and is_instead(request, manifest):
        raise RefusedError(
            f"backup {manifest.id} has {manifest.large_objects:,} large objects, and this role may not put a restored "
            f"database in the place of {request.target.name}: in place only rows of tables come",
            remedy="connect as a role with CREATEDB that owns the database, restore into a new one (--target NAME), or "
            "name the tables whose rows are wanted (-t)",
        )


async def goes_in_place(request: RestoreRequest, manifest: Manifest) -> bool:
    """Whether tables of a database that has contents are exchanged, and not the database as a whole.

    So where some tables are meant, and where this role cannot put another database in the place of that one.
    """
    partly = means_rows(request, manifest)
    swaps = request.swap and manifest.kind is BackupKind.FULL
    if manifest.kind is BackupKind.SCHEMA or not (partly or swaps):
        return False
    way = await way_of_whole(request.target)
    return way is RecoveryWay.IN_PLACE or (partly and way is RecoveryWay.SIDE_BY_SIDE)


async def way_of_whole(target: DatabaseTarget) -> RecoveryWay:
    """Which way a whole database would go to ``target``: into a new one, side by side, or in place where nothing else may be.

    A database that is there and empty is filled, and counts as new. Raises `ServerError` and its kin.
    """
    check_target(target)
    try:
        connection = await writable_session(target)
    except DatabaseMissingError:
        return RecoveryWay.NEW
    async with connection:
        try:
            if await existing_contents(connection) is None:
                return RecoveryWay.NEW
            swaps = await may_swap(connection, connection.info.dbname)
        except psycopg.Error as error:
            raise server_error(error, doing="looking at the target database") from error
    return RecoveryWay.SIDE_BY_SIDE if swaps else RecoveryWay.IN_PLACE
