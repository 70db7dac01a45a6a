"""Restore drills: a backup is restored and compared as in earnest, timed, and nothing of it kept but the proof."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from pantry_tui.artifact.age import identities_of
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.opened import Place
from pantry_tui.artifact.trusted import require_fingerprints
from pantry_tui.config.restoring import drill_name
from pantry_tui.config.targets import target_with_database
from pantry_tui.errors import (
    BackupDamagedError,
    PantryError,
    RestoreError,
    UsageError,
    VerificationError,
)
from pantry_tui.events import Listener, PhaseStarted
from pantry_tui.models import (
    BackupKind,
    DatabaseTarget,
    DrillPlace,
    DrillRequest,
    DrillResult,
    Failure,
    Measurement,
    RestoreRequest,
    RestoreResult,
    utc_now,
)
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.postgres.tools import PROGRAMS, version_text
from pantry_tui.recovery.database import maintenance_session
from pantry_tui.recovery.furnishing import furnish
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.phases import PhaseClock
from pantry_tui.recovery.preflight import refuse_unsupported
from pantry_tui.recovery.rehearsal import ELSEWHERE, rehearsal_server
from pantry_tui.recovery.service import restore_backup
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.records import ProofRecord
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.rows import restorable

_PLACES = {DrillPlace.PRIVATE: "Starting a private server", DrillPlace.SERVER: "Reaching the server"}


async def drill_backup(request: DrillRequest, listener: Listener) -> DrillResult:
    """Restores a backup into a throw-away database, compares it with the backup, and records what came of it.

    From the moment that anything is restored, or where the backup itself is at fault, a failure is a result and is
    recorded beside the backup. A drill that cannot begin says nothing about the backup and records nothing: raises
    `UsageError` for a backup of rows alone, `UntrustedSignerError`, `KeyMissingError`, `WrongKeyError`,
    `ClientToolError` where no private server fits, `DiskFullError`, `ServerError` and its kin.
    """
    require_fingerprints(request.trust)
    repository = open_repository(request.repository, request.data_directory)
    backup_id = repository.resolve(request.backup_id)
    manifest = restorable(repository, repository.trusted_manifest(backup_id, besides=request.trust)[0])
    _refuse(request, manifest)
    stored = repository.place(backup_id, manifest.file("archive").name)
    await asyncio.to_thread(_require_key, stored, request)
    return await _Drill(request, repository, manifest, PhaseClock(listener)).run()


def _refuse(request: DrillRequest, manifest: Manifest) -> None:
    manifest.require_own("drilled")
    if manifest.kind is BackupKind.DATA:
        raise UsageError(
            f"backup {manifest.id} holds rows alone, and no tables to put them into",
            remedy="drill a full backup of the database",
        )
    refuse_unsupported(manifest)
    if request.where is DrillPlace.SERVER and request.server is None:
        raise UsageError("a drill on a server needs to be told which", remedy="name the database whose server is meant")
    if request.where is DrillPlace.PRIVATE and request.data_directory is None:
        raise UsageError("a drill on a private server needs a data directory", remedy="name one")


def _require_key(archive: Place, request: DrillRequest) -> None:
    """Raises `KeyMissingError` or `WrongKeyError` where the backup cannot be opened; what else is wrong shows later."""
    if archive.exists():
        with suppress(BackupDamagedError):
            Content.unlock(archive, identities_of(request.unlocking))


class _Drill:
    """One drill, from the server to the record."""

    def __init__(self, request: DrillRequest, repository: Repository, manifest: Manifest, clock: PhaseClock) -> None:
        self._request = request
        self._repository = repository
        self._manifest = manifest
        self._clock = clock
        self._id = request.drill_id or new_recovery_id(utc_now())
        self._server_version: str | None = None

    async def run(self) -> DrillResult:
        restored: RestoreResult | None = None
        failure: Failure | None = None
        self._clock(PhaseStarted(phase="server", title=_PLACES[self._request.where]))
        try:
            async with self._place() as target:
                restored = await restore_backup(self._restore_request(target), self._clock)
                self._clock.stop()
        except PantryError as error:
            if not self._tells_of_the_backup(error):
                raise
            self._clock.stop()
            failure = Failure.of(self._with_advice(error))
        result = self._result(restored, failure)
        return msgspec.structs.replace(result, recorded=self._record(result))

    def _tells_of_the_backup(self, error: PantryError) -> bool:
        return self._clock.has_begun("pre-data") or isinstance(error, BackupDamagedError | RestoreError)

    def _with_advice(self, error: PantryError) -> PantryError:
        if isinstance(error, VerificationError):
            error.remedy = "Do not rely on this backup: take another one, and drill that"
        elif isinstance(error, RestoreError) and self._request.where is DrillPlace.PRIVATE:
            error.remedy = f"{error.remedy.rstrip('.')}; or {ELSEWHERE}" if error.remedy else ELSEWHERE
        return error

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[DatabaseTarget]:
        """The database to restore into, which is not there yet."""
        if self._request.server is not None and self._request.where is DrillPlace.SERVER:
            target = target_with_database(self._request.server, self._database)
            async with await maintenance_session(target) as connection:
                self._server_version = version_text(connection.info.server_version)
            yield target
            return
        directory = self._request.directory
        async with rehearsal_server(
            self._manifest,
            name=self._id,
            data_directory=Path(self._request.data_directory or ""),
            directory=Path(directory) if directory is not None else None,
            client_tools=self._request.client_tools,
        ) as server:
            self._server_version = version_text(server.version_num)
            target = _reachable(server, self._database)
            await furnish(target, self._repository, self._manifest, self._request.unlocking)
            yield target

    @property
    def _database(self) -> str:
        return drill_name(self._manifest.source.name)

    def _restore_request(self, target: DatabaseTarget) -> RestoreRequest:
        return RestoreRequest(
            repository=self._request.repository,
            backup_id=self._manifest.id,
            target=target,
            dry_run=self._request.where is DrillPlace.SERVER,  # on a server that goes away, all of it is done
            jobs=self._request.jobs,
            assertions=self._request.assertions,
            assertion_seconds=self._request.assertion_seconds,
            trust=self._request.trust,
            unlocking=self._request.unlocking,
            proof=False,
            recovery_id=self._id,
            started_by=self._request.started_by,
            data_directory=self._request.data_directory,
        )

    def _result(self, restored: RestoreResult | None, failure: Failure | None) -> DrillResult:
        phases = {name: round(seconds, 3) for name, seconds in self._clock.seconds.items()}
        total, rto = round(sum(self._clock.seconds.values()), 3), self._request.rto_seconds
        result = DrillResult(
            id=self._manifest.id,
            database=self._manifest.database,
            ok=failure is None,
            where=self._request.where,
            drill_id=self._id,
            server_version=self._server_version,
            phases=phases,
            total_seconds=total,
            rto_seconds=rto,
            rto_met=None if rto is None else failure is None and total <= rto,
            failure=failure,
        )
        if restored is None:
            return result
        return msgspec.structs.replace(
            result,
            rows=sum(table.inserted for table in restored.tables),
            tables=len(restored.tables),
            constraints_validated=restored.validation.constraints_validated,
            sequences_compared=restored.validation.sequences_compared,
            assertions=restored.assertions,
            warnings=restored.warnings,
            measured=self._measured(restored),
        )

    def _measured(self, restored: RestoreResult) -> Measurement | None:
        """The restore's figures, under the drill's name."""
        if restored.measured is None:
            return None
        private = self._request.where is DrillPlace.PRIVATE
        return msgspec.structs.replace(restored.measured, private=private, database=self._manifest.database)

    def _record(self, result: DrillResult) -> bool:
        """Writes the proof, or the failure, beside the backup; whether that could be done."""
        kept = (
            "assertions",
            "drill_id",
            "server_version",
            "phases",
            "total_seconds",
            "rto_seconds",
            "rto_met",
            "rows",
            "tables",
        )
        document = result.to_builtins()
        details = {key: document[key] for key in kept} | {"where": str(result.where)}
        if result.failure is not None:
            details["failure"] = {"code": result.failure.code, "message": result.failure.message}
        record = ProofRecord(kind="drill", at=result.finished_at, ok=result.ok, details=details)
        try:
            self._repository.add_record(result.id, record)
        except PantryError as error:
            self._clock.warn(f"the drill could not be recorded beside the backup: {error.message}")
            return False
        return True


def _reachable(server: PrivateServer, database: str) -> DatabaseTarget:
    """A database of the server; its own client tools where they are complete, else those that are found."""
    tools = Path(server.client_tools)
    target = server.target(database)
    if all((tools / program).is_file() for program in PROGRAMS):
        return target
    return msgspec.structs.replace(target, client_tools=None)
