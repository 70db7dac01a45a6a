"""Restoring a backup and proving that the result is what was backed up."""

from __future__ import annotations

import asyncio
import time

import msgspec
import psycopg

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.config.targets import target_with_database
from pantry_tui.errors import (
    PantryError,
    RestoreError,
    ServerError,
    UsageError,
    VerificationError,
)
from pantry_tui.events import Listener, Logged
from pantry_tui.models import (
    AssertionOutcome,
    BackupKind,
    DatabaseTarget,
    RestoredTable,
    RestoreRequest,
    RestoreResult,
    RestoreValidation,
    utc_now,
)
from pantry_tui.postgres.workers import WorkerPool, default_worker_count
from pantry_tui.recovery.activity import activity_of
from pantry_tui.recovery.analyzing import Analyzed, analyze_or_warn
from pantry_tui.recovery.archive import HEAVY, Archive, remaining_entries
from pantry_tui.recovery.asserting import assert_database
from pantry_tui.recovery.committing import take_back_cancellation, to_the_end
from pantry_tui.recovery.cron_jobs import bring_jobs
from pantry_tui.recovery.database import (
    RestoreDatabase,
    as_restore_error,
    create_database,
    drop_database,
    maintenance_session,
    make_durable,
    settle,
)
from pantry_tui.recovery.exchanging import Exchanging
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.in_place.restoring import restore_in_place
from pantry_tui.recovery.limited import fit_to_managed, try_entries
from pantry_tui.recovery.measuring import with_measurement
from pantry_tui.recovery.phases import PhaseClock
from pantry_tui.recovery.plan import RestorePlan, make_plan
from pantry_tui.recovery.progress import RestoreProgress
from pantry_tui.recovery.properties import carry_over, database_statements, prepare
from pantry_tui.recovery.renaming.service import restore_renamed
from pantry_tui.recovery.role_making import create_roles
from pantry_tui.recovery.rows import HANDLERS, Filling
from pantry_tui.recovery.rows_alone import restore_rows
from pantry_tui.recovery.verify import not_compared, verify
from pantry_tui.recovery.way import goes_in_place, refuse_batches
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.records import ProofRecord
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.rows import restorable
from pantry_tui.together import together

JOBS_LIMIT = 64
DIFFERENCES_SHOWN = 5


async def restore_backup(request: RestoreRequest, listener: Listener) -> RestoreResult:
    """Restores a backup, or some of its tables, into a new or empty database and compares the result.

    Nothing is created before every byte that will be read has been checked. A new database gets its name only when it
    has been compared; one that fails on the way is dropped. Raises `NotFoundError`, `BackupDamagedError`,
    `UntrustedSignerError`, `TargetNotEmptyError`, `RestoreError`, `VerificationError` (the database stays, under the name
    that calls it unverified), `ServerError` and its kin.
    """
    clock = PhaseClock(listener)
    result = await _restored(request, clock)
    clock.stop()
    try:
        return await with_measurement(request, result, clock.seconds)
    except asyncio.CancelledError:  # what was wanted is done
        take_back_cancellation()
        return result


async def _restored(request: RestoreRequest, listener: Listener) -> RestoreResult:
    if request.jobs is not None and not 1 <= request.jobs <= JOBS_LIMIT:
        raise UsageError(f"{request.jobs} worker processes cannot be", remedy=f"choose from 1 to {JOBS_LIMIT}")
    require_fingerprints(request.trust)
    repository = open_repository(request.repository, request.data_directory)
    backup_id = repository.resolve(request.backup_id)
    manifest, signer = repository.trusted_manifest(backup_id, besides=request.trust)
    listener(Logged(message=f"signed by {signer.fingerprint}" if signer else "restoring without a signature, as asked"))
    manifest.require_own("restored and compared")
    manifest = restorable(repository, manifest)
    if request.create_roles:
        await create_roles(request, repository, manifest, listener)
    if request.rename_schemas:
        return await restore_renamed(request, repository, manifest, listener, restore_backup)
    holds = False
    if request.managed:
        request, holds = await fit_to_managed(request, manifest)
    if holds or await goes_in_place(request, manifest):
        return await restore_in_place(request, repository, manifest, RestoreProgress(listener, manifest.tables))
    refuse_batches(request)
    if manifest.kind is BackupKind.DATA:
        return await restore_rows(request, repository, manifest, RestoreProgress(listener, manifest.tables))
    pool = WorkerPool.launch(request.jobs or default_worker_count(), HANDLERS)
    try:
        return await _Restore(request, repository, manifest, listener, pool).run()
    finally:
        pool.kill()


