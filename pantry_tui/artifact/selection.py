"""What of a backup is restored: everything, or some tables and what comes with them."""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.artifact.closure import Closure
from pantry_tui.artifact.manifest import Manifest, TableEntry
from pantry_tui.artifact.naming import NamedTable, find_matching, known_tables
from pantry_tui.artifact.toc import PG_CLASS, TocEntry, partitions
from pantry_tui.errors import UsageError
from pantry_tui.models import Model


class Selection(Model, frozen=True, kw_only=True):
    """What is restored. ``tables`` are indexes into the manifest; ``entries`` None means the whole archive.

    ``is_whole``: it is everything that the backup holds.
    """

    tables: tuple[int, ...]
    entries: tuple[int, ...] | None = None
    left_out: tuple[str, ...] = ()
    is_whole: bool = False


def select_tables(
    manifest: Manifest, toc: Sequence[TocEntry], names: Sequence[str], without: Sequence[str] = ()
) -> Selection:
    """The tables of these names or patterns and what comes with them; no names: everything.

    A partitioned table is all its partitions.
    ``toc`` has the entries that belong to the backup; the tables ``without`` do not come. Raises `NotFoundError` naming tables
    that the backup does not have, `UsageError` for a name that several have, and where nothing remains.
    """
    if not names and not without:
        return Selection(tables=tuple(range(len(manifest.tables))), entries=manifest.entries, is_whole=True)
    found = find_matching(manifest.tables, toc, names) if names else known_tables(manifest.tables, toc)
    selection = select_found(manifest, toc, found, find_matching(manifest.tables, toc, without))
    if not selection.tables:
        raise UsageError("no table remains when those are left out", remedy="leave out fewer tables")
    return selection


def select_found(
    manifest: Manifest, toc: Sequence[TocEntry], found: Sequence[NamedTable], without: Sequence[NamedTable] = ()
) -> Selection:
    """These tables and what comes with them; ``toc`` as for `select_tables`."""
    selected = _entries(manifest.tables, toc, found) - _entries(manifest.tables, toc, without)
    oids = {entry.oid for entry in toc if entry.id in selected and entry.catalog == PG_CLASS}
    tables = tuple(index for index, table in enumerate(manifest.tables) if table.oid in oids)
    closure = Closure(toc, selected)
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
