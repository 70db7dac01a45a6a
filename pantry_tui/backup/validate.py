"""Reading a backup back, whole: what is not read is not called valid.

Every file is hashed, every segment unpacked and its COPY text checked, rows are counted against the manifest, the
archive is read to its end by pg_restore, the ends of document and globals are looked for. All problems are collected,
not only the first. Where an encrypted backup cannot be opened, its stored bytes are hashed and nothing else is claimed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from pantry_tui.artifact.age import Identity, identities_of
from pantry_tui.artifact.composed import kept_problems, removed_problems
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.manifest import Manifest, StoredFile
from pantry_tui.artifact.opened import Place
from pantry_tui.artifact.reader import SegmentReader, check_file
from pantry_tui.artifact.structure import SegmentFindings, document_problems, examine_segment, row_problems
from pantry_tui.backup.examining import ExaminedSegment
from pantry_tui.backup.progress import ProgressMeter, start_phase
from pantry_tui.backup.validate_foreign import ReadDump, read_dump
from pantry_tui.errors import (
    BackupDamagedError,
    ClientToolError,
    NotFoundError,
    PantryError,
    StorageError,
    UntrustedSignerError,
)
from pantry_tui.events import Listener, Logged, Warned, part_of
from pantry_tui.models import BackupKind, ValidateRequest, ValidationResult, utc_now
from pantry_tui.postgres.pg_restore import pg_restore
from pantry_tui.postgres.tools import ClientTools, find_client_tools, version_number
from pantry_tui.postgres.workers import Answers, WorkerPool, default_worker_count
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.bases import base_of
from pantry_tui.repository.handed_over import HandedOver
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.records import ProofRecord
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.rows import removed_lines
from pantry_tui.repository.stored_manifest import StoredManifest

EXAMINERS = "pantry_tui.backup.examining"
BASE_SHARE = 0.8  # of the progress, where there is a base
WORTH_PROCESSES = 16 * 1024 * 1024  # of text: less is read before they are there
PROBLEM_LIMIT = 50
GLOBALS_END = b"PostgreSQL database cluster dump complete"
GLOBALS_TAIL = 4096
PG_RESTORE_REFUSES = 1  # its only status for what it cannot read; 127 is the loader's, a signal somebody else's
UNREADABLE = (errno.EIO, errno.EACCES, errno.ENOENT, errno.ESTALE, errno.EMFILE, errno.ENFILE)  # says nothing of bytes

_examined: Answers[None, ExaminedSegment] = Answers(None, ExaminedSegment)


@dataclass
class _Findings:
    """What has been read so far, and everything that is wrong with it."""

    problems: list[str] = field(default_factory=list)
    damaged_files: set[str] = field(default_factory=set)
    bytes_read: int = 0
    segments: dict[int, SegmentFindings] = field(default_factory=dict)
    signer: str | None = None
    believed: bool = False  # the signer is trusted here
    rows: int = 0  # of what has no segments
    raw_bytes: int = 0

    def add(self, problems: Iterable[str]) -> None:
        for problem in problems:
            if problem not in self.problems:
                self.problems.append(problem)

    def take_in(self, dump: ReadDump) -> None:
        self.add(dump.problems)
        self.rows += dump.rows
        self.raw_bytes += dump.raw_bytes

    def listed(self) -> tuple[str, ...]:
        more = len(self.problems) - PROBLEM_LIMIT
        if more <= 0:
            return tuple(self.problems)
        return (*self.problems[:PROBLEM_LIMIT], f"and {more} more problems")


async def validate_backup(request: ValidateRequest, listener: Listener) -> ValidationResult:
    """Reads everything back and records the outcome beside the manifest.

    A damaged backup is a result with ``valid`` False; so is an encrypted one without an identity, with ``unread``. Raises
    `NotFoundError` for an unknown id, `StorageError` when the repository cannot be read, `BackupDamagedError` when not
    even the manifest can, `WrongKeyError` for identities that open nothing, `WorkerDiedError` and `ClientToolError` when
    pg_restore was killed or does not run. Nothing is recorded then: nothing is known.
    """
    repository = open_repository(request.repository, request.data_directory)
    backup_id = repository.resolve(request.backup_id)
    stored = repository.stored_manifest(backup_id)
    manifest = stored.decode()
    started = time.monotonic()
    base: ValidationResult | None = None
    if manifest.base is not None:
        base = await _validate_base(request, repository, manifest, part_of(listener, 0.0, BASE_SHARE))
        listener = part_of(listener, BASE_SHARE, 1.0)
    findings = _Findings()
    start_phase(listener, "files", "Reading the files", 0.0)
    _check_signature(stored, repository.authority, findings, listener)
    findings.add(repository.problems(backup_id))
    identities = identities_of(request.unlocking)
    unread = manifest.is_encrypted and not identities
    await _check_files(repository, manifest, findings)
    if not unread and manifest.kind is BackupKind.FOREIGN:
        findings.take_in(await read_dump(repository, manifest, identities, listener))
    elif not unread:
        await _check_globals(repository, manifest, identities, findings)
        start_phase(listener, "archive", "Reading the archive", 0.1)
        await _check_archive(repository, manifest, identities, findings, listener)
        start_phase(listener, "segments", "Unpacking and checking every row", 0.15)
        handed_over = HandedOver.of(manifest, request.repository, request.unlocking)
        await _check_artifact(handed_over, manifest, identities, findings, listener)
    if manifest.base is not None:
        findings.add(await asyncio.to_thread(_base_problems, repository, manifest, findings))
    result = _result(manifest, findings, time.monotonic() - started, unread=unread)
    if base is not None:
        result = _with_base(result, base)
    _record(repository, result, listener)
    return result


async def _validate_base(
    request: ValidateRequest, repository: Repository, manifest: Manifest, listener: Listener
) -> ValidationResult | None:
    """Reads the base back, whole, as a backup of its own; None where it is missing or another one, which shows elsewhere."""
    try:
        base = base_of(repository, manifest)
    except BackupDamagedError:
        return None
    listener(Logged(message=f"reading the base first, {base.id}"))
    return await validate_backup(msgspec.structs.replace(request, backup_id=base.id), listener)


def _base_problems(repository: Repository, manifest: Manifest, findings: _Findings) -> list[str]:
    """In words, where an incremental backup and its base do not fit together."""
    try:
        base = base_of(repository, manifest)
        if problems := kept_problems(manifest, base):
            return problems
        if manifest.file("removed").name in findings.damaged_files:
            return []
        with ExitStack() as opened:
            return removed_problems(manifest, base, removed_lines(repository, manifest, opened))
    except BackupDamagedError as error:
        return [error.message]


def _with_base(result: ValidationResult, base: ValidationResult) -> ValidationResult:
    """Valid together, or not."""
    return msgspec.structs.replace(
        result,
        valid=result.valid and base.valid,
        problems=(*result.problems, *(f"the base {base.backup_id}: {problem}" for problem in base.problems)),
        bytes_read=result.bytes_read + base.bytes_read,
        raw_bytes=result.raw_bytes + base.raw_bytes,
        rows=result.rows + base.rows,
        base=base.backup_id,
        unread=(result.unread or base.unread) and not result.problems and not base.problems,
    )


def _check_signature(stored: StoredManifest, authority: Authority, findings: _Findings, listener: Listener) -> None:
    """Tells who signed the manifest. Every backup is published with a signature: one without it has lost a file.

    A signer who is not known here is no damage: the backup is what that signer wrote.
    """
    try:
        signer = stored.signer()
        if signer is not None:
            findings.signer = signer.fingerprint
            listener(Logged(message=f"signed by {signer.fingerprint}"))
        authority.require_believed(signer, what=f"backup {stored.folder.name}")
        findings.believed = True
    except BackupDamagedError as error:
        findings.add([error.message])
    except UntrustedSignerError as error:
        if findings.signer is None:
            findings.add([error.message])
        else:
            listener(Warned(message=error.message))


async def _check_files(repository: Repository, manifest: Manifest, findings: _Findings) -> None:
    def check(stored: StoredFile) -> None:
        with repository.open(manifest.id, stored.name) as file:
            check_file(file, stored)

    for stored in manifest.files:
        try:
            await asyncio.to_thread(check, stored)
            findings.bytes_read += stored.bytes
        except (BackupDamagedError, NotFoundError) as error:
            findings.add([error.message])
            findings.damaged_files.add(stored.name)
    for role in _roles(manifest):
        try:
            manifest.file(role)
        except BackupDamagedError as error:
            findings.add([error.message])


def _roles(manifest: Manifest) -> tuple[str, ...]:
    """The files without which a backup is not whole."""
    if manifest.kind is BackupKind.FOREIGN:
        return ("artifact",)
    return ("archive", "globals") if manifest.has_file_per_table else ("artifact", "archive", "globals")


async def _check_globals(
    repository: Repository, manifest: Manifest, identities: Sequence[Identity], findings: _Findings
) -> None:
    """Looks for the line that pg_dumpall ends with."""

    def check(place: Place) -> None:
        tail = b""
        for piece in Content.unlock(place, identities).pieces():
            tail = (tail + piece)[-GLOBALS_TAIL:]
        if GLOBALS_END not in tail:
            raise BackupDamagedError(f"{place.name} is cut off: pg_dumpall's last line is missing")

    with suppress(BackupDamagedError):
        name = manifest.file("globals").name
        if name in findings.damaged_files:
            return
        try:
            await asyncio.to_thread(check, repository.place(manifest.id, name))
        except BackupDamagedError as error:
            findings.add([error.message])


async def _check_archive(
    repository: Repository, manifest: Manifest, identities: Sequence[Identity], findings: _Findings, listener: Listener
) -> None:
    """Has pg_restore read the archive to its end: a hash says that it is unchanged, this that it can be used.

    Not when it is known to be changed: pg_restore may crash over it, which says nothing more.
    """
    with suppress(BackupDamagedError):
        archive = repository.place(manifest.id, manifest.file("archive").name)
        if archive.name in findings.damaged_files:
            return
        if not findings.believed:  # pg_restore has had holes that crafted archives reach (CVE-2026-116314)
            reason = "nobody who is trusted here has signed the backup"
            listener(Warned(message=f"{archive.name} was hashed, but not parsed: {reason}"))
            return
        tools = await _tools_to_read(archive, manifest, listener)
        if tools is None:
            return
        done = await pg_restore(
            tools,
            ["--file=/dev/null"],
            Content.unlock(archive, identities),
            environment={"LC_ALL": "C"},
            doing=f"reading {archive.name}",
            answers=(PG_RESTORE_REFUSES,),
        )
        if done.status == 0:
            listener(Logged(message=f"{archive.name} read to its end by pg_restore {tools.version}"))
            return
        said = f"Reading {archive.name} failed: pg_restore says {done.complaint}"
        if any(done.stderr.rstrip().endswith(os.strerror(number)) for number in UNREADABLE):
            raise StorageError(said, remedy="check the disk and its file system, then validate again")
        findings.add([said])


async def _tools_to_read(archive: Place, manifest: Manifest, listener: Listener) -> ClientTools | None:
    """Tools not older than those that wrote the archive: older ones would call a good archive damaged."""
    written = manifest.tools.get("client tools", "")
    version_num = version_number(written)
    if version_num is None:
        reason = "the manifest does not say which version of pg_dump wrote it"
    else:
        try:
            return await find_client_tools(version_num)
        except ClientToolError as error:
            reason = f"pg_dump {written} wrote it, and no client tools of that version or newer can be used here"
            reason += f" ({error.detail})" if error.detail else ""
    listener(Warned(message=f"{archive.name} was hashed, but not parsed: {reason}"))
    return None


async def _check_artifact(
    backup: HandedOver,
    manifest: Manifest,
    identities: Sequence[Identity],
    findings: _Findings,
    listener: Listener,
) -> None:
    try:
        files = backup.open_artifact(manifest)
    except (BackupDamagedError, NotFoundError) as error:
        findings.add([error.message])
        return
    with files:
        try:
            reader = SegmentReader(files, manifest, identities)
        except BackupDamagedError as error:
            findings.add([error.message])
            return
        findings.add(await asyncio.to_thread(reader.layout_problems))
        await _check_segments(backup, reader, manifest, findings, listener)
        findings.add(document_problems(reader, manifest, findings.segments))
    findings.add(row_problems(manifest, findings.segments))


async def _check_segments(
    backup: HandedOver, reader: SegmentReader, manifest: Manifest, findings: _Findings, listener: Listener
) -> None:
    weights: dict[str, int] = {}
    for segment in manifest.segments:
        weights[_title(manifest, segment.table)] = weights.get(_title(manifest, segment.table), 0) + segment.raw_length
    meter = ProgressMeter(listener, weights, first=0.15)

    def take_in(examined: ExaminedSegment) -> None:
        found, segment = examined.findings, manifest.segments[examined.number]
        findings.segments[examined.number] = found
        findings.add(found.problems)
        title = _title(manifest, segment.table)
        meter.moved(title, found.rows, found.raw_bytes)
        meter.finished_part(title, segment.raw_length)

    async def examine_here(numbers: Iterator[int]) -> None:
        for number in numbers:
            found = await asyncio.to_thread(examine_segment, reader, manifest, number)
            take_in(ExaminedSegment(number=number, findings=found))

    rows = [number for number, segment in enumerate(manifest.segments) if segment.section == "rows"]
    others = [number for number, segment in enumerate(manifest.segments) if segment.section != "rows"]
    if manifest.raw_bytes < WORTH_PROCESSES:
        await examine_here(iter(others + rows))
        return
    await examine_here(iter(others))
    async with WorkerPool.launch(default_worker_count(), EXAMINERS) as pool:
        await pool.open(EXAMINERS, [backup.to_json()] * pool.count)
        await pool.run([b"%d" % number for number in rows], _examined, lambda nothing: None, take_in)


def _title(manifest: Manifest, table: int | None) -> str:
    if table is None or not 0 <= table < len(manifest.tables):
        return "everything but the rows"
    return manifest.tables[table].qualified_name


def _result(manifest: Manifest, findings: _Findings, seconds: float, *, unread: bool) -> ValidationResult:
    return ValidationResult(
        backup_id=manifest.id,
        valid=not findings.problems and not unread,
        problems=findings.listed(),
        bytes_read=findings.bytes_read,
        raw_bytes=findings.raw_bytes + sum(found.raw_bytes for found in findings.segments.values()),
        rows=findings.rows + sum(found.rows for found in findings.segments.values()),
        tables=len(manifest.tables),
        duration_seconds=seconds,
        validated_at=utc_now(),
        signer=findings.signer,
        signer_known=findings.believed,
        unread=unread and not findings.problems,
    )


def _record(repository: Repository, result: ValidationResult, listener: Listener) -> None:
    """Keeps the outcome beside the manifest; a repository that cannot be written to changes nothing about it."""
    details = {"problems": list(result.problems), "bytes_read": result.bytes_read, "rows": result.rows}
    kind: Literal["validation", "intact"] = "intact" if result.unread else "validation"
    record = ProofRecord(kind=kind, at=result.validated_at, ok=result.valid or result.unread, details=details)
    try:
        repository.add_record(result.backup_id, record)
    except PantryError as error:
        listener(Warned(message=f"the outcome could not be recorded beside the backup: {error.message}"))
