"""The order of tables by their foreign keys: those that are referred to come first; cycles are found and named."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from pantry_tui.artifact.toc import TocEntry, partitions

T = TypeVar("T", bound=Hashable)
TableName = tuple[str, str]  # schema, name
References = Mapping[TableName, Collection[TableName]]


def referenced_first(nodes: Sequence[T], refers_to: Mapping[T, Collection[T]]) -> list[list[T]]:
    """The nodes in groups: those that a node refers to are in groups before its own; more than one in a group is a cycle.

    Tarjan's algorithm, without recursion: a chain of foreign keys may be longer than Python's stack.
    """
    known = set(nodes)
    index: dict[T, int] = {}
    low: dict[T, int] = {}
    waiting: list[T] = []
    on_stack: set[T] = set()
    groups: list[list[T]] = []

    def begin(node: T) -> tuple[T, Iterator[T]]:
        index[node] = low[node] = len(index)
        waiting.append(node)
        on_stack.add(node)
        return node, iter([each for each in refers_to.get(node, ()) if each in known])

    for start in nodes:
        if start in index:
            continue
        path = [begin(start)]
        while path:
            node, rest = path[-1]
            following = next(rest, None)
            if following is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    group = waiting[waiting.index(node) :]
                    del waiting[-len(group) :]
                    on_stack.difference_update(group)
                    groups.append(group)
            elif following not in index:
                path.append(begin(following))
            elif following in on_stack:
                low[node] = min(low[node], index[following])
    return groups


def references_in(toc: Sequence[TocEntry]) -> dict[TableName, set[TableName]]:
    """Which tables refer to which, by the foreign keys of an archive; a partitioned table stands for its partitions."""
    tables = {entry.id: entry for entry in toc if entry.kind == "TABLE"}
    below = partitions(toc)

    def rows_of(number: int) -> Iterable[TableName]:
        return [(tables[each].schema, tables[each].tag) for each in below.get(number, [number]) if each in tables]

    found: dict[TableName, set[TableName]] = {}
    for entry in toc:
        if entry.kind != "FK CONSTRAINT":
            continue
        named = [number for number in entry.depends_on if number in tables]
        own = [number for number in named if _is_of(entry, tables[number])]
        others = [number for number in named if number not in own] or own
        for name in (name for number in own for name in rows_of(number)):
            found.setdefault(name, set()).update(other for number in others for other in rows_of(number))
    return found


def _is_of(entry: TocEntry, table: TocEntry) -> bool:
    """Whether a constraint is of that table: it is tagged with the table's name, then its own."""
    return entry.schema == table.schema and entry.tag.startswith(f"{table.tag} ")
