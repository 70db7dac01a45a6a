"""The small objects of one backup, and the tombstones."""

from __future__ import annotations

from collections import Counter

from pantry_tui.repository.objects.ahead import Ahead
from pantry_tui.repository.objects.layout import BACKUPS, DATA, TOMBSTONES, parts_of
from pantry_tui.repository.objects.store import Store


class StoredFolder:
    """What lies below one prefix. ``ahead`` has what was fetched already."""

    def __init__(self, store: Store, backup_id: str, ahead: Ahead) -> None:
        self._store = store
        self._prefix = f"{BACKUPS}/{backup_id}/"
        self._ahead = ahead
        self.name = backup_id

    def __str__(self) -> str:
        return self._store.where(self._prefix.rstrip("/"))

    def where(self, name: str) -> str:
        """The address of an object in it."""
        return self._store.where(self._prefix + name)

    def names(self) -> list[str]:
        """The small objects' names. Raises `StorageError`."""
        if (known := self._ahead.names(self.name)) is not None:
            return list(known)
        return [entry.name.removeprefix(self._prefix) for entry in self._store.entries(self._prefix)]

    def sizes(self) -> dict[str, int]:
        """Every file with its size, in as many parts as it may be. Raises `StorageError`."""
        found = Counter(
            {entry.name.removeprefix(self._prefix): entry.size for entry in self._store.entries(self._prefix)}
        )
        for file, part in parts_of(self._store.entries(f"{DATA}/{self.name}/")):
            found[file] += part.size
        return dict(found)

    def read(self, name: str, *, limit: int) -> bytes:
        """A small object. Raises FileNotFoundError, `StorageError`, `BackupDamagedError`."""
        known = self._ahead.data(self._prefix + name)
        return known if known is not None else self._store.read(self._prefix + name, limit=limit)

    def write(self, name: str, data: bytes) -> None:
        """Makes an object where there is none of the name. Raises FileExistsError, `StorageError`."""
        self._ahead.forget()
        self._store.put_new(self._prefix + name, data)


class TombstoneFolder(StoredFolder):
    """The tombstones; one that is there says enough, and is kept."""

    def __init__(self, store: Store, ahead: Ahead) -> None:
        super().__init__(store, "", ahead)
        self._prefix = f"{TOMBSTONES}/"
        self.name = TOMBSTONES

    def sizes(self) -> dict[str, int]:
        """Every tombstone with its size. Raises `StorageError`."""
        return {entry.name.removeprefix(self._prefix): entry.size for entry in self._store.entries(self._prefix)}

    def write(self, name: str, data: bytes) -> None:
        """Makes a tombstone, unless there is one. Raises `StorageError`."""
        try:
            super().write(name, data)
        except FileExistsError:
            return
