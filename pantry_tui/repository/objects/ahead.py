"""Small objects that were fetched together, for somebody who reads backup after backup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.errors import PantryError
from pantry_tui.repository.objects.store import Store
from pantry_tui.repository.records import is_record_name
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME

_AT_ONCE = 16
_SMALL = 1024 * 1024  # a larger manifest is read when its turn comes


class Ahead:
    """Manifests and records of some backups, as they were a moment ago."""

    def __init__(self) -> None:
        self._names: dict[str, Sequence[str]] = {}
        self._data: dict[str, bytes] = {}

    def fetch(self, store: Store, prefix: str, listed: Mapping[str, Sequence[str]], *, signatures: bool) -> None:
        """Fetches what is ``listed`` below ``prefix`` for each backup, in the place of what was fetched before."""
        wanted = [
            f"{prefix}/{backup_id}/{name}"
            for backup_id, names in listed.items()
            for name in names
            if name == MANIFEST_NAME or is_record_name(name) or (signatures and name == SIGNATURE_NAME)
        ]

        def read(name: str) -> bytes | None:
            with suppress(PantryError, FileNotFoundError):  # whoever reads it is told
                return store.read(name, limit=_SMALL)
            return None

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = zip(wanted, pool.map(read, wanted), strict=True)
            self._data = {name: data for name, data in found if data is not None}
        self._names = dict(listed)

    def forget(self) -> None:
        """Something was written: whoever reads next asks the store."""
        self._names.clear()
        self._data.clear()

    def names(self, backup_id: str) -> Sequence[str] | None:
        """The small objects of a backup; None where nobody knows."""
        return self._names.get(backup_id)

    def data(self, name: str) -> bytes | None:
        """What is in an object; None where nobody knows."""
        return self._data.get(name)
