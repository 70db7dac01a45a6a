"""The plan of a recovery: everything that a person should know before it, and nothing done but reading.

A probe of the server's speed, where there is nothing better, works in a temporary table of a transaction that is rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

import psycopg

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.manifest import Manifest, ServerIdentity
from pantry_tui.artifact.selection import Selection
from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.config.restoring import check_target
from pantry_tui.events import Listener, PhaseStarted
from pantry_tui.models import BackupKind, Estimate, PlanRequest, RecoveryPlan, RecoveryWay
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.introspect import SourceTable, list_tables, server_identity
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.tools import version_text
from pantry_tui.recovery.archive import is_local
from pantry_tui.recovery.database import existing_contents
from pantry_tui.recovery.plan import reach
from pantry_tui.recovery.planning import durations, figures, words
from pantry_tui.recovery.planning.asked import Asked, understood
from pantry_tui.recovery.planning.bystanders import dependents, locks
from pantry_tui.recovery.planning.checks import check_all
from pantry_tui.recovery.planning.elsewhere import outward_keys, under_new_names
from pantry_tui.recovery.planning.ground import Ground
from pantry_tui.recovery.planning.obstacles import Obstacles
from pantry_tui.recovery.planning.probe import probe
from pantry_tui.recovery.planning.tables import Tables, plan_tables
from pantry_tui.recovery.preflight import needed_segments, open_archive
from pantry_tui.recovery.set_aside import SetAside
from pantry_tui.repository.bases import base_of
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.rows import open_rows, restorable

STATEMENT_SECONDS = 10  # that any question of a plan may take
LOCK_SECONDS = 0.5  # who holds a table is told, and not waited for
_OID = "SELECT oid::pg_catalog.int8 FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"


async def plan_recovery(request: PlanRequest, listener: Listener) -> RecoveryPlan:
    """What that recovery would do. What keeps it from being executed is part of the plan.

    Raises what leaves nothing to plan: `NotFoundError`, `UntrustedSignerError`, `BackupDamagedError` and `EncryptionError` for
    an archive that cannot be read, `UsageError`, `ServerUnreachableError` and its kin.
    """
    began = time.monotonic()
    require_fingerprints(request.trust)
    repository = open_repository(request.repository, request.data_directory)
    backup_id = repository.resolve(request.backup_id)
    own, _ = repository.trusted_manifest(backup_id, besides=request.trust)
    own.require_own("planned with")
    manifest = restorable(repository, own)
    check_target(request.target)
    listener(PhaseStarted(phase="look", title="Looking at the backup and at the server"))
    identities = identities_of(request.unlocking)
    _, toc = await open_archive(repository, manifest, identities)
    if manifest.entries is not None:
        belonging = frozenset(manifest.entries)
        toc = tuple(entry for entry in toc if entry.id in belonging)
    asked = await understood(request, manifest, toc)
    connection, name, exists = await reach(request.target)
    try:
        ground = Ground(
            request=asked.request,
            repository=repository,
            manifest=manifest,
            toc=asked.toc,
            selection=asked.selection,
            segments=needed_segments(manifest, asked.selection),
            connection=connection,
            identity=await _become_reader(connection),
            name=name,
            exists=exists,
            way=await _way(connection, asked, manifest, exists=exists),
            there=await _there(connection, asked) if exists else {},
            beginning=time.monotonic() - began,
            is_source=exists and await _is_source(connection, manifest),
            limited=asked.limited,
            jobs=asked.jobs,
        )
        return await _plan(ground, listener)
    except psycopg.Error as error:
        raise server_error(error, doing="looking at the target server") from error
    finally:
        with suppress(psycopg.Error):
            await connection.close()


async def _become_reader(connection: Connection) -> ServerIdentity:
    """Which server it is; from here on the session writes nothing, and waits for nobody for long."""
    await connection.execute("SET default_transaction_read_only = on")
    await connection.execute(f"SET statement_timeout = {STATEMENT_SECONDS * 1000}".encode())
    await connection.execute(f"SET lock_timeout = {int(LOCK_SECONDS * 1000)}".encode())
    return await server_identity(connection)


async def _there(connection: Connection, asked: Asked) -> dict[tuple[str, str], SourceTable]:
    """The target's tables that this is about: under other names it is about none of them."""
    if asked.request.rename_schemas:
        return {}
    return {(each.schema, each.name): each for each in await list_tables(connection)}


