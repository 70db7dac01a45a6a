"""Indexes and constraints of the archive as work of our own, beside the loading; the rest stays pg_restore's.

A foreign key is added NOT VALID, which takes no time, and validated afterwards under a lock that lets other tables be
worked on: pg_restore's ALTER TABLE holds both tables while it reads them. Only entries whose statements stand on
nothing but tables, types and each other are taken; everything else in post-data is left to pg_restore.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pantry_tui.artifact.copytext import codec_of
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.toc import PG_CLASS, TocEntry, is_partitioned, own_table, partitions
from pantry_tui.recovery.loading import RunStatement
from pantry_tui.recovery.schedule import Work

BUILT = frozenset({"INDEX", "CONSTRAINT", "FK CONSTRAINT", "INDEX ATTACH"})
VALIDATING = 1_000_000_000  # added to an entry's id: the second step of a foreign key
INDEX_WEIGHT, KEY_WEIGHT = 6, 8  # an index or a foreign key takes about 1/6, 1/8 of the time of the table's load

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".;]+)'
_FOREIGN_KEY = re.compile(
    rf"(ALTER TABLE (?:ONLY )?{_NAME}(?:\.{_NAME})?)\n    ADD CONSTRAINT ({_NAME}) FOREIGN KEY [^;]*;\n?", re.DOTALL
)


class Building:
    """The entries that are built by us, as tasks that wait for the loads of their tables."""

    def __init__(self, manifest: Manifest, toc: Sequence[TocEntry], loads: Mapping[int, Iterable[int]]) -> None:
        """``loads``: for each table that we load, by index into the manifest, the numbers of its load tasks."""
        self._by_id = {entry.id: entry for entry in toc}
        self._oids = {table.oid: index for index, table in enumerate(manifest.tables)}
        self._manifest = manifest
        self._loads = {table: frozenset(numbers) for table, numbers in loads.items()}
        self._leaves = partitions(toc)
        self._taken: dict[int, TocEntry] = {}
        if codec_of(manifest.source.encoding) is not None:  # else names cannot be told from their bytes
            self._choose(toc)

    @property
    def entries(self) -> frozenset[int]:
        """The ids of the entries that are taken from pg_restore."""
        return frozenset(self._taken)

    def works(self) -> list[Work]:
        """The tasks, in the archive's order."""
        return [work for entry in self._taken.values() for work in self._works(entry)]

    def _choose(self, toc: Sequence[TocEntry]) -> None:
        for entry in toc:  # in an order in which what is needed stands first
            if entry.kind in BUILT and self._stands_alone(entry):
                self._taken[entry.id] = entry
        for entry in toc:  # pg_restore would not know them without what they are about
            if entry.kind == "COMMENT" and not self._taken.keys().isdisjoint(entry.depends_on):
                self._taken[entry.id] = entry

    def _stands_alone(self, entry: TocEntry) -> bool:
        if any("\ud800" <= character <= "\udfff" for character in entry.statement):
            return False  # bytes that are no text: pg_restore passes them through
        tables = self._tables(entry)
        needed = [self._by_id[number] for number in entry.depends_on if number in self._by_id]
        return (
            bool(tables)
            and all(one.id in self._taken or self._is_there(one) for one in needed)
            and all(self._is_loaded(table) for table in tables)
        )

    def _is_there(self, needed: TocEntry) -> bool:
        """Whether it exists before the rows come, and is not a relation whose content comes later."""
        return needed.section == "pre-data" and needed.kind not in ("MATERIALIZED VIEW", "FOREIGN TABLE", "VIEW")

    def _is_loaded(self, table: TocEntry) -> bool:
        """Whether it is known when its rows are there: those that the archive carries come before the loads."""
        return table.oid in self._oids or is_partitioned(table)

    def _tables(self, entry: TocEntry) -> list[TocEntry]:
        """The tables that an entry works on, with all partitions below them."""
        roots = [
            self._by_id[number]
            for number in dict.fromkeys(entry.depends_on)
            if number in self._by_id and self._by_id[number].kind == "TABLE"
        ]
        return roots + [self._by_id[leaf] for root in roots for leaf in self._leaves.get(root.id, ())]

    def _works(self, entry: TocEntry) -> Iterable[Work]:
        tables = self._tables(entry)
        locks = frozenset(table.id for table in tables)
        needs = frozenset(number for number in entry.depends_on if number in self._taken) | self._loads_of(tables)
        weight = max((self._size(table) for table in tables), default=0)
        if entry.kind != "FK CONSTRAINT":
            shared = entry.kind == "INDEX" and not any(is_partitioned(table) for table in tables)
            yield self._work(entry, entry.statement, needs, locks, weight // INDEX_WEIGHT, shared=shared)
            return
        weight = self._size(own_table(entry, self._by_id)) // KEY_WEIGHT
        steps = None if any(is_partitioned(table) for table in tables) else split_foreign_key(entry.statement)
        if steps is None:
            yield self._work(entry, entry.statement, needs, locks, weight)
            return
        add, validate = steps
        yield self._work(entry, add, needs, locks, 0)
        own = frozenset({own_table(entry, self._by_id).id})
        yield Work(
            number=entry.id + VALIDATING,
            command=RunStatement(statement=validate, doing=f"validating {entry.title}"),
            needs=frozenset({entry.id}),
            exclusive=own,
            shared=locks - own,
            weight=weight,
            rank=(1, -weight),
        )

    def _work(
        self,
        entry: TocEntry,
        statement: str,
        needs: frozenset[int],
        locks: frozenset[int],
        weight: int,
        *,
        shared: bool = False,
    ) -> Work:
        command = RunStatement(statement=statement, doing=f"restoring {entry.title}", tablespace=entry.tablespace)
        nothing: frozenset[int] = frozenset()
        return Work(
            number=entry.id,
            command=command,
            needs=needs,
            exclusive=nothing if shared else locks,
            shared=locks if shared else nothing,
            weight=weight,
            rank=(1, -weight),
        )

    def _loads_of(self, tables: Iterable[TocEntry]) -> frozenset[int]:
        found = (self._oids.get(table.oid) for table in tables)
        return frozenset(
            number for index in found if index is not None for number in self._loads.get(index, frozenset())
        )

    def _size(self, table: TocEntry) -> int:
        index = self._oids.get(table.oid) if table.catalog == PG_CLASS else None
        return 0 if index is None else self._manifest.tables[index].raw_bytes


def split_foreign_key(statement: str) -> tuple[str, str] | None:
    """The statement that adds a foreign key NOT VALID, and the one that validates it.

    None when it is NOT VALID already, or not in the form that pg_dump writes.
    """
    found = _FOREIGN_KEY.fullmatch(statement)
    if found is None or statement.rstrip().endswith("NOT VALID;"):
        return None
    return (
        statement.rstrip().removesuffix(";") + " NOT VALID;",
        f"{found[1]} VALIDATE CONSTRAINT {found[2]};",
    )
