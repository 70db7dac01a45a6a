"""What lists and details show of a backup, made from its manifest and records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.models import BackupCopy, BackupDetails, BackupSummary, FileSummary, Signature, TableSummary
from pantry_tui.repository.records import CopyRecord, Mark, ProofRecord, ReceivedRecord, Record


def summarize(manifest: Manifest, records: Sequence[Record], *, path: str, repository: str) -> BackupSummary:
    """The backup as lists show it. ``records`` are in the order of their times."""
    summary = BackupSummary(
        id=manifest.id,
        name=manifest.name,
        database=manifest.database,
        kind=manifest.kind,
        format=manifest.format,
        compression=manifest.compression,
        started_at=manifest.started_at,
        finished_at=manifest.finished_at,
        duration_seconds=manifest.duration_seconds,
        bytes=manifest.bytes,
        raw_bytes=manifest.raw_bytes,
        tables=len(manifest.tables),
        rows=manifest.rows,
        path=path,
        repository=repository,
        server_version=manifest.server.version,
        fingerprints=manifest.fingerprints,
        started_by=manifest.started_by,
        schedule=manifest.schedule,
        warnings=len(manifest.warnings),
        base=manifest.base.id if manifest.base is not None else None,
        partial=not manifest.selection.is_everything,
        encrypted=manifest.is_encrypted,
    )
    return with_records(summary, records)


def with_records(summary: BackupSummary, records: Sequence[Record]) -> BackupSummary:
    """The summary with what the records say.

    That is the last validation, the last restore or drill that compared equal, the last drill, the last marks.
    """
    proofs = [record for record in records if isinstance(record, ProofRecord)]
    marks = {record.kind: record for record in records if isinstance(record, Mark)}
    validations = [proof for proof in proofs if proof.kind == "validation"]
    intact = [proof.at for proof in proofs if proof.kind == "intact" and proof.ok]
    restores = [proof.at for proof in proofs if proof.kind in ("restore", "drill") and proof.ok]
    drills = [proof for proof in proofs if proof.kind == "drill"]
    received = [record.repository for record in records if isinstance(record, ReceivedRecord)]
    return msgspec.structs.replace(
        summary,
        validated_at=validations[-1].at if validations else None,
        valid=validations[-1].ok if validations else None,
        intact_at=intact[-1] if intact else None,
        proven_at=restores[-1] if restores else None,
        drilled_at=drills[-1].at if drills else None,
        drilled=drills[-1].ok if drills else None,
        pinned="pin" in marks and marks["pin"].pinned,
        label=marks["label"].text if "label" in marks else "",
        copies=_copies(record for record in records if isinstance(record, CopyRecord)),
        copied_from=received[-1] if received else None,
    )


def _copies(records: Iterable[CopyRecord]) -> tuple[BackupCopy, ...]:
    """One for each place, by its latest name; ``records`` are in the order of their times."""
    found: dict[str, BackupCopy] = {}
    for record in records:
        known = found.get(record.location) or BackupCopy(repository="", location=record.location)
        found[record.location] = msgspec.structs.replace(
            known,
            repository=record.repository,
            copied_at=known.copied_at or (record.at if record.ok else None),
            verified_at=record.at if record.ok else known.verified_at,
            ok=record.ok,
            problem=record.problem,
        )
    return tuple(found.values())


def describe(manifest: Manifest, summary: BackupSummary, *, signature: Signature, signer: str | None) -> BackupDetails:
    """Everything that is shown of one backup."""
    stored: Counter[int] = Counter()
    segments: Counter[int] = Counter()
    for segment in manifest.segments:
        if segment.table is not None:
            stored[segment.table] += segment.length
            segments[segment.table] += 1
    return BackupDetails(
        summary=summary,
        tables=tuple(
            _table(manifest, table, stored_bytes=stored[index], segments=segments[index])
            for index, table in enumerate(manifest.tables)
        ),
        files=tuple(
            FileSummary(name=file.name, role=file.role, bytes=file.bytes, sha256=file.sha256) for file in manifest.files
        ),
        warnings=manifest.warnings,
        tools=manifest.tools,
        server=manifest.server.to_builtins(),
        source=manifest.source.to_builtins(),
        foreign={} if manifest.foreign is None else manifest.foreign.to_builtins(),
        signature=signature,
        signer=signer,
        selection=manifest.selection,
        left_out=manifest.left_out,
        recipients=manifest.recipients,
        environment=msgspec.json.decode(manifest.environment.to_json()) if manifest.environment is not None else {},
    )


def _table(manifest: Manifest, table: TableEntry, *, stored_bytes: int, segments: int) -> TableSummary:
    return TableSummary(
        schema=table.schema,
        name=table.name,
        rows=table.rows,
        raw_bytes=table.raw_bytes,
        stored_bytes=stored_bytes,
        segments=segments,
        fingerprint=table.fingerprint,
        columns=table.columns,
        carried_by=table.carried_by,
        reason=table.reason,
        own_rows=table.own_rows if manifest.base is not None else None,
        whole=table.whole,
    )
