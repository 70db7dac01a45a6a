"""Copies of the schedules, `REPOSITORY/schedules/<key>.json`: a data directory that is lost takes none with it.

Signed, one file for each data directory that takes backups into the repository, called by a hash of its key's fingerprint.
Schedules hold no secret: names of databases, and where a default one was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import msgspec

from pantry_tui.artifact.files import storage_errors
from pantry_tui.errors import BackupDamagedError, UntrustedSignerError
from pantry_tui.models import Model, Schedule, utc_now
from pantry_tui.repository.repository import Repository

PURPOSE = "schedules"

_SUFFIX = ".json"
_LARGEST = 1 << 24


class ScheduleCopy(Model, frozen=True, kw_only=True):
    """What one data directory knew of its schedules, deleted ones too."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    schedules: tuple[Schedule, ...]


def keep_copy(repository: Repository, schedules: Iterable[Schedule]) -> None:
    """Writes the copy, unless it says the same already.

    A schedule that only the copy has stays in it: it was lost here, for deleted ones stay known. Nothing is written into a
    repository that is not there. Raises `StorageError`, and as `Authority.key` does.
    """
    folder = repository.schedule_copies
    if folder is None or not repository.is_there():
        return
    known = {schedule.id: schedule for schedule in schedules}
    with suppress(BackupDamagedError, UntrustedSignerError):  # such a copy is of no use, and is replaced
        before = {schedule.id: schedule for schedule in own_copy(repository)}
        known = before | known
        if known == before:
            return
    copy = ScheduleCopy(at=utc_now(), schedules=tuple(known[name] for name in sorted(known)))
    document = repository.authority.sign(copy.to_json(), purpose=PURPOSE)
    with storage_errors(str(folder), "keeping a copy of the schedules"):
        folder.write(_name(repository.authority.key.signer.fingerprint), document)


def own_copy(repository: Repository) -> tuple[Schedule, ...]:
    """The schedules of this data directory, as the repository remembers them; none where it has no copy.

    Raises `StorageError`, `BackupDamagedError`, `UntrustedSignerError`.
    """
    fingerprint = repository.authority.own_fingerprint
    return _read(repository, _name(fingerprint)) if fingerprint is not None else ()


def copies_of_others(repository: Repository) -> list[Schedule]:
    """The schedules of other data directories whose signers are trusted here. Raises `StorageError`."""
    found: list[Schedule] = []
    folder, fingerprint = repository.schedule_copies, repository.authority.own_fingerprint
    if folder is None:
        return found
    own = _name(fingerprint) if fingerprint is not None else None
    with storage_errors(str(folder), "looking for copies of schedules"), suppress(FileNotFoundError):
        for name in folder.names():
            if name.endswith(_SUFFIX) and not name.startswith(".") and name != own:
                with suppress(BackupDamagedError, UntrustedSignerError):
                    found += _read(repository, name)
    return found


def _name(fingerprint: str) -> str:
    return f"{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}{_SUFFIX}"


def _read(repository: Repository, name: str) -> tuple[Schedule, ...]:
    folder = repository.schedule_copies
    if folder is None:
        return ()
    where = folder.where(name)
    with storage_errors(where, "reading a copy of the schedules"):
        try:
            document = folder.read(name, limit=_LARGEST)
        except (FileNotFoundError, NotADirectoryError):
            return ()
    data = repository.authority.open(document, purpose=PURPOSE, where=where)
    try:
        return ScheduleCopy.from_json(data).schedules
    except msgspec.DecodeError as error:
        raise BackupDamagedError(f"{where} is not a readable copy of schedules", detail=str(error)) from error
