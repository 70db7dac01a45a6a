"""Copying backups to another repository, and reading them back there."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.backup.progress import REPORT_SECONDS
from pantry_tui.backup.stoppable import in_stoppable_thread
from pantry_tui.errors import (
    BackupDamagedError,
    CancelledError,
    PantryError,
    StorageError,
    StoreUnreachableError,
    UntrustedSignerError,
    UsageError,
)
from pantry_tui.events import Listener, Logged, PhaseStarted, Progress, Warned
from pantry_tui.models import CopiedBackup, CopyRequest, CopyResult, utc_now
from pantry_tui.repository.bases import base_of
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.receiving import Transfer, receiving, require_receivable
from pantry_tui.repository.records import CopyRecord, ReceivedRecord
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME, StoredManifest
from pantry_tui.repository.tombstones import tombstone_ids

ATTEMPTS = (
    4  # of each backup, when the store cannot be reached; the store's client has tried each request several times then
)
PAUSE_SECONDS = 15.0  # before the second one; four times as long before each that follows
_LARGEST_SIGNATURE = 1 << 16
_NEVER = datetime.min.replace(tzinfo=UTC)


async def copy_backup(request: CopyRequest, listener: Listener) -> CopyResult:
    """Copies a backup and the base it builds on, or all that are missing; what is there is read back again.

    The outcome is recorded beside the original, whatever it is. Raises `NotFoundError`, `UsageError` for a copy to the same
    place, `UntrustedSignerError`, `RefusedError`, `BackupDamagedError` where the original or what arrived is not what was
    written, `StorageError` and its kin.
    """
    started = time.monotonic()
    work = _Copying(request, listener)
    ids = await asyncio.to_thread(work.wanted)
    copied = [await work.copy(backup_id, number, len(ids)) for number, backup_id in enumerate(ids)]
    return CopyResult(
        repository=request.repository.name,
        destination=request.destination.name,
        location=request.destination.location,
        copied=tuple(copied),
        seconds=time.monotonic() - started,
    )


class _Copying:
    """One request at work."""

    def __init__(self, request: CopyRequest, listener: Listener) -> None:
        if request.repository.location == request.destination.location:
            raise UsageError("a copy goes to another repository", remedy="name one that is not where the backup is")
        self._request = request
        self._listener = listener
        self._source = open_repository(request.repository, request.data_directory)
        self._destination = open_repository(request.destination, request.data_directory)

    def wanted(self) -> list[str]:
        """What is to be copied, bases before what builds on them. Raises `NotFoundError`, `StorageError`."""
        if self._request.backup_id is not None:
            return self._with_base(self._source.resolve(self._request.backup_id))
        there, deleted = set(self._destination.ids()), set(tombstone_ids(self._destination.tombstones))
        wanted = [each for each in reversed(self._source.ids()) if self._is_of_database(each)]
        found: list[str] = []
        for backup_id in wanted:
            if backup_id not in there | deleted:
                found += [each for each in self._with_base(backup_id) if each not in found]
        again = sorted((each for each in wanted if each in there), key=self._verified_at)
        return found + [each for each in again[: self._request.recheck] if each not in found]

    def _verified_at(self, backup_id: str) -> datetime:
        """When the copy was last read back, as far as is known here."""
        location = self._destination.location
        found = [copy.verified_at for copy in self._source.summary(backup_id).copies if copy.location == location]
        return next(filter(None, found), _NEVER)

    def _is_of_database(self, backup_id: str) -> bool:
        with suppress(BackupDamagedError):
            return self._request.database in (None, self._source.manifest(backup_id).database)
        return False

    def _with_base(self, backup_id: str) -> list[str]:
        manifest = self._source.manifest(backup_id)
        return [backup_id] if manifest.base is None else [base_of(self._source, manifest).id, backup_id]

    async def copy(self, backup_id: str, number: int, of: int) -> CopiedBackup:
        """Copies one backup, again after a pause where the store is away; the outcome is recorded beside the original."""
        self._listener(PhaseStarted(phase="copy", title=f"Copying {backup_id} to {self._destination.name}"))
        meter = _Meter(self._listener, number / of, (number + 1) / of)
        try:
            done = await self._until_reached(backup_id, meter)
        except PantryError as error:
            if not isinstance(error, CancelledError):
                await asyncio.to_thread(self._record, backup_id, error.message, None)
            raise
        await asyncio.to_thread(self._record, backup_id, "", done)
        self._listener(Logged(message=_words(done, self._destination.name)))
        return done

    async def _until_reached(self, backup_id: str, meter: _Meter) -> CopiedBackup:
        pause = PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            stop = threading.Event()
            transfer = Transfer(meter.moved, stop)
            try:
                return await in_stoppable_thread(lambda: self._copy(backup_id, meter, transfer), stop)  # noqa: B023
            except StoreUnreachableError as error:
                if attempt == ATTEMPTS:
                    raise
                said = f"{error.message}; going on in {pause:,.0f} s ({attempt + 1} of {ATTEMPTS})"
                self._listener(Warned(message=said))
                await asyncio.sleep(pause)
                pause *= 4
        raise AssertionError("the last attempt returns or raises")

    def _copy(self, backup_id: str, meter: _Meter, transfer: Transfer) -> CopiedBackup:
        started = time.monotonic()
        stored, signature = self._believed(backup_id)
        manifest = stored.decode()
        meter.begin(sum(file.bytes for file in manifest.files))
        is_there = require_receivable(self._destination, stored)
        sent = checked = 0
        with receiving(self._destination, backup_id) as incoming:
            if not is_there:
                for file in manifest.files:
                    with self._source.open(backup_id, file.name) as opened:
                        sent += incoming.take(file, opened, transfer)
            for file in manifest.files:
                checked += incoming.check(file, self._request.check, transfer)
            if not is_there:
                incoming.publish(stored, signature, self._received(manifest))
        return CopiedBackup(
            backup_id=backup_id,
            bytes=manifest.bytes,
            sent_bytes=sent,
            checked_bytes=checked,
            seconds=time.monotonic() - started,
        )

    def _believed(self, backup_id: str) -> tuple[StoredManifest, bytes]:
        """Manifest and signature. Raises `UntrustedSignerError`: what a stranger slipped in does not become a copy."""
        stored = self._source.stored_manifest(backup_id)
        signer = stored.signer()
        self._source.authority.require_believed(signer, what=f"backup {backup_id}")
        try:
            return stored, stored.folder.read(SIGNATURE_NAME, limit=_LARGEST_SIGNATURE)
        except FileNotFoundError:
            raise UntrustedSignerError(f"backup {backup_id} has lost its signature") from None

    def _received(self, manifest: Manifest) -> ReceivedRecord:
        previous = manifest.previous
        follows = previous if previous is not None and self._is_there(previous.id) else None
        return ReceivedRecord(at=utc_now(), repository=self._source.name, follows=follows)

    def _is_there(self, backup_id: str) -> bool:
        with suppress(StorageError):
            return self._destination.has(backup_id)
        return False

    def _record(self, backup_id: str, problem: str, done: CopiedBackup | None) -> None:
        record = CopyRecord(
            at=utc_now(),
            ok=done is not None,
            repository=self._destination.name,
            location=self._destination.location,
            sent_bytes=done.sent_bytes if done is not None else 0,
            checked_bytes=done.checked_bytes if done is not None else 0,
            seconds=done.seconds if done is not None else 0.0,
            problem=problem,
        )
        try:
            self._source.add_record(backup_id, record)
        except PantryError as error:
            self._listener(Warned(message=f"the outcome could not be recorded beside the backup: {error.message}"))


class _Meter:
    """Tells how far a copy is, a few times a second; from ``first`` to ``last`` of the whole job."""

    def __init__(
        self, listener: Listener, first: float, last: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._listener = listener
        self._bounds = (first, last)
        self._clock = clock
        self._next = 0.0
        self.begin(0)

    def begin(self, total: int) -> None:
        """So many bytes are to be there in the end; an attempt counts from nothing again."""
        self._total, self._done, self._started = max(1, total), 0, self._clock()

    def moved(self, number: int) -> None:
        """Some of them are there now."""
        self._done += number
        now = self._clock()
        if now < self._next:
            return
        self._next = now + REPORT_SECONDS
        share = min(1.0, self._done / self._total)
        elapsed = now - self._started
        first, last = self._bounds
        self._listener(
            Progress(
                share=first + (last - first) * share,
                raw_bytes=self._done,
                bytes_per_second=self._done / elapsed if elapsed > 0 else None,
                seconds_left=elapsed / share - elapsed if share > 0.02 else None,
            )
        )


def _words(done: CopiedBackup, destination: str) -> str:
    sent = f"{done.sent_bytes:,} bytes sent" if done.sent_bytes else "all of it was there"
    return f"{done.backup_id} is in {destination}: {sent}, {done.checked_bytes:,} read back"
