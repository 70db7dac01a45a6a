"""Which objects of the archive some tables need, and which of their own objects point outside the selection.

A selected table comes with everything its definition needs (schemas, types, functions, sequences, extensions,
inheritance parents; those tables without rows) and with everything that belongs to it (indexes, constraints, triggers,
policies, comments, privileges), except what refers to tables that do not come: that is left out and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.naming import NamedTable, find_tables
from pantry_tui.artifact.toc import PG_CLASS, TocEntry, partitions
from pantry_tui.models import Model

PREAMBLE = frozenset({"ENCODING", "STDSTRINGS", "SEARCHPATH"})
RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"})
ATTACHED = frozenset(
    {
        "ACL",
        "CHECK CONSTRAINT",
        "COMMENT",
        "CONSTRAINT",
        "DEFAULT",
        "FK CONSTRAINT",
        "INDEX",
        "INDEX ATTACH",
        "POLICY",
        "ROW SECURITY",
        "RULE",
        "SECURITY LABEL",
        "SEQUENCE",
        "SEQUENCE OWNED BY",
        "SEQUENCE SET",
        "STATISTICS",
        "TABLE ATTACH",
        "TABLE DATA",
        "TRIGGER",
    }
)
# Parts of one other object: they come when all they refer to does.
PARTS = frozenset({"ACL", "COMMENT", "INDEX ATTACH", "SECURITY LABEL", "SEQUENCE OWNED BY", "SEQUENCE SET"})
WITH_ROWS = frozenset({"FK CONSTRAINT", "TABLE DATA"})


class Selection(Model, frozen=True, kw_only=True):
    """What is restored. ``tables`` are indexes into the manifest; ``entries`` None means the whole archive."""

    tables: tuple[int, ...]
    entries: tuple[int, ...] | None = None
    left_out: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything in the backup is restored."""
        return self.entries is None


def select_tables(manifest: Manifest, toc: Sequence[TocEntry], names: Sequence[str]) -> Selection:
    """The tables of these names and what comes with them; no names: everything. A partitioned table is all its partitions.

    Raises `NotFoundError` naming tables that the backup does not have, `UsageError` for a name that several have.
    """
    if not names:
        return Selection(tables=tuple(range(len(manifest.tables))))
    selected = _entries(manifest.tables, toc, find_tables(manifest.tables, toc, names))
    oids = {entry.oid for entry in toc if entry.id in selected and entry.catalog == PG_CLASS}
    tables = tuple(index for index, table in enumerate(manifest.tables) if table.oid in oids)
    closure = _Closure(toc, selected)
    closure.grow()
    return Selection(tables=tables, entries=closure.in_order(), left_out=closure.left_out())


def _entries(tables: Sequence[TableEntry], toc: Sequence[TocEntry], named: Sequence[NamedTable]) -> set[int]:
    """The archive's entries of the named tables, and of all partitions of those that are partitioned."""
    oids = {tables[table.position].oid for table in named if table.position is not None}
    found = {entry.id for entry in toc if entry.catalog == PG_CLASS and entry.oid in oids}
    below = partitions(toc)
    for table in named:
        if table.entry is not None:
            found.update((table.entry, *below.get(table.entry, ())))
    return found


class _Closure:
    """The entries of the archive that come, growing from the selected tables."""

    def __init__(self, toc: Sequence[TocEntry], selected: set[int]) -> None:
        self._toc = toc
        self._by_id = {entry.id: entry for entry in toc}
        self._selected = selected
        self._partitions = {entry.depends_on[0] for entry in toc if entry.kind == "TABLE ATTACH" and entry.depends_on}
        self._chosen: set[int] = set()

    def grow(self) -> None:
        """Adds what is needed and what belongs to it, until nothing more comes."""
        for number in self._selected:
            self._require(number)
        before = -1
        while before != len(self._chosen):
            before = len(self._chosen)
            for entry in self._toc:
                if entry.id not in self._chosen and self._belongs(entry) and not self._outside(entry):
                    self._require(entry.id)

    def in_order(self) -> tuple[int, ...]:
        """The ids, in the archive's order."""
        return tuple(entry.id for entry in self._toc if entry.id in self._chosen or entry.kind in PREAMBLE)

    def left_out(self) -> tuple[str, ...]:
        """What belongs to a selected table and does not come, with the reason."""
        return tuple(
            f"{entry.title} (refers to {', '.join(outside)})"
            for entry in self._toc
            if entry.id not in self._chosen and self._is_of_selected(entry) and (outside := self._outside(entry))
        )

    def _is_of_selected(self, entry: TocEntry) -> bool:
        """Whether the entry is a selected table's own: such entries are tagged with the table's name, then their own."""
        tables = [self._by_id[number] for number in self._selected.intersection(entry.depends_on)]
        return entry.kind in ATTACHED and any(
            entry.schema == table.schema and (entry.tag == table.tag or entry.tag.startswith(f"{table.tag} "))
            for table in tables
        )

    def _belongs(self, entry: TocEntry) -> bool:
        """Whether the entry has no life of its own, and what it is part of comes."""
        if entry.kind == "SEQUENCE":
            return any(number in self._chosen and self._by_id[number].kind == "TABLE" for number in entry.depends_on)
        return entry.kind in ATTACHED and not self._chosen.isdisjoint(entry.depends_on)

    def _outside(self, entry: TocEntry) -> list[str]:
        """What an entry refers to and does not come with it; rows are needed where rows are checked or loaded."""
        inside = self._selected if entry.kind in WITH_ROWS else self._chosen
        missing = [self._by_id[number] for number in self._references(entry) if number not in inside]
        missing = [needed for needed in missing if needed.id not in self._chosen or needed.kind in RELATIONS]
        if entry.kind not in PARTS:
            missing = [needed for needed in missing if self._must_be_there(entry, needed)]
        return list(dict.fromkeys(needed.title for needed in missing))

    def _must_be_there(self, entry: TocEntry, needed: TocEntry) -> bool:
        """Whether the entry waits for another relation; types, functions and a default's sequence come by themselves."""
        return needed.kind in RELATIONS and not (entry.kind == "DEFAULT" and needed.kind == "SEQUENCE")

    def _references(self, entry: TocEntry) -> Iterable[int]:
        yield from self._needs(entry)
        if entry.kind == "SEQUENCE OWNED BY":  # its table stands with the sequence
            for number in entry.depends_on:
                yield from (owner for owner in self._by_id[number].depends_on if self._by_id[owner].kind == "TABLE")

    def _needs(self, entry: TocEntry) -> Iterable[int]:
        for number in entry.depends_on:
            needed = self._by_id.get(number)
            if needed is None:
                continue
            # A partition is created as a table of its own and attached later; so are its indexes. A sequence that
            # somebody's column owns can be created without that table.
            if entry.id in self._partitions and needed.kind == "TABLE":
                continue
            if entry.kind in ("INDEX", "CONSTRAINT") and needed.kind in ("INDEX", "CONSTRAINT"):
                continue
            if entry.kind == "SEQUENCE" and needed.kind == "TABLE" and entry.statement.startswith("CREATE "):
                continue
            yield number

    def _require(self, number: int) -> None:
        waiting = [number]
        while waiting:
            number = waiting.pop()
            if number in self._chosen or number not in self._by_id:
                continue
            self._chosen.add(number)
            waiting.extend(self._needs(self._by_id[number]))