class _Restore:
    """One restore, from the plan to the proof."""

    def __init__(
        self,
        request: RestoreRequest,
        repository: Repository,
        manifest: Manifest,
        listener: Listener,
        pool: WorkerPool,
    ) -> None:
        self._request = request
        self._pool = pool
        self._repository = repository
        self._manifest = manifest
        self._progress = RestoreProgress(listener, self._manifest.tables)
        self._started_at = utc_now()
        self._started = time.monotonic()
        self._recovery_id = request.recovery_id or new_recovery_id(self._started_at)
        self._exchanging: Exchanging | None = None  # with the database that is there
        self._kept: str | None = None  # that one, when it has been exchanged
        self._verification_seconds = 0.0
        self._analyzed = Analyzed(0, [])
        self._analyze_seconds = 0.0
        self._assertions: tuple[AssertionOutcome, ...] = ()

    async def run(self) -> RestoreResult:
        self._progress.phase("check")
        plan = await make_plan(self._request, self._repository, self._manifest, self._progress.warn)
        self._progress.phase("create", existing=plan.exists)
        if plan.swaps:
            self._exchanging = await self._prepare_exchange(plan)
        database = await self._create(plan)
        try:
            loaded = await self._fill(plan, database)
            tables, validation = await self._verify(plan, database, loaded)
            await self._analyze(plan, database)
            self._assertions = await self._assert(plan, database)
        except VerificationError:
            if self._request.dry_run:
                await self._clean_up(database)
            raise
        except PantryError as error:
            left = await self._clean_up(database)
            error.remedy = f"{error.remedy.rstrip('.')}; {left}" if error.remedy else left
            raise
        except BaseException:  # cancelled, most likely: whatever it is, nothing half done stays
            await asyncio.shield(self._clean_up(database))
            raise
        if self._request.dry_run:
            self._progress.log(await self._clean_up(database))
        else:
            await self._finish(plan, database)
            if (await to_the_end(self._bring_jobs(plan))).too_late:
                self._progress.late()
        self._tell_of_refreshed_views(plan)
        result = self._result(plan, database, tables, validation)
        self._record(plan, result)
        self._progress.finished()
        return result

    async def _prepare_exchange(self, plan: RestorePlan) -> Exchanging:
        began = await activity_of(target_with_database(self._request.target, plan.name))
        return Exchanging(self._request, self._manifest, self._recovery_id, began, self._progress)

    async def _create(self, plan: RestorePlan) -> RestoreDatabase:
        if plan.exists:
            return RestoreDatabase(name=plan.name, working_name=plan.name, target=self._request.target, created=False)
        async with await maintenance_session(self._request.target) as connection:
            return await create_database(connection, self._request.target, plan.name, self._manifest.source)

    async def _fill(self, plan: RestorePlan, database: RestoreDatabase) -> dict[int, int]:
        if database.created:
            self._warn_of(await prepare(database.target, self._manifest))
        archive = self._archive(plan, database.target)
        filling = Filling(plan.expected, self._pool.count)
        self._progress.phase("pre-data")
        warnings, _ = await together(
            [archive.restore("pre-data", "data"), filling.open(self._pool, plan, database.target)]
        )
        self._warn_of(warnings or [])
        await filling.look(database.target)
        self._progress.phase("rows")
        try:
            loaded = await filling.run(self._pool, self._progress)
        except ServerError as error:
            raise as_restore_error(error, remedy=error.remedy) from error
        await self._pool.close()
        self._progress.phase("post-data")
        for rest in remaining_entries(plan.expected.toc, filling.entries):
            part = msgspec.structs.replace(archive, entries=tuple(entry.id for entry in rest))
            jobs = self._pool.count if any(entry.kind in HEAVY for entry in rest) else 1
            self._warn_of(await part.restore("post-data", jobs=jobs))
        await try_entries(database.target, plan.tried, self._progress.warn)
        return loaded

    def _archive(self, plan: RestorePlan, target: DatabaseTarget) -> Archive:
        return Archive(
            content=plan.archive,
            tools=plan.tools,
            target=target,
            entries=plan.expected.selection.entries,
            tablespaces=plan.tablespaces,
            owners=plan.owners,
        )

    def _warn_of(self, lines: list[str]) -> None:
        """What server and pg_restore had to say about statements that succeeded."""
        for line in lines:
            self._progress.warn(line)

    def _tell_of_refreshed_views(self, plan: RestorePlan) -> None:
        count = sum(1 for entry in plan.expected.toc if entry.kind == "MATERIALIZED VIEW DATA")
        if count:
            self._progress.log(
                f"{count} materialized views were refreshed: one that was stale in the source is not any more"
            )

    async def _verify(
        self, plan: RestorePlan, database: RestoreDatabase, loaded: dict[int, int]
    ) -> tuple[list[RestoredTable], RestoreValidation]:
        if not self._request.verify:
            entries = {index: self._manifest.tables[index] for index in plan.expected.selection.tables}
            tables = [
                RestoredTable(schema=entry.schema, name=entry.name, inserted=loaded.get(index, entry.rows))
                for index, entry in entries.items()
            ]
            return tables, not_compared()
        self._progress.phase("verify")
        started = time.monotonic()
        tables, validation = await verify(
            database.target, plan.expected, jobs=self._pool.count, progress=self._progress
        )
        self._verification_seconds = time.monotonic() - started
        if not validation.equal:
            raise _verification_error(self._manifest, database, validation, kept=not self._request.dry_run)
        return tables, validation

    async def _analyze(self, plan: RestorePlan, database: RestoreDatabase) -> None:
        if not self._request.analyze or self._manifest.kind is BackupKind.SCHEMA:
            return
        self._progress.phase("analyze")
        started = time.monotonic()
        only = plan.expected.names if plan.expected.others else None  # of others' tables, nothing is ours to collect
        self._analyzed = await analyze_or_warn(database.target, self._pool.count, self._progress.warn, only)
        self._analyze_seconds = time.monotonic() - started
        self._progress.log(f"analyzed {self._analyzed.tables:,} tables in {self._analyze_seconds:.1f} s")

    async def _assert(self, plan: RestorePlan, database: RestoreDatabase) -> tuple[AssertionOutcome, ...]:
        """What the owner's assertions say of the result; some tables alone are not what they speak of."""
        assertions = self._request.assertions
        if not (assertions and self._request.verify) or self._manifest.kind is BackupKind.SCHEMA:
            return ()
        if not plan.expected.selection.is_whole:
            self._progress.warn(
                f"the assertions ({len(assertions)}) were not asked: some of the backup's tables did not come"
            )
            return ()
        self._progress.phase("assert")
        try:
            return await assert_database(database.target, self._request)
        except VerificationError as error:
            if not self._request.dry_run:
                error.remedy = f'the database stays for inspection as "{database.working_name}"; {error.remedy}'
            raise

    async def _finish(self, plan: RestorePlan, database: RestoreDatabase) -> None:
        self._progress.phase("finish", existing=not database.created)
        if self._exchanging is not None:
            self._kept = await self._exchanging.run(plan, database)
            return
        ended = await to_the_end(self._name(plan, database) if database.created else make_durable(database.target))
        self._progress.committed(None, too_late=ended.too_late)

    async def _name(self, plan: RestorePlan, database: RestoreDatabase) -> None:
        """Gives the new database its properties and its name."""
        try:
            async with await maintenance_session(self._request.target) as connection:
                if plan.expected.selection.is_whole:
                    toc = plan.expected.toc
                    statements = database_statements(toc, database.working_name)
                    shown = database_statements(toc, database.name)
                    self._warn_of(await carry_over(connection, statements, shown))
                await settle(connection, database, self._manifest.source)
        except (PantryError, psycopg.Error) as error:
            raise RestoreError(
                f"everything is restored, but the database could not be given the name {database.name}",
                remedy=f'it stays as "{database.working_name}": rename it with ALTER DATABASE … RENAME TO',
                detail=str(error),
            ) from error

    async def _bring_jobs(self, plan: RestorePlan) -> None:
        """What pg_cron is to do: switched off, and not before the database has its name."""
        if plan.jobs is not None:
            archive = self._archive(plan, target_with_database(self._request.target, plan.name))
            self._warn_of(await bring_jobs(archive, plan.jobs, self._manifest.source.encoding))

    async def _clean_up(self, database: RestoreDatabase) -> str:
        """Drops what this restore created; says what is left."""
        self._pool.kill()
        if not database.created:
            what = "remove that" if self._request.managed else "drop it, or empty it,"
            return f"database {database.name} holds what was restored until then: {what} before another try"
        try:
            async with await maintenance_session(self._request.target) as connection:
                await drop_database(connection, database.working_name)
        except (PantryError, psycopg.Error):
            return f'the unfinished database could not be dropped: DROP DATABASE "{database.working_name}"'
        return "the database that was being filled has been dropped; nothing else was touched"

    def _result(
        self,
        plan: RestorePlan,
        database: RestoreDatabase,
        tables: list[RestoredTable],
        validation: RestoreValidation,
    ) -> RestoreResult:
        return RestoreResult(
            id=self._recovery_id,
            backup_id=self._manifest.id,
            status="succeeded" if validation.equal else "unverified",
            dry_run=self._request.dry_run,
            target=database.name,
            created_database=database.created,
            tables=tuple(tables),
            validation=validation,
            left_out=plan.expected.selection.left_out,
            warnings=tuple(self._progress.warnings),
            started_at=self._started_at,
            finished_at=utc_now(),
            duration_seconds=time.monotonic() - self._started - self._verification_seconds - self._analyze_seconds,
            verification_seconds=self._verification_seconds,
            analyzed_tables=self._analyzed.tables,
            analyze_seconds=self._analyze_seconds,
            way="side by side" if plan.swaps else "new database",
            checkpoint=self._kept,
            assertions=self._assertions,
        )

    def _record(self, plan: RestorePlan, result: RestoreResult) -> None:
        """A whole restore that compared equal proves the backup; that is kept beside its manifest."""
        if not (self._request.proof and result.validation.equal and plan.expected.selection.is_whole):
            return
        details = {
            "target": result.target,
            "tables": len(result.tables),
            "rows": sum(table.inserted for table in result.tables),
            "duration_seconds": round(result.duration_seconds, 3),
            "verification_seconds": round(result.verification_seconds, 3),
        }
        record = ProofRecord(kind="restore", at=result.finished_at, ok=True, details=details)
        try:
            self._repository.add_record(result.backup_id, record)
        except PantryError as error:
            self._progress.warn(f"the proof could not be recorded beside the backup: {error.message}")


def _verification_error(
    manifest: Manifest, database: RestoreDatabase, validation: RestoreValidation, *, kept: bool
) -> VerificationError:
    differences = validation.differences
    shown = "; ".join(differences[:DIFFERENCES_SHOWN])
    more = f"; and {len(differences) - DIFFERENCES_SHOWN} more" if len(differences) > DIFFERENCES_SHOWN else ""
    stays = f'do not use it; it stays for inspection as "{database.working_name}". ' if kept else ""
    return VerificationError(
        f"the restored database differs from backup {manifest.id}: {shown}{more}",
        remedy=f"{stays}Restore from another backup",
        detail="\n".join(differences),
    )
