"""Models in a TinyDB table: found by key, changed in one write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
from tinydb import TinyDB
from tinydb.table import Document

from pantry_tui.catalog.storage import AtomicStorage
from pantry_tui.models import Model

M = TypeVar("M", bound=Model)
K = TypeVar("K")


class ModelTable(Generic[K, M]):
    """The models of one file, parsed once and kept in memory."""

    def __init__(self, path: Path, model: type[M], key: Callable[[M], K], *, keeps_unusable: bool = False) -> None:
        """``keeps_unusable``: entries that cannot be read stay in the file until `drop_unusable`."""
        self._keeps_unusable = keeps_unusable
        self._database = TinyDB(path, storage=AtomicStorage)
        self._table = self._database.table(path.stem)
        self._model = model
        self._key = key
        self._models: dict[K, M] | None = None
        self._rows: dict[K, int] = {}
        self._unusable: list[int] = []

    @property
    def problems(self) -> list[str]:
        """What reading the file had to put up with, in words."""
        return self._storage.problems

    @property
    def _storage(self) -> AtomicStorage:
        storage = self._database.storage
        assert isinstance(storage, AtomicStorage)
        return storage

    def forget(self) -> None:
        """Drops what is in memory: the next look takes what the disk has."""
        self._storage.forget()
        self._models = None

    def models(self) -> dict[K, M]:
        """All models by their key; not to be changed by the caller."""
        if self._models is None:
            self._models = self._load()
        return self._models

    def _load(self) -> dict[K, M]:
        models: dict[K, M] = {}
        self._rows, self._unusable = {}, []
        for document in self._table:
            try:
                model = self._model.from_builtins(dict(document))
            except msgspec.ValidationError:
                self._unusable.append(document.doc_id)
                continue
            models[self._key(model)] = model
            self._rows[self._key(model)] = document.doc_id
        if self._unusable:
            done = "cannot be read, and are left alone" if self._keeps_unusable else "are dropped"
            self._storage.report(f"{self._storage.path}: {len(self._unusable)} entries of another version {done}")
        return models

    def change(self, put: Iterable[M], remove: Iterable[K] = ()) -> None:
        """Adds or replaces models and removes others, all or none, durably. Raises `StorageError`."""
        models, added = dict(self.models()), {self._key(model): model for model in put}
        gone = {*remove, *added}
        unusable = [] if self._keeps_unusable else self._unusable
        stale = [self._rows[key] for key in gone if key in self._rows] + unusable
        # Row numbers are given here: TinyDB's own counter does not know what another writer did meanwhile.
        first = max([*self._rows.values(), *self._unusable], default=0) + 1
        rows = {key: first + index for index, key in enumerate(added)}
        try:
            with self._storage.one_write():
                if stale:
                    self._table.remove(doc_ids=stale)
                self._table.insert_multiple(Document(added[key].to_builtins(), row) for key, row in rows.items())
        except BaseException:
            # Whether the new state reached the disk is not known here: the error may have come after it did.
            self.forget()
            raise
        kept = {key: model for key, model in models.items() if key not in gone}
        self._rows = {key: row for key, row in self._rows.items() if key not in gone} | rows
        self._models, self._unusable = kept | added, [row for row in self._unusable if row not in unusable]

    def drop_unusable(self) -> None:
        """Removes what cannot be read, and lets go of what reading had to put up with. Raises `StorageError`."""
        self.models()
        if self._unusable:
            self._table.remove(doc_ids=self._unusable)
            self._unusable = []
        self.problems.clear()
