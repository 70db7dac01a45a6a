"""Which entries of the archive belong to a backup of some tables.

The archive itself always holds every definition: only there can be seen what refers to what. What belongs to the backup is
a list of entries in its manifest, by which the document is written and every restore goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from pantry_tui.artifact.closure import ATTACHED, PREAMBLE, RELATIONS, Closure
from pantry_tui.artifact.manifest import TableEntry
from pantry_tui.artifact.toc import PG_CLASS, TocEntry
from pantry_tui.errors import InternalError
from pantry_tui.postgres.patterns import Chosen


class Subset(NamedTuple):
    """The ids of entries, in the archive's order; and what points outside, in words."""

    entries: tuple[int, ...]
    left_out: tuple[str, ...]
    sequences: frozenset[tuple[str, str]]  # that belong to it, by schema and name
    tables: frozenset[int] | None  # oids of those whose definitions belong to it; None: no definition does

    def require(self, tables: Iterable[TableEntry]) -> None:
        """Raises `InternalError` for rows without the table they belong into: such a backup could not be restored."""
        bare = [table.qualified_name for table in tables if self.tables is not None and table.oid not in self.tables]
        if bare:
            raise InternalError(f"the definition of {', '.join(bare[:5])} is left out, and its rows are not")


def subset(toc: Sequence[TocEntry], chosen: Chosen, *, only_data: bool = False) -> Subset:
    """The entries that belong to a selection; ``only_data``: of those, what fills tables that are there already."""
    entries, left_out = _remainder(toc, chosen) if chosen.tables is None else _closure(toc, chosen)
    there = frozenset(entries)
    sequences = frozenset((entry.schema, entry.tag) for entry in toc if entry.kind == "SEQUENCE" and entry.id in there)
    if only_data:
        entries, left_out = tuple(entry.id for entry in toc if entry.id in there and _is_data(entry)), ()
    tables = frozenset(entry.oid for entry in toc if entry.kind == "TABLE" and entry.id in there)
    return Subset(entries, left_out, sequences, None if only_data else tables)


def _is_data(entry: TocEntry) -> bool:
    return entry.section == "data" or entry.kind in (*PREAMBLE, "MATERIALIZED VIEW DATA")


def _closure(toc: Sequence[TocEntry], chosen: Chosen) -> tuple[tuple[int, ...], tuple[str, ...]]:
    wanted = [entry for entry in toc if not _is_excluded(entry, chosen)]
    tables = {entry.id for entry in wanted if entry.catalog == PG_CLASS and chosen.holds(entry.oid)}
    others = {entry.id for entry in wanted if entry.schema in chosen.schemas or _is_schema(entry, chosen.schemas)}
    attached = {entry.id for entry in wanted if entry.kind in ATTACHED}  # come by the closure's own rules
    closure = Closure(toc, tables, others - attached)
    closure.grow()
    return closure.in_order(), closure.left_out()


def _is_excluded(entry: TocEntry, chosen: Chosen) -> bool:
    if entry.catalog == PG_CLASS and entry.oid in chosen.excluded:
        return True
    return entry.schema in chosen.excluded_schemas or _is_schema(entry, chosen.excluded_schemas)


def _is_schema(entry: TocEntry, schemas: frozenset[str]) -> bool:
    return entry.kind == "SCHEMA" and entry.tag in schemas


def _remainder(toc: Sequence[TocEntry], chosen: Chosen) -> tuple[tuple[int, ...], tuple[str, ...]]:
    return _Remainder(toc, chosen).entries()


class _Remainder:
    """Everything but some tables, and but what cannot be without them."""

    def __init__(self, toc: Sequence[TocEntry], chosen: Chosen) -> None:
        self._toc = toc
        self._by_id = {entry.id: entry for entry in toc}
        self._excluded = {entry.id for entry in toc if _is_excluded(entry, chosen)}

    def entries(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Those that stay, and in words what goes although nobody asked for that."""
        self._keep_what_is_needed()
        gone = set(self._excluded)
        left_out: list[str] = []
        before = -1
        while before != len(gone):
            before = len(gone)
            for entry in self._toc:
                missing = [number for number in entry.depends_on if number in gone]
                if entry.id not in gone and missing and entry.kind not in PREAMBLE:
                    gone.add(entry.id)
                    if not self._is_part(entry, gone):
                        left_out.append(f"{entry.title} (refers to {self._by_id[missing[0]].title})")
        return tuple(entry.id for entry in self._toc if entry.id not in gone), tuple(left_out)

    def _keep_what_is_needed(self) -> None:
        """A table that stays needs the definitions of its inheritance parents and types, and the schemas they are in."""
        waiting = [entry for entry in self._toc if entry.kind == "TABLE" and entry.id not in self._excluded]
        seen = {entry.id for entry in waiting}
        while waiting:
            for number in waiting.pop().depends_on:
                self._excluded.discard(number)
                if number not in seen and number in self._by_id:
                    seen.add(number)
                    waiting.append(self._by_id[number])

    def _is_part(self, entry: TocEntry, gone: Collection[int]) -> bool:
        """Whether the entry is part of something that goes, and not a staying table's own, which is tagged with its name."""
        staying = [self._by_id[number] for number in entry.depends_on if number in self._by_id and number not in gone]
        return entry.kind in (*ATTACHED, "MATERIALIZED VIEW DATA") and not any(
            owner.kind in RELATIONS and entry.schema == owner.schema and entry.tag.startswith(f"{owner.tag} ")
            for owner in staying
        )
