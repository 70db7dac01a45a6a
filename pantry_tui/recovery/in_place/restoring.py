"""A recovery in place from the request to the result."""

from __future__ import annotations

import time

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.selection import Selection, select_tables
from pantry_tui.config.restoring import check_target
from pantry_tui.config.targets import database_name
from pantry_tui.errors import UsageError
from pantry_tui.models import BackupKind, RestoreRequest, RestoreResult, RestoreValidation, utc_now
from pantry_tui.postgres.workers import default_worker_count
from pantry_tui.recovery.analyzing import Analyzed, analyze_committed
from pantry_tui.recovery.cron_jobs import STAY_IN_PLACE, without_cron
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.in_place.service import Exchanged, InPlace
from pantry_tui.recovery.preflight import check_segments, needed_segments, open_archive, refuse_unsupported
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.way import INSTEAD, ROWS_ALONE, is_instead, require_no_large_objects
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.rows import open_rows


async def restore_in_place(
    request: RestoreRequest,
    repository: Repository,
    manifest: Manifest,
    progress: RestoreProgress,
) -> RestoreResult:
    """Checks every stored byte that will be read, then exchanges the rows of the tables.

    Raises `NotFoundError` for an unknown table, `UsageError` where none remains, `BackupDamagedError`, what `InPlace.run` does.
    """
    started_at, started = utc_now(), time.monotonic()
    recovery_id = request.recovery_id or new_recovery_id(started_at)
    progress.phase("check")
    if manifest.kind is not BackupKind.DATA:
        refuse_unsupported(manifest)
    require_no_large_objects(request, manifest)
    check_target(request.target)
    identities = identities_of(request.unlocking)
    _, toc = await open_archive(repository, manifest, identities)
    chosen = select_tables(manifest, toc, request.tables, request.exclude)
    wanted = None if chosen.entries is None else frozenset(chosen.entries)
    chosen, _, jobs = without_cron(manifest, chosen, [each for each in toc if wanted is None or each.id in wanted])
    if jobs is not None:
        if not chosen.tables:
            raise UsageError(STAY_IN_PLACE, remedy="restore into a new database, and copy from there what is wanted")
        progress.warn(STAY_IN_PLACE)
    if is_instead(request, manifest):
        progress.warn(INSTEAD)
    selection = Selection(tables=chosen.tables, entries=manifest.entries, is_whole=chosen.is_whole)
    segments = needed_segments(manifest, selection)
    with open_rows(repository, manifest, identities) as reader:
        await check_segments(reader, manifest, selection, segments)
        recovery = InPlace(request, recovery_id, manifest, toc, reader, segments, progress)
        exchanged = await recovery.run(selection.tables)
    finished = time.monotonic()
    analyzed = await _analyze(request, exchanged, progress)
    progress.finished()
    return RestoreResult(
        id=recovery_id,
        backup_id=manifest.id,
        status="violations" if exchanged.violations else "succeeded",
        dry_run=request.dry_run,
        target=database_name(request.target.conninfo, request.target.environment),
        created_database=False,
        tables=exchanged.tables,
        validation=_validation(exchanged),
        left_out=ROWS_ALONE if is_instead(request, manifest) else (),
        warnings=tuple(progress.warnings),
        started_at=started_at,
        finished_at=utc_now(),
        duration_seconds=finished - started,
        verification_seconds=0.0,
        analyzed_tables=analyzed.tables,
        analyze_seconds=time.monotonic() - finished,
        way="in place",
        strategy=request.strategy,
        checkpoint=exchanged.checkpoint,
        violations=exchanged.violations,
        assertions=exchanged.assertions,
    )


async def _analyze(request: RestoreRequest, exchanged: Exchanged, progress: RestoreProgress) -> Analyzed:
    if request.dry_run or not request.analyze:
        return Analyzed(0, [])
    progress.phase("analyze")
    names = [(table.schema, table.name) for table in exchanged.tables]
    return await analyze_committed(request.target, request.jobs or default_worker_count(), progress, names)


def _validation(exchanged: Exchanged) -> RestoreValidation:
    return RestoreValidation(
        performed=True,
        equal=not exchanged.violations,
        tables_compared=len(exchanged.tables),
        constraints_validated=exchanged.constraints,
        constraints_not_valid=0,
        sequences_compared=exchanged.sequences,
        differences=exchanged.violations,
    )
