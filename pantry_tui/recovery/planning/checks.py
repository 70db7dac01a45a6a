"""Everything that a recovery checks before it begins, one after the other, whatever the others found."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pantry_tui.config.restoring import check_target_name
from pantry_tui.errors import (
    BackupDamagedError,
    PrivilegeError,
    RestoreError,
    TargetNotEmptyError,
)
from pantry_tui.models import PlannedTable, RecoveryWay
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.tools import find_client_tools
from pantry_tui.recovery.database import leftovers, quoted_names, refuse_template, require_empty
from pantry_tui.recovery.in_place.standing import require_owner
from pantry_tui.recovery.plan import globals_path
from pantry_tui.recovery.planning.elsewhere import check_renaming, plan_roles, tell_jobs, tell_limits
from pantry_tui.recovery.planning.ground import Ground
from pantry_tui.recovery.planning.obstacles import Obstacles
from pantry_tui.recovery.preflight import (
    check_room,
    missing_tablespaces,
    raw_bytes,
    require_extensions,
    require_roles,
    require_version,
)
from pantry_tui.recovery.properties import database_statements, left_behind
from pantry_tui.recovery.requirements import Requirements, requirements
from pantry_tui.recovery.rows_alone import refuse_archived
from pantry_tui.recovery.surroundings import compare_surroundings
from pantry_tui.recovery.swap import require_free
from pantry_tui.recovery.way import refuse_batches, require_no_large_objects

_LOOKING = "looking at the target server"
_MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
_MAY_WORK = """
SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
    pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP')
