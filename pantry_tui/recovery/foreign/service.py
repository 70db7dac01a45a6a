"""Restoring a dump that somebody brought, into a new or empty database, as a role that is no superuser."""

from __future__ import annotations

import asyncio
import threading
import time

import psycopg

from pantry_tui.artifact.foreign.opening import FileKind
from pantry_tui.artifact.foreign.script import Inspected, inspect, script_of
from pantry_tui.errors import PantryError
from pantry_tui.events import Listener
from pantry_tui.models import ForeignRestoreRequest, ForeignRestoreResult, utc_now
from pantry_tui.postgres.connect import environment_of
from pantry_tui.recovery.committing import to_the_end
from pantry_tui.recovery.database import RestoreDatabase
from pantry_tui.recovery.foreign.findings import Findings
from pantry_tui.recovery.foreign.progress import ForeignProgress
from pantry_tui.recovery.foreign.reading import brought, in_thread
from pantry_tui.recovery.foreign.running import Run
from pantry_tui.recovery.foreign.session import Session
from pantry_tui.recovery.foreign.target import drop, give_name, look_at_target, take_database
from pantry_tui.recovery.ids import new_recovery_id
from pantry_tui.recovery.progress import TOO_LATE
from pantry_tui.recovery.verify import not_compared

NOTHING_TO_COMPARE = (
    "nothing was there to compare the result with: a dump has no fingerprints. Known is that its end mark was found, that the"
    " server took every row that was sent, and that no statement failed"
)


async def restore_foreign(request: ForeignRestoreRequest, listener: Listener) -> ForeignRestoreResult:
    """Restores a plain dump or an archive in custom format; psql and pg_restore have no part in it.

    It is read twice. First it is looked through to its end: what no dump needs is refused, with its line, before anything has
    run. Then every statement is run, in one transaction, in a new database that gets its name last, or in an empty one.

    Raises `RefusedError` and `BackupDamagedError` for the dump, `PrivilegeError` for a role with too many rights or too
    few, `TargetNotEmptyError`, `RestoreError` naming line and statement, `ServerError` and its kin.
    """
    return await _Restore(request, listener).run()


class _Restore:
    def __init__(self, request: ForeignRestoreRequest, listener: Listener) -> None:
        self._request = request
        self._brought = brought(request)
        self._file = self._brought.file
        self._script = script_of(self._file)
        self._progress = ForeignProgress(listener, self._file.size)
        self._stop = threading.Event()
        self._started_at = utc_now()
        self._started = time.monotonic()

    async def run(self) -> ForeignRestoreResult:
        place = await look_at_target(self._request.target)
        for remark in place.remarks:
            self._progress.warn(remark)
        self._progress.phase("inspect")
        inspected = await in_thread(lambda: inspect(self._script, self._stop, self._moved), self._stop)
        self._brought.require(inspected)
        self._progress.log(
            f"{self._file.name}: {inspected.statements:,} statements, {inspected.lines:,} rows, complete to its end mark"
        )
        self._progress.phase("create")
        database = await take_database(self._request.target, place, inspected.encoding)
        try:
            self._progress.phase("run")
            findings = await self._run(database, inspected)
        except PantryError as error:
            left = await self._clean_up(database)
            error.remedy = f"{error.remedy.rstrip('.')}; {left}" if error.remedy else left
            raise
        except BaseException:  # cancelled, most likely: whatever it is, nothing half done stays
            await asyncio.shield(self._clean_up(database))
            raise
        self._progress.phase("finish")
        if database.created and (await to_the_end(give_name(self._request.target, database))).too_late:
            self._progress.warn(TOO_LATE)
        return self._result(database, inspected, findings)

    async def _run(self, database: RestoreDatabase, inspected: Inspected) -> Findings:
        async with environment_of(database.target):
            session = await asyncio.to_thread(Session.open, database.target)
        try:
            return await in_thread(
                lambda: self._run_all(session, inspected),
                self._stop,
                session.cancel,
                too_late=lambda: self._progress.warn(TOO_LATE),
            )
        finally:
            session.close()

    def _run_all(self, session: Session, inspected: Inspected) -> Findings:
        running = Run(self._script, session, self._stop, self._moved)
        running.run(inspected, analyze=self._request.analyze)
        return running.findings

    def _moved(self) -> None:
        self._progress.read(self._file.read_bytes)

    async def _clean_up(self, database: RestoreDatabase) -> str:
        """Drops what this restore created; says what is left."""
        if not database.created:
            return f"database {database.name} is as empty as before"
        try:
            await drop(self._request.target, database)
        except (PantryError, psycopg.Error):
            return f'the unfinished database could not be dropped: DROP DATABASE "{database.working_name}"'
        return "the database that was being filled has been dropped; nothing else was touched"

    def _result(self, database: RestoreDatabase, inspected: Inspected, findings: Findings) -> ForeignRestoreResult:
        if self._file.kind is not FileKind.SCRIPT:
            findings.remark("everything belongs to the role that restores: owners of an archive are left out")
        warnings = (*findings.warnings, *_doubts(inspected, findings))
        for warning in warnings:
            self._progress.warn(warning)
        self._progress.finished(findings.rows)
        return ForeignRestoreResult(
            id=self._request.recovery_id or new_recovery_id(self._started_at),
            source=str(self._brought.place),
            backup_id=self._brought.backup_id,
            source_kind=self._file.kind.value,
            source_sha256=inspected.digest.hex(),
            status="unverified",
            dry_run=False,
            target=database.name,
            created_database=database.created,
            tables=findings.tables,
            statements=findings.statements,
            rows_sent=findings.lines,
            validation=not_compared(),
            warnings=warnings,
            started_at=self._started_at,
            finished_at=utc_now(),
            duration_seconds=time.monotonic() - self._started,
        )


def _doubts(inspected: Inspected, findings: Findings) -> list[str]:
    """What a person should know of a dump that was restored without a fault."""
    doubts = []
    if findings.rows == 0:
        doubts.append("the dump has no rows: it is one of definitions alone, or was cut off behind them")
    if inspected.end_line is not None and inspected.end_line.rows != findings.rows:
        doubts.append(
            f"the end line of the document says {inspected.end_line.rows:,} rows; {findings.rows:,} were restored"
        )
    return [*doubts, NOTHING_TO_COMPARE]
