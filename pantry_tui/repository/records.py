"""Records beside a manifest: when a backup was validated or restored and how it went, and the marks people put on it.

They are files of their own because a manifest never changes once it is published. Each is written once and never
replaced, so that they can be kept where nothing may be overwritten; of marks of a kind the newest counts. Each is signed.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from pantry_tui.artifact.files import open_file_in, read_descriptor, storage_errors, write_atomically
from pantry_tui.errors import BackupDamagedError, UntrustedSignerError
from pantry_tui.models import Model
from pantry_tui.repository.authority import Authority

_LARGEST = 16 << 20
_NAME = re.compile(r"(?:validation|restore|drill|intact|pin|label)-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}\.json", re.ASCII)


class ProofRecord(Model, frozen=True, kw_only=True):
    """A backup was read back (`validation`), restored and compared (`restore`; `drill`: to see whether it does), or its
    encrypted bytes were found unchanged without being opened (`intact`); ``ok``: with nothing amiss."""

    kind: Literal["validation", "restore", "drill", "intact"]
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    ok: bool
    details: dict[str, Any] = msgspec.field(default_factory=dict)


class Mark(Model, frozen=True, kw_only=True):
    """Somebody pinned a backup (`pin`, or took the pin out) or labelled it (`label`; an empty ``text`` takes it off)."""

    kind: Literal["pin", "label"]
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    by: str
    pinned: bool = False
    text: str = ""


Record = ProofRecord | Mark


def is_record_name(name: str) -> bool:
    """Whether a file beside a manifest is a record."""
    return _NAME.fullmatch(name) is not None


def is_unfinished_record(name: str) -> bool:
    """Whether a file beside a manifest is what a crash left of a record."""
    return name.startswith(".") and name.endswith(".tmp") and is_record_name(name[1:-4])


def write_record(directory: Path, record: Record, authority: Authority) -> None:
    """Adds a record, signed and durable when this returns. Raises `StorageError`, and what the key raises that signs."""
    name = f"{record.kind}-{record.at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(2).hex()}.json"
    document = authority.sign(record.to_json(), purpose=_purpose(directory))
    with storage_errors(directory / name, f"recording a {record.kind}"):
        write_atomically(directory / name, document)


def read_record(directory: Path, name: str, authority: Authority) -> Record:
    """One record.

    Raises `BackupDamagedError` when it is none, `UntrustedSignerError` when nobody who is believed signed it, OSError
    when it cannot be read.
    """
    descriptor = open_file_in(directory, name)
    try:
        document = read_descriptor(descriptor, directory / name, limit=_LARGEST)
    finally:
        os.close(descriptor)
    data = authority.open(document, purpose=_purpose(directory), where=str(directory / name))
    try:
        return Mark.from_json(data) if name.startswith(("pin-", "label-")) else ProofRecord.from_json(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupDamagedError(f"{directory / name} is not a readable record", detail=str(error)) from error


def read_records(directory: Path, authority: Authority) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """All records of a backup, oldest first, and in words those that cannot be read or believed.

    Such a record proves nothing, marks nothing and harms nothing: the backup is listed as if it were not there.
    """
    records: list[Record] = []
    problems: list[str] = []
    with storage_errors(directory, "reading the records of a backup"):
        names = sorted(path.name for path in directory.iterdir() if is_record_name(path.name))
        for name in names:
            try:
                records.append(read_record(directory, name, authority))
            except (BackupDamagedError, UntrustedSignerError) as error:
                problems.append(error.message)
    return tuple(sorted(records, key=lambda record: record.at)), tuple(problems)


def _purpose(directory: Path) -> str:
    """What a record is signed as: of one backup, so that it says nothing beside another one."""
    return f"record of {directory.name}"