async def _way(connection: Connection, asked: Asked, manifest: Manifest, *, exists: bool) -> RecoveryWay:
    if asked.request.rename_schemas:
        return RecoveryWay.BESIDE if exists else RecoveryWay.NEW
    if asked.in_place:
        return RecoveryWay.IN_PLACE
    if manifest.kind is BackupKind.DATA:
        return RecoveryWay.EMPTY_TABLES
    if exists and asked.request.swap and await existing_contents(connection) is not None:
        return RecoveryWay.SIDE_BY_SIDE
    return RecoveryWay.NEW


async def _is_source(connection: Connection, manifest: Manifest) -> bool:
    identity = await server_identity(connection)
    row = await (await connection.execute(_OID)).fetchone()
    same_server = (identity.system_identifier, identity.timeline) == (
        manifest.server.system_identifier,
        manifest.server.timeline,
    )
    return same_server and row is not None and row[0] == manifest.source.oid


async def _plan(ground: Ground, listener: Listener) -> RecoveryPlan:
    obstacles = Obstacles()
    tables = under_new_names(ground, await plan_tables(ground))
    for refusal in tables.refusals:
        obstacles.refuse(refusal)
    standing = [table for entry in ground.entries.values() if (table := ground.standing(entry)) is not None]
    oids = [table.oid for table in standing]
    around = await dependents(ground.connection, standing) if ground.exchanges else []
    tied = {*oids, *(await SetAside.find(ground.connection, oids)).touched} if ground.exchanges else set()
    await check_all(ground, tables.planned, tied, obstacles)
    locked = await locks(ground, tied)
    room, loss = await figures.room(ground), await figures.loss(ground, tables.planned)
    estimate = await _estimate(ground, tables, listener, obstacles)
    command, dry_run = words.commands(ground.request, ground.manifest.id, ground.name)
    return RecoveryPlan(
        backup_id=ground.manifest.id,
        database=ground.manifest.database,
        target=ground.name,
        target_exists=ground.exists,
        server_version=version_text(ground.identity.version_num),
        backup_version=version_text(ground.manifest.server.version_num),
        way=ground.way,
        why=words.why(ground),
        strategy=ground.request.strategy,
        tables=tables.planned,
        cycles=tables.cycles,
        dependents=tuple(around),
        locks=locked,
        room=room,
        loss=loss,
        estimate=estimate,
        assertions=_asked(ground.request, ground.selection, ground.way),
        left_out=() if ground.exchanges else (*ground.selection.left_out, *outward_keys(ground)),
        warnings=tuple(obstacles.warnings),
        risks=words.risks(ground, tables.planned, around, locked, room, loss, estimate),
        refusals=tuple(obstacles.refusals),
        command=command,
        dry_run_command=dry_run,
    )


def _asked(request: PlanRequest, selection: Selection, way: RecoveryWay) -> tuple[str, ...]:
    """The assertions that will be asked, by name."""
    whole = selection.is_whole or way in (RecoveryWay.IN_PLACE, RecoveryWay.EMPTY_TABLES)
    return tuple(each.name for each in request.assertions) if whole and request.verify else ()


async def _estimate(ground: Ground, tables: Tables, listener: Listener, obstacles: Obstacles) -> Estimate | None:
    request, work = ground.request, figures.work(ground, tables.planned)
    found = durations.from_history(work, ground.identity.system_identifier, request.measurements)
    if found is None and is_local(request.target):
        found = durations.from_drills(work, request.measurements)
    if found is None and request.probe:
        listener(PhaseStarted(phase="probe", title="Timing a second's work on the server"))
        found = await _probed(ground, work, obstacles)
    if found is None:
        manifest = ground.manifest
        found = durations.from_backup(work, seconds=_backup_seconds(ground), raw_bytes=manifest.raw_bytes)
    return None if found is None else durations.judged(found, request.rto_seconds)


def _backup_seconds(ground: Ground) -> float:
    """How long the backup took, with its base."""
    manifest = ground.manifest
    base = base_of(ground.repository, manifest).duration_seconds if manifest.base is not None else 0.0
    return manifest.duration_seconds + base


async def _probed(ground: Ground, work: durations.Work, obstacles: Obstacles) -> Estimate | None:
    identities = identities_of(ground.request.unlocking)
    with obstacles.noted("reading the backup"), open_rows(ground.repository, ground.manifest, identities) as reader:
        rates = await probe(ground.connection, reader, _largest(ground))
        if rates is None:
            return None
        rates = rates._replace(beginning=ground.beginning)
        return durations.from_probe(work, rates, backup_seconds=ground.manifest.duration_seconds)
    return None


def _largest(ground: Ground) -> Iterable[int]:
    segments = ground.manifest.segments
    return sorted(ground.segments.numbers, key=lambda number: -segments[number].raw_length)
