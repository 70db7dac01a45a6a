"""Which options of a backup go together."""

from __future__ import annotations

from pantry_tui.errors import UsageError
from pantry_tui.models import BackupFormat, BackupKind, BackupRequest, Compression
from pantry_tui.repository.ids import require_name

LONGEST_LOCK_WAIT = 86_400


def check_options(request: BackupRequest) -> None:
    """Checks what can be told from the request alone. Raises `UsageError`."""
    require_name(request.name)
    if request.format is not BackupFormat.SQL and request.kind in (BackupKind.SCHEMA, BackupKind.DATA):
        raise UsageError(
            f"format {request.format.value} holds rows and everything else of a full backup; "
            f"a backup of the {request.kind.value} alone cannot have it",
            remedy="use format sql",
        )
    if request.format is BackupFormat.CSV and request.compression is Compression.ZSTD:
        raise UsageError(
            "format csv is a zip file, or a directory of plain files: neither is compressed with zstd",
            remedy="leave --compression out, choose none, or use format json or sql",
        )
    if request.kind is BackupKind.FOREIGN:
        raise UsageError("a backup that is taken is no foreign dump", remedy="import the dump, or take a full backup")
    if request.kind is BackupKind.INCREMENTAL:
        if not request.fingerprints:
            raise UsageError(
                "an incremental backup compares fingerprints with its base's, and cannot be without",
                remedy="leave --no-fingerprints out",
            )
    elif request.base is not None or request.or_full:
        raise UsageError("only an incremental backup has a base", remedy="add --kind incremental")
    if request.batch_size is not None and request.batch_size < 1:
        raise UsageError(f"a batch of {request.batch_size} rows cannot be", remedy="choose 1 or more")
    if request.jobs is not None and not 1 <= request.jobs <= 64:
        raise UsageError(f"{request.jobs} worker processes cannot be", remedy="choose from 1 to 64")
    if request.max_rate is not None and request.max_rate < 1:
        raise UsageError(f"a rate of {request.max_rate} bytes a second cannot be", remedy="choose 1 or more")
    if not 0.001 <= request.lock_timeout_seconds <= LONGEST_LOCK_WAIT:
        raise UsageError(
            f"a lock timeout of {request.lock_timeout_seconds} s cannot be",
            remedy=f"choose from 0.001 to {LONGEST_LOCK_WAIT:,} seconds",
        )
