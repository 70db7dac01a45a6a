"""Records beside a manifest: when a backup was validated or restored and how it went, and the marks people put on it.

They are files of their own because a manifest never changes once it is published. Each is written once and never
replaced, so that they can be kept where nothing may be overwritten; of marks of a kind the newest counts. Each is signed.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import PreviousBackup
from pantry_tui.errors import BackupDamagedError, UntrustedSignerError
from pantry_tui.models import Model
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.folder import Folder

_LARGEST = 16 << 20
_NAME = re.compile(
    r"(?:validation|restore|drill|intact|pin|label|copy|received)-[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}\.json", re.ASCII
)


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


class CopyRecord(Model, frozen=True, kw_only=True):
    """A backup was copied to another repository, or read back there; or, not ``ok``, that failed. Lies beside the original."""

    kind: Literal["copy"] = "copy"
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    ok: bool
    repository: str
    location: str
    sent_bytes: int = 0
    checked_bytes: int = 0
    seconds: float = 0.0
    problem: str = ""


class ReceivedRecord(Model, frozen=True, kw_only=True):
    """A backup came as a copy. ``follows``: the backup before it, where that one was there then.

    Of copies some may be left out, so that the chain of a repository goes by this and not by what the manifest names.
    """

    kind: Literal["received"] = "received"
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    repository: str
    follows: PreviousBackup | None


Record = ProofRecord | Mark | CopyRecord | ReceivedRecord

_KINDS: dict[str, type[Record]] = {
    "pin": Mark,
    "label": Mark,
    "copy": CopyRecord,
    "received": ReceivedRecord,
}  # every other one is a proof


def is_record_name(name: str) -> bool:
    """Whether a file beside a manifest is a record."""
    return _NAME.fullmatch(name) is not None


def is_unfinished_record(name: str) -> bool:
    """Whether a file beside a manifest is what a crash left of a record."""
    return name.startswith(".") and name.endswith(".tmp") and is_record_name(name[1:-4])


def write_record(folder: Folder, record: Record, authority: Authority) -> None:
    """Adds a record, signed and durable when this returns. Raises `StorageError`, and what the key raises that signs."""
    name = f"{record.kind}-{record.at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(2).hex()}.json"
    document = authority.sign(record.to_json(), purpose=_purpose(folder))
    with storage_errors(folder.where(name), f"recording a {record.kind}"):
        folder.write(name, document)


def read_record(folder: Folder, name: str, authority: Authority) -> Record:
    """One record.

    Raises `BackupDamagedError` when it is none, `UntrustedSignerError` when nobody who is believed signed it, OSError
    when it cannot be read.
    """
    document = folder.read(name, limit=_LARGEST)
    data = authority.open(document, purpose=_purpose(folder), where=folder.where(name))
    try:
        return _KINDS.get(name.partition("-")[0], ProofRecord).from_json(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupDamagedError(f"{folder.where(name)} is not a readable record", detail=str(error)) from error


def read_records(folder: Folder, authority: Authority) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    """All records of a backup, oldest first, and in words those that cannot be read or believed.

    Such a record proves nothing, marks nothing and harms nothing: the backup is listed as if it were not there.
    """
    records: list[Record] = []
    problems: list[str] = []
    with storage_errors(str(folder), "reading the records of a backup"):
        for name in filter(is_record_name, folder.names()):
            try:
                records.append(read_record(folder, name, authority))
            except (BackupDamagedError, UntrustedSignerError) as error:
                problems.append(error.message)
    return tuple(sorted(records, key=lambda record: record.at)), tuple(problems)


def received_record(folder: Folder, authority: Authority) -> ReceivedRecord | None:
    """That it came as a copy, as somebody who is believed has signed it. Raises OSError, `StorageError`."""
    for name in sorted((name for name in folder.names() if name.startswith("received-")), reverse=True):
        with suppress(BackupDamagedError, UntrustedSignerError):
            found = read_record(folder, name, authority) if is_record_name(name) else None
            if isinstance(found, ReceivedRecord):
                return found
    return None


def _purpose(folder: Folder) -> str:
    """What a record is signed as: of one backup, so that it says nothing beside another one."""
    return f"record of {folder.name}"
