"""What a restore will do, decided before anything is created."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

import msgspec
import psycopg

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.opened import Place
from pantry_tui.artifact.selection import select_tables
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.config.restoring import check_target, check_target_name
from pantry_tui.config.targets import database_name
from pantry_tui.errors import DatabaseMissingError
from pantry_tui.models import DatabaseTarget, Model, RestoreRequest
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.tools import ClientTools, find_client_tools
from pantry_tui.recovery.content import Expected
from pantry_tui.recovery.cron_jobs import SCHEMA, CronJobs, cannot_come, without_cron
from pantry_tui.recovery.database import (
    existing_contents,
    leftovers,
    maintenance_session,
    refuse_template,
    require_empty,
    writable_session,
)
from pantry_tui.recovery.limited import limit, limit_rehearsal, stand
from pantry_tui.recovery.preflight import (
    check_room,
    check_segments,
    missing_tablespaces,
    needed_segments,
    open_archive,
    raw_bytes,
    refuse_unsupported,
    require_extensions,
    require_roles,
    require_version,
)
from pantry_tui.recovery.properties import database_statements, left_behind
from pantry_tui.recovery.requirements import requirements
from pantry_tui.recovery.surroundings import compare_surroundings
from pantry_tui.recovery.swap import require_free
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.rows import open_rows

_MISSING = re.compile(r'database "(.*)" does not exist', re.DOTALL)


class RestorePlan(Model, frozen=True, kw_only=True):
    """Everything that was found out and decided.

    ``exists``: an empty database of that name is there; ``swaps``: one that holds something, to be exchanged.
    """

    expected: Expected
    archive: Content
    name: str
    exists: bool
    swaps: bool
    server_version: int
    tools: ClientTools
    tablespaces: bool
    owners: bool = True  # objects get the owners that they had
    tried: tuple[TocEntry, ...] = ()  # what is made at the end, as far as the role may
    jobs: CronJobs | None = None  # what is brought last of all, switched off


async def make_plan(
    request: RestoreRequest, repository: Repository, manifest: Manifest, warn: Callable[[str], None]
) -> RestorePlan:
    """Checks the target, then every stored byte that will be read. Nothing is created.

    Raises `RefusedError` and `UsageError` for a database that no restore may fill, `TargetNotEmptyError`,
    `RestoreError`, `BackupDamagedError`, `NotFoundError` for an unknown table, and what connecting to the server raises.
    """
    refuse_unsupported(manifest)
    check_target(request.target)
    identities = identities_of(request.unlocking)
    archive, toc = await open_archive(repository, manifest, identities)
    if manifest.entries is not None:
        belonging = frozenset(manifest.entries)
        toc = tuple(entry for entry in toc if entry.id in belonging)
    selection = select_tables(manifest, toc, request.tables, request.exclude)
    chosen = toc if selection.entries is None else tuple(entry for entry in toc if entry.id in set(selection.entries))
    standing, tried = None, tuple[TocEntry, ...]()
    if request.managed:
        standing = await stand(request.target)
        limited = (limit_rehearsal if request.dry_run else limit)(manifest, selection, chosen, standing)
        selection, chosen, tried = limited.selection, limited.entries, limited.tried
        for warning in limited.warnings:
            warn(warning)
    selection, chosen, jobs = without_cron(manifest, selection, chosen)
    others = () if standing is None or request.dry_run else standing.others
    expected = Expected(
        manifest=manifest,
        selection=selection,
        segments=needed_segments(manifest, selection),
        toc=chosen,
        repository=request.repository,
        unlocking=request.unlocking,
        others=others if jobs is None else (*others, SCHEMA),
    )
    with open_rows(repository, manifest, identities) as reader:
        checking = asyncio.ensure_future(check_segments(reader, manifest, selection, expected.segments))
        try:
            plan = await _meet_server(request, repository, expected, archive, jobs, warn)
            await checking
        finally:
            checking.cancel()
    plan = msgspec.structs.replace(plan, owners=standing is None, tried=tried)
    if plan.exists and selection.is_whole:
        kept = left_behind(database_statements(chosen, plan.name), plan.name)
        if kept is not None:
            warn(kept)
    return plan


async def _meet_server(
    request: RestoreRequest,
    repository: Repository,
    expected: Expected,
    archive: Content,
    jobs: CronJobs | None,
    warn: Callable[[str], None],
) -> RestorePlan:
    connection, name, exists = await reach(request.target)
    swaps = False
    server_version = connection.info.server_version
    try:
        check_target_name(name)
        if exists and request.swap and await existing_contents(connection) is not None:
            swaps = True
            await refuse_template(connection, name)
            await require_free(connection, name)
        exists = exists and not swaps and not request.dry_run  # both work in a database of their own
        if exists:
            await refuse_template(connection, name)
            if not request.managed:  # it has been looked at what it holds
                for warning in await require_empty(connection, name, expected.manifest.source):
                    warn(warning)
        if remains := await leftovers(connection, name):
            warn(remains)
        if jobs is not None and (reason := await cannot_come(connection, jobs, name, rehearsal=request.dry_run)):
            warn(reason)
            jobs = None
        tools, tablespaces = await _check_server(connection, request, repository, expected, warn, exists=exists)
    except psycopg.Error as error:
        raise server_error(error, doing="looking at the target server") from error
    finally:
        with suppress(psycopg.Error):
            await connection.close()
    return RestorePlan(
        expected=expected,
        archive=archive,
        name=name,
        exists=exists,
        swaps=swaps,
        server_version=server_version,
        tools=tools,
        tablespaces=tablespaces,
        jobs=jobs,
    )


async def reach(target: DatabaseTarget) -> tuple[Connection, str, bool]:
    """A connection to the target's server, the database's name, and whether it is there."""
    try:
        connection = await writable_session(target)
    except DatabaseMissingError as error:
        # The server's own words: a service file may have named the database.
        found = _MISSING.search(error.detail or "")
        name = found[1] if found else database_name(target.conninfo, target.environment)
        return await maintenance_session(target), name, False
    return connection, connection.info.dbname, True


async def _check_server(
    connection: Connection,
    request: RestoreRequest,
    repository: Repository,
    expected: Expected,
    warn: Callable[[str], None],
    *,
    exists: bool,
) -> tuple[ClientTools, bool]:
    manifest = expected.manifest
    require_version(manifest, connection.info.server_version)
    needs = requirements(expected.toc)
    tools = await find_client_tools(connection.info.server_version, directory=request.target.client_tools)
    globals_file = globals_path(repository, manifest)
    if globals_file is None:
        warn(
            "this backup has lost its globals.sql (roles, memberships): what a restore needs of them must be on the "
            "target server already"
        )
    if not request.managed:
        await require_roles(connection, needs, globals_file)
    warnings = [*tools.warnings, *await require_extensions(connection, needs, manifest)]
    whole = expected.selection.is_whole and manifest.selection.is_everything
    warnings.extend(await compare_surroundings(connection, manifest, needs, whole=whole, exists=exists))
    text = sum(raw_bytes(manifest, numbers) for numbers in expected.segments.by_table.values())
    if room := await check_room(connection, text):
        warnings.append(room)
    lost = await missing_tablespaces(connection, needs)
    if lost:
        warnings.append(f"the target has no tablespace {', '.join(lost)}: everything goes to the default one")
    for warning in warnings:
        warn(warning)
    return tools, not lost


def globals_path(repository: Repository, manifest: Manifest) -> Place | None:
    """Where the backup has its roles; None when that file is gone."""
    place = repository.place(manifest.id, manifest.file("globals").name)
    return place if place.exists() else None
