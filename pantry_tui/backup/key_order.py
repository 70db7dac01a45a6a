"""The order of rows that foreign keys ask for: what is referred to first.

A document without definitions is loaded into tables whose foreign keys are there already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from pantry_tui.backup.commands import TableWork
from pantry_tui.backup.placing import RangeKey, Text
from pantry_tui.backup.reading import RangeRead
from pantry_tui.backup.snapshotted import Snapshotted
from pantry_tui.postgres.introspect import foreign_keys


class KeyOrder(NamedTuple):
    """Ranges one behind the other, with nothing between them."""

    keys: Sequence[RangeKey]

    def before(self, read: RangeRead) -> Iterable[Text]:
        """Nothing."""
        return ()

    def between(self) -> Iterable[Text]:
        """Nothing."""
        return ()


async def key_order(backup: Snapshotted, work: Sequence[TableWork]) -> KeyOrder:
    """The ranges of these tables in the order of their foreign keys; warns of tables that no order can serve."""
    by_oid = {item.table.oid: item for item in work}
    references: dict[int, set[int]] = {oid: set() for oid in by_oid}
    circles: set[str] = set()
    for table, referenced in await foreign_keys(backup.connection):
        if table not in by_oid or referenced not in by_oid:
            continue
        if table != referenced:
            references[table].add(referenced)
        elif len(by_oid[table].cuts) > 1:
            circles.add(by_oid[table].table.qualified_name)
    ordered, edges = sort_by_references(references)
    circles.update(by_oid[oid].table.qualified_name for edge in edges for oid in edge)
    if circles:
        backup.warn(
            f"foreign keys of {', '.join(sorted(circles))} refer to one another: psql can load this document only with "
            "those keys dropped, or as a superuser after SET session_replication_role = replica"
        )
    return KeyOrder([(by_oid[oid].number, number) for oid in ordered for number in range(len(by_oid[oid].cuts))])


def sort_by_references(references: dict[int, set[int]]) -> tuple[list[int], list[tuple[int, int]]]:
    """Every key behind those it refers to; and the references that had to be ignored because they go in circles."""
    kept = {each: set(others) for each, others in references.items()}
    ignored: list[tuple[int, int]] = []
    while True:
        try:
            return list(TopologicalSorter(kept).static_order()), ignored
        except CycleError as error:
            circle: list[int] = error.args[1]  # each refers to the one before it
            ignored.append((circle[1], circle[0]))
            kept[circle[1]].discard(circle[0])
