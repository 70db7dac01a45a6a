"""Backups small enough to be made by the thousand, published as the real ones are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import storage_errors, write_all
from pantry_tui.artifact.manifest import (
    Manifest,
    PageRange,
    Segment,
    ServerIdentity,
    SnapshotPosition,
    SourceDatabase,
    StoredFile,
    TableEntry,
)
from pantry_tui.models import BackupFormat, BackupKind, Compression, RepositoryTarget
from pantry_tui.repository.ids import new_backup_id
from pantry_tui.repository.local import LocalRepository

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CONTENT = {"crm.sql.gz": b"rows of the crm\n" * 8, "archive.dump": b"PGDMP and so on"}
WITH_TABLES = {**CONTENT, "csv/public.t.csv": b"id\r\n1\r\n", "csv/public.u.csv": b"id\r\n"}


def installation(repository: Path) -> Path:
    """The data directory beside a repository, whose key signs what is written into it."""
    return repository.parent / "installation"


def every_changed_byte(file: Path, *, step: int = 1) -> Iterator[int]:
    """Changes one bit of every ``step``-th byte of a file, one after the other, and puts it back."""
    data = file.read_bytes()
    with file.open("r+b", buffering=0) as stream:
        for at in range(0, len(data), step):
            os.pwrite(stream.fileno(), bytes([data[at] ^ (1 << at % 8)]), at)
            yield at
            os.pwrite(stream.fileno(), data[at : at + 1], at)


def local_repository(directory: Path, name: str = "main") -> LocalRepository:
    """A repository, and beside it the `installation` that writes into it."""
    return LocalRepository(RepositoryTarget(name=name, location=str(directory)), installation(directory))


def manifest_of(
    backup_id: str,
    *,
    database: str = "crm",
    source: str = "crm_production",
    content: Mapping[str, bytes] = CONTENT,
) -> Manifest:
    files = tuple(
        StoredFile(
            name=name,
            role="archive" if name == "archive.dump" else "artifact",
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for name, data in content.items()
    )
    return Manifest(
        manifest_version=1,
        id=backup_id,
        name="nightly backup",
        kind=BackupKind.FULL,
        format=BackupFormat.SQL,
        compression=Compression.GZIP,
        program_version="0.1.0",
        started_by="anna",
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=2),
        duration_seconds=2.0,
        database=database,
        source=SourceDatabase(
            name=source,
            oid=16384,
            owner="crm_owner",
            encoding="UTF8",
            collate="C.UTF-8",
            ctype="C.UTF-8",
            locale_provider="libc",
            locale=None,
            collation_version=None,
            connection_limit=-1,
        ),
        server=ServerIdentity(
            version="15.20",
            version_num=150020,
            system_identifier="7312345678901234567",
            timeline=1,
            in_recovery=False,
            byte_order="little",
            host=None,
        ),
        snapshot=SnapshotPosition(xmin=740, xmax=741, insert_lsn="0/1A2B3C8", flush_lsn="0/1A2B3C8"),
        tools={"pg_dump": "15.20"},
        files=files,
        tables=(
            TableEntry(
                schema="public",
                name="contacts",
                oid=16400,
                filenode=16400,
                columns=("id", "email"),
                shape="5f",
                persistence="p",
                rows=3,
                raw_bytes=100,
                fingerprint="36893488147419103232",
                ranges=(PageRange(first_page=0, last_page=None, rows=3, fingerprint="36893488147419103232"),),
            ),
        ),
        segments=(
            Segment(section="pre-data", offset=0, length=40, raw_length=200, sha256="00"),
            Segment(section="rows", offset=40, length=50, raw_length=60, sha256="01", table=0, range=0, rows=2),
            Segment(section="rows", offset=90, length=38, raw_length=40, sha256="02", table=0, range=0, rows=1),
        ),
        sequences=(),
        large_objects=0,
        extensions={},
        fingerprints=True,
        bytes=sum(file.bytes for file in files),
        raw_bytes=300,
        rows=3,
        warnings=("a warning",),
    )


def publish_backup(
    repository: LocalRepository,
    *,
    name: str = "daily",
    at: datetime = NOON,
    database: str = "crm",
    source: str = "crm_production",
    content: Mapping[str, bytes] = CONTENT,
    dated: bool = False,
) -> str:
    """Makes one whole backup and returns its id; ``dated``: it says to be of ``at``, and not of noon as all others."""
    backup_id = new_backup_id(name, at)
    staged = repository.begin(backup_id)
    try:
        for file, data in content.items():
            descriptor = staged.create(file)
            try:
                with storage_errors(staged.path / file, "writing rows"):
                    write_all(descriptor, data)
            finally:
                os.close(descriptor)
        manifest = manifest_of(backup_id, database=database, source=source, content=content)
        if dated:
            manifest = msgspec.structs.replace(manifest, started_at=at, finished_at=at)
        repository.publish(staged, msgspec.structs.replace(manifest, name=name))
    finally:
        staged.release()
    return backup_id
