"""Backups in an object store: listed, read, marked and deleted there; they come as copies."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.errors import InternalError
from pantry_tui.models import RepositoryTarget
from pantry_tui.repository.ids import is_backup_id
from pantry_tui.repository.objects.ahead import Ahead
from pantry_tui.repository.objects.folder import StoredFolder, TombstoneFolder
from pantry_tui.repository.objects.layout import BACKUPS, DATA
from pantry_tui.repository.objects.reading import StoredParts, StoredPlace
from pantry_tui.repository.objects.store import Entry, Store
from pantry_tui.repository.presence import Presence, age_of
from pantry_tui.repository.records import is_record_name
from pantry_tui.repository.repository import Repository
from pantry_tui.repository.tombstones import Tombstone, write_tombstone

_UNFINISHED_NS = 24 * 3600 * 1_000_000_000  # a copy of which nothing came for so long is not under way


class ObjectRepository(Repository):
    """A prefix of a bucket with backups."""

    def __init__(self, target: RepositoryTarget, data_directory: str | Path | None = None) -> None:
        super().__init__(target, data_directory)
        if target.store is None:
            raise InternalError(f"{target.location} is no object store")
        self.store = Store(target, target.store)
        self._listed: dict[str, list[str]] = {}
        self._ahead = Ahead()

    def prepare(self) -> None:
        """Asks for a list, by which a wrong address, bucket or key shows. Raises `StorageError`."""
        self.store.folders(f"{BACKUPS}/")

    def is_there(self) -> bool:
        """Whether the bucket answers; a prefix is there when something is. Raises `StorageError` where it does not."""
        self.prepare()
        return True

    # --- reading

    def presences(self) -> list[Presence]:
        """The published backups, newest first, by one list of all small objects. Raises `StorageError`."""
        objects: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.store.entries(f"{BACKUPS}/"):
            _, backup_id, *_ = entry.name.split("/")
            if is_backup_id(backup_id):
                objects[backup_id].append(entry)
        self._listed = {
            backup_id: [entry.name.rpartition("/")[2] for entry in entries] for backup_id, entries in objects.items()
        }
        found = [_presence(backup_id, entries) for backup_id, entries in objects.items()]
        return sorted((presence for presence in found if presence), key=age_of, reverse=True)

    def has_backups(self) -> bool:
        """Whether there is any backup. Raises `StorageError`."""
        return self.store.has_any(f"{BACKUPS}/", lambda name: name.endswith(f"/{MANIFEST_NAME}"))

    def has(self, backup_id: str) -> bool:
        """Whether that backup is there. Raises `StorageError`."""
        if (known := self._ahead.names(backup_id)) is not None:
            return MANIFEST_NAME in known
        try:
            self.store.size(f"{BACKUPS}/{backup_id}/{MANIFEST_NAME}")
        except FileNotFoundError:
            return False
        return True

    def folder(self, backup_id: str) -> StoredFolder:
        """The small objects of a backup, which may not be there."""
        return StoredFolder(self.store, backup_id, self._ahead)

    @property
    def tombstones(self) -> TombstoneFolder:
        """The tombstones."""
        return TombstoneFolder(self.store, self._ahead)

    def place(self, backup_id: str, name: str) -> StoredPlace:
        """Where a file of a backup is."""
        return StoredPlace(self.store, backup_id, name)

    def _read_ahead(self, backup_ids: Sequence[str], *, signatures: bool) -> None:
        """Fetches manifests and records of these together, as far as the last list has them."""
        listed = {each: self._listed[each] for each in backup_ids if each in self._listed}
        self._ahead.fetch(self.store, BACKUPS, listed, signatures=signatures)

    def _open(self, backup_id: str, name: str) -> StoredParts:
        return self.place(backup_id, name).open()

    # --- removing

    def _require_writable(self) -> None:
        """Who may write into a bucket, the store decides."""

    def _require_deletable(self, backup_id: str) -> None:
        """What is not this program's own is left where it is."""

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        """A store has no locks; every object is made whole, and only where there is none."""
        with storage_errors(self.location, doing):
            yield

    def _bury(self, tombstone: Tombstone) -> None:
        """Removes the manifest, then writes the tombstone, then removes the rest.

        In this order because a host that may not delete is refused before anything has changed.
        """
        self._ahead.forget()
        prefix = f"{BACKUPS}/{tombstone.id}/"
        self.store.remove([prefix + MANIFEST_NAME])
        write_tombstone(self.tombstones, tombstone, self.authority)
        self._remove_rest(tombstone.id)

    def _remove_rest(self, backup_id: str) -> None:
        small = [entry.name for entry in self.store.entries(f"{BACKUPS}/{backup_id}/")]
        self.store.remove([*(entry.name for entry in self.store.entries(f"{DATA}/{backup_id}/")), *small])

    def leftovers(self) -> list[str]:
        """Parts of backups that were never finished, or not wholly deleted, where nothing has come for a day."""
        return [f"{DATA}/{backup_id}" for backup_id in self.unfinished()]

    def clean_leftovers(self, *, now_ns: int | None = None) -> list[str]:
        """Removes them. A copy that was cut off today goes on from what is there. Raises `StorageError`."""
        found = self.unfinished(now_ns=now_ns)
        for backup_id in found:
            self._remove_rest(backup_id)
        return [f"{DATA}/{backup_id}" for backup_id in found]

    def unfinished(self, *, now_ns: int | None = None) -> list[str]:
        """The ids of these; ``now_ns`` is the time, in nanoseconds. Raises `StorageError`."""
        published = {presence.id for presence in self.presences()}
        begun = [name for name in self.store.folders(f"{DATA}/") if is_backup_id(name) and name not in published]
        before = (time.time_ns() if now_ns is None else now_ns) - _UNFINISHED_NS
        return [
            backup_id
            for backup_id in begun
            if all(entry.modified_ns < before for entry in self.store.entries(f"{DATA}/{backup_id}/"))
        ]


def _presence(backup_id: str, entries: list[Entry]) -> Presence | None:
    """By the manifest, and by which records there are; None without a manifest."""
    of_name = {entry.name.rpartition("/")[2]: entry for entry in entries}
    manifest = of_name.get(MANIFEST_NAME)
    if manifest is None:
        return None
    records = " ".join(sorted(filter(is_record_name, of_name)))
    return Presence(backup_id, (_digest(manifest.tag), manifest.modified_ns, manifest.size), _digest(records))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])
