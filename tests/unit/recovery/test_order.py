"""Tables in the order of their foreign keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.toc import PG_CLASS, TocEntry
from pantry_tui.recovery.planning.order import referenced_first, references_in

GRAPHS = st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 11), max_size=4), max_size=10)


@given(graph=GRAPHS)
def test_what_is_referred_to_comes_first_or_is_in_the_same_cycle(graph: dict[int, set[int]]) -> None:
    nodes = list(range(10))
    groups = referenced_first(nodes, graph)
    assert sorted(node for group in groups for node in group) == nodes
    place = {node: number for number, group in enumerate(groups) for node in group}
    reach = {node: _reachable(node, graph) for node in nodes}
    for node in nodes:
        for other in reach[node] & set(nodes):
            together = node in reach[other]
            assert (place[node] == place[other]) if together else (place[other] < place[node])
    for group in groups:
        assert len(group) == 1 or all(one in reach[other] for one in group for other in group)


def _reachable(node: int, graph: dict[int, set[int]]) -> set[int]:
    known = set(range(10))
    found: set[int] = set()
    waiting = [node]
    while waiting:
        for other in graph.get(waiting.pop(), set()) & known - found:
            found.add(other)
            waiting.append(other)
    return found


def test_a_chain_longer_than_the_stack() -> None:
    nodes = list(range(5_000))
    groups = referenced_first(nodes, {number: {number + 1} for number in nodes[:-1]})
    assert [group[0] for group in groups] == nodes[::-1]


def entry(number: int, kind: str, tag: str, statement: str = "", depends_on: tuple[int, ...] = ()) -> TocEntry:
    return TocEntry(number, PG_CLASS, number, kind, "pre-data", "s", tag, "", "", statement, depends_on)


def test_foreign_keys_of_an_archive() -> None:
    toc = [
        entry(1, "TABLE", "orders"),
        entry(2, "TABLE", "orders of old"),
        entry(3, "TABLE", "people", "CREATE TABLE s.people (id int)\nPARTITION BY RANGE (id);"),
        entry(4, "TABLE", "people_1"),
        entry(5, "TABLE ATTACH", "people_1", depends_on=(4, 3)),
        entry(6, "FK CONSTRAINT", "orders of old fkey", depends_on=(2, 1)),
        entry(7, "FK CONSTRAINT", "people people_orders_fkey", depends_on=(3, 1)),
        entry(8, "FK CONSTRAINT", "orders orders_orders_fkey", depends_on=(1,)),
    ]
    found = references_in(toc)
    assert found["s", "people_1"] == {("s", "orders")}
    assert found["s", "orders"] >= {("s", "orders")}
