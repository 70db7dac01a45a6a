"""The backups of all repositories as the catalog remembers them: `catalog.json`.

An entry is good as long as its manifest is the same file and nothing was added to its directory since.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from pantry_tui.catalog.table import ModelTable
from pantry_tui.errors import (
    BackupDamagedError,
    NotFoundError,
    StorageError,
    StoreAccessError,
    StoreUnreachableError,
)
from pantry_tui.models import BackupSummary, Model
from pantry_tui.repository.presence import Presence
from pantry_tui.repository.repository import Repository

# A directory that changed so lately may change again without its time showing it: clocks of file systems tick as
# slowly as every two seconds.
_SETTLED_NS = 3_000_000_000

Key = tuple[str, str]  # location of the repository, id


class BackupEntry(Model, frozen=True, kw_only=True):
    """What is remembered of one backup, and of the files it was read from."""

    location: str
    id: str
    manifest: tuple[int, int, int]
    directory_mtime_ns: int  # 0: not settled yet, to be looked at again
    summary: BackupSummary

    @property
    def key(self) -> Key:
        """Which backup of which repository."""
        return self.location, self.id

    def is_as_read(self, presence: Presence, repository: str) -> bool:
        """Whether nothing was added to the backup since, and its repository is still called the same."""
        return self.directory_mtime_ns == presence.directory_mtime_ns and self.summary.repository == repository


Changes = dict[Key, BackupEntry | None]
_NOTHING: Mapping[Key, BackupEntry | None] = MappingProxyType({})


class BackupTable:
    """The entries, in memory and in their file."""

    def __init__(self, path: Path) -> None:
        self._stored = ModelTable(path, BackupEntry, lambda entry: entry.key)
        # None: not because of what stands in the file, so it is tried again
        self._damaged: dict[Key, tuple[Presence | None, str]] = {}

    @property
    def file_problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._stored.problems

    @property
    def damaged(self) -> dict[str, str]:
        """The backups whose manifest cannot be read: by their id, why, in words."""
        return {key[1]: text for key, (_, text) in self._damaged.items()}

    def known(self, location: str) -> list[str]:
        """The ids of the entries of one repository, newest first."""
        return sorted((key[1] for key in self.entries() if key[0] == location), reverse=True)

    def forget(self) -> None:
        """Drops what the file said."""
        self._stored.forget()

    def entries(self) -> dict[Key, BackupEntry]:
        """All entries; not to be changed by the caller."""
        return self._stored.models()

    def changes(
        self,
        repository: Repository,
        *,
        afresh: bool = False,
        just_read: Mapping[Key, BackupEntry | None] = _NOTHING,
    ) -> Changes:
        """What differs from the entries in a repository; None for those whose backup is gone or unreadable.

        ``afresh``: as if there were no entries. What was ``just_read`` is not read again.
        """
        location = repository.target.location
        known = {} if afresh else {key: entry for key, entry in self.entries().items() if key[0] == location}
        found = {(location, presence.id): presence for presence in repository.presences()}
        for key, (presence, _) in list(self._damaged.items()):
            if key[0] == location and (afresh or found.get(key) != presence):
                self._damaged.pop(key, None)
        changed: Changes = {key: None for key in known if key not in found}
        remembered = {key: just_read.get(key) or known.get(key) for key in found}
        new = [key[1] for key, entry in remembered.items() if entry is None and key not in self._damaged]
        fetched = set(new)
        rest = (key[1] for key in found if key[1] not in fetched)
        for backup_id in chain(repository.announced(new), rest):
            key = (location, backup_id)
            entry = self._look(repository, found[key], remembered[key])
            if entry != known.get(key):
                changed[key] = entry
        return changed

    def _look(self, repository: Repository, presence: Presence, known: BackupEntry | None) -> BackupEntry | None:
        key = (repository.target.location, presence.id)
        if key in self._damaged:
            return None
        if known and known.manifest != presence.manifest:
            known = None
        if known and known.is_as_read(presence, repository.name):
            return known
        try:
            summary = repository.summary_again(known.summary) if known else repository.summary(presence.id)
        except NotFoundError:
            return None
        except (StoreAccessError, StoreUnreachableError):  # of all of them, and not of this one
            raise
        except StorageError as error:
            lasting = isinstance(error, BackupDamagedError)
            self._damaged[key] = (presence if lasting else None, error.message)
            return None
        settled = time.time_ns() - presence.directory_mtime_ns > _SETTLED_NS
        return BackupEntry(
            location=key[0],
            id=key[1],
            manifest=presence.manifest,
            directory_mtime_ns=presence.directory_mtime_ns if settled else 0,
            summary=summary,
        )

    def apply(self, changes: Changes) -> None:
        """Writes changes down, all or none. Raises `StorageError`."""
        self._stored.change(
            [entry for entry in changes.values() if entry is not None],
            [key for key, entry in changes.items() if entry is None],
        )

    def rebuild(self, repositories: Iterable[Repository]) -> None:
        """Reads all manifests of these repositories again and forgets everything else, in one write."""
        fresh: Changes = dict.fromkeys(self.entries())
        for repository in repositories:
            fresh |= self.changes(repository, afresh=True)
        self.apply(fresh)
        self._stored.problems.clear()