"""


async def check_all(
    ground: Ground, planned: Sequence[PlannedTable], tied: Collection[int], obstacles: Obstacles
) -> None:
    """Notes what keeps the recovery from being executed, and what a person should know.

    ``tied``: oids of the selected tables and of those that foreign keys tie to them.
    """
    base = ground.manifest.base
    ids = [ground.manifest.id, *([base.id] if base is not None else [])]
    for problem in (problem for backup_id in ids for problem in ground.repository.problems(backup_id)):
        obstacles.refuse(BackupDamagedError(problem, remedy="restore from another backup"))
    with obstacles.noted(_LOOKING):
        check_target_name(ground.name)
    await tell_jobs(ground, obstacles)
    if ground.way is RecoveryWay.IN_PLACE:
        await _check_in_place(ground, tied, obstacles)
        return
    with obstacles.noted(_LOOKING):
        refuse_batches(ground.request)
    if ground.way is RecoveryWay.EMPTY_TABLES:
        await _check_empty_tables(ground, planned, tied, obstacles)
        return
    await _check_place(ground, obstacles)
    await _check_server(ground, obstacles)


async def _check_in_place(ground: Ground, tied: Collection[int], obstacles: Obstacles) -> None:
    connection = ground.connection
    with obstacles.noted(_LOOKING):
        require_no_large_objects(ground.request, ground.manifest)
    await obstacles.of(require_owner(connection, tied), _LOOKING)
    await obstacles.of(_require_work(connection, keeps=ground.request.checkpoint), _LOOKING)
    await _check_room(ground, obstacles)


async def _require_work(connection: Connection, *, keeps: bool) -> None:
    """Raises `PrivilegeError` where this role may not make the schema of the checkpoint, or bring rows beside their tables."""
    row = await (await connection.execute(_MAY_WORK)).fetchone()
    may_create, may_stage = row or (False, False)
    name, role = connection.info.dbname, connection.info.user
    missing = [*([] if may_create or not keeps else ["CREATE"]), *([] if may_stage else ["TEMPORARY"])]
    if missing:
        raise PrivilegeError(
            f"role {role} has no privilege {' and '.join(missing)} on database {name}: a recovery in place brings rows "
            "into temporary tables, and keeps in a schema what undoes it",
            remedy=f'GRANT {", ".join(missing)} ON DATABASE "{name}" TO "{role}";'
            + (" or --no-checkpoint" if missing == ["CREATE"] else ""),
        )


async def _check_empty_tables(
    ground: Ground, planned: Sequence[PlannedTable], tied: Collection[int], obstacles: Obstacles
) -> None:
    with obstacles.noted(_LOOKING):
        refuse_archived(ground.manifest, ground.selection.tables)
    missing = [table.qualified_name for table in planned if table.rows_now is None]
    if missing:
        absent = RestoreError(
            f"the database has no table {quoted_names(missing)}, of which the backup has rows alone",
            remedy="restore the schema first, or name the tables to fill",
        )
        obstacles.refuse(absent)
    full = [table.qualified_name for table in planned if table.rows_now]
    if full:
        holding = TargetNotEmptyError(
            f"{quoted_names(full)} has rows already; a backup of rows alone goes into empty tables",
            remedy="empty the tables, restore into a database that has only the schema, or merge (-s merge)",
        )
        obstacles.refuse(holding)
    await obstacles.of(require_owner(ground.connection, tied), _LOOKING)
    await _check_room(ground, obstacles)


async def _check_place(ground: Ground, obstacles: Obstacles) -> None:
    """Whether the database can be made, filled or exchanged."""
    connection, name = ground.connection, ground.name
    if ground.request.rename_schemas:
        await check_renaming(ground, obstacles)
    elif ground.way is RecoveryWay.SIDE_BY_SIDE:
        await obstacles.of(refuse_template(connection, name), _LOOKING)
        await obstacles.of(require_free(connection, name), _LOOKING)
    elif ground.exists:
        await obstacles.of(refuse_template(connection, name), _LOOKING)
        if ground.limited is None:  # else it has been looked at what it holds
            for warning in await obstacles.of(require_empty(connection, name, ground.manifest.source), _LOOKING) or []:
                obstacles.warn(warning)
    else:
        await obstacles.of(_require_creating(connection, name), _LOOKING)
    if remains := await obstacles.of(leftovers(connection, name), _LOOKING):
        obstacles.warn(remains)
    if ground.exists and ground.way is RecoveryWay.NEW and ground.selection.is_whole:
        kept = left_behind(database_statements(ground.toc, name), name)
        if kept is not None:
            obstacles.warn(kept)


async def _require_creating(connection: Connection, name: str) -> None:
    row = await (await connection.execute(_MAY_CREATE)).fetchone()
    if row is None or not row[0]:
        role = connection.info.user
        raise PrivilegeError(
            f"role {role} may not create database {name}",
            remedy=f'ALTER ROLE "{role}" CREATEDB; or create an empty database and restore into it',
        )


async def _check_server(ground: Ground, obstacles: Obstacles) -> None:
    """Version, client tools, roles, extensions, and what surrounded the source."""
    connection, manifest = ground.connection, ground.manifest
    with obstacles.noted(_LOOKING):
        require_version(manifest, connection.info.server_version)
    needs = requirements(ground.toc)
    tools = await obstacles.of(
        find_client_tools(connection.info.server_version, directory=ground.request.target.client_tools), _LOOKING
    )
    for warning in tools.warnings if tools is not None else ():
        obstacles.warn(warning)
    await _check_needs(ground, needs, obstacles)
    whole = ground.selection.is_whole and manifest.selection.is_everything
    exists = ground.exists and ground.way is RecoveryWay.NEW
    surroundings = compare_surroundings(connection, manifest, needs, whole=whole, exists=exists)
    for warning in await obstacles.of(surroundings, _LOOKING) or []:
        obstacles.warn(warning)
    await _check_room(ground, obstacles)


async def _check_needs(ground: Ground, needs: Requirements, obstacles: Obstacles) -> None:
    connection = ground.connection
    stored = globals_path(ground.repository, ground.manifest)
    if stored is None:
        obstacles.warn("this backup has lost its globals.sql (roles, memberships)")
    if ground.request.create_roles:
        needs = await plan_roles(ground, needs, obstacles)
    if ground.limited is None:
        await obstacles.of(require_roles(connection, needs, stored), _LOOKING)
    else:
        tell_limits(ground.limited, obstacles)
    for warning in await obstacles.of(require_extensions(connection, needs, ground.manifest), _LOOKING) or []:
        obstacles.warn(warning)
    lost = await obstacles.of(missing_tablespaces(connection, needs), _LOOKING)
    if lost:
        obstacles.warn(f"the target has no tablespace {', '.join(lost)}: everything goes to the default one")


async def _check_room(ground: Ground, obstacles: Obstacles) -> None:
    text = sum(raw_bytes(ground.manifest, numbers) for numbers in ground.segments.by_table.values())
    if room := await obstacles.of(check_room(ground.connection, text), _LOOKING):
        obstacles.warn(room)
