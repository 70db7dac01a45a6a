"""What two inventories have in common, judged table by table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pantry_tui.artifact.manifest import ServerIdentity
from pantry_tui.backup.diff import compare
from pantry_tui.backup.inventory import Inventory, TableInventory
from pantry_tui.models import DiffSide, DiffStatus


def table(name: str = "t", *, rows: int | None = 2, fingerprint: str | None = "7", **more: object) -> TableInventory:
    values = {"schema": "public", "name": name, "columns": ["a", "b"], "rows": rows, "fingerprint": fingerprint, **more}
    return TableInventory.from_builtins(values)


def inventory(*tables: TableInventory, version: int = 170010, order: str = "little", system: str = "1") -> Inventory:
    server = ServerIdentity(
        version="17.10",
        version_num=version,
        system_identifier=system,
        timeline=1,
        in_recovery=False,
        byte_order=order,
        host=None,
    )
    at = datetime(2026, 11, 23, tzinfo=UTC)
    side = DiffSide(kind="backup", name="id", database="crm", server_version="17.10", at=at)
    return Inventory(side=side, server=server, tables=tables)


@pytest.mark.parametrize(
    ("a", "b", "status"),
    [
        (table(), table(), DiffStatus.EQUAL),
        (table(), table(columns=["b", "a"]), DiffStatus.EQUAL),
        (table(rows=0, fingerprint=None), table(rows=0), DiffStatus.EQUAL),
        (table(), table(fingerprint="8"), DiffStatus.CONTENT),
        (table(), table(rows=3, fingerprint="8"), DiffStatus.ROWS),
        (table(fingerprint=None), table(rows=3), DiffStatus.ROWS),
        (table(), table(rows=3, columns=["a"]), DiffStatus.COLUMNS),
        (table(), table(fingerprint=None, reason="why"), DiffStatus.UNKNOWN),
        (table(rows=None, fingerprint=None, reason="why"), table(), DiffStatus.UNKNOWN),
    ],
)
def test_the_first_difference_that_counts(a: TableInventory, b: TableInventory, status: DiffStatus) -> None:
    diff = compare(inventory(a), inventory(b))

    [found] = diff.tables
    assert found.status is status
    assert found.reason == ("why" if status is DiffStatus.UNKNOWN else None)
    assert (diff.equal, diff.different, diff.not_comparable) == (
        int(status is DiffStatus.EQUAL),
        int(status not in (DiffStatus.EQUAL, DiffStatus.UNKNOWN)),
        int(status is DiffStatus.UNKNOWN),
    )


@pytest.mark.parametrize("other", [{"version": 160010}, {"order": "big"}])
def test_fingerprints_of_other_servers_say_nothing(other: dict[str, object]) -> None:
    one = inventory(table(), table("more", rows=1))
    diff = compare(one, inventory(table(), table("more"), **other))  # type: ignore[arg-type]

    assert [each.status for each in diff.tables] == [DiffStatus.ROWS, DiffStatus.UNKNOWN]
    assert diff.tables[1].reason == diff.remarks[0]


def test_an_enum_may_spread_rows_otherwise_on_another_server() -> None:
    leaf, fuller = table(loaded_through="public.root"), table(rows=5, loaded_through="public.root")

    assert compare(inventory(leaf), inventory(fuller)).tables[0].status is DiffStatus.ROWS
    elsewhere = compare(inventory(leaf), inventory(fuller, system="2"))
    assert elsewhere.tables[0].status is DiffStatus.UNKNOWN
    assert "other partitions" in (elsewhere.tables[0].reason or "")


def test_tables_are_the_same_by_schema_and_name() -> None:
    diff = compare(inventory(table("y.z", schema="x")), inventory(table("z", schema="x.y")))

    assert [(each.schema, each.name, each.status) for each in diff.tables] == [
        ("x", "y.z", DiffStatus.ONLY_A),
        ("x.y", "z", DiffStatus.ONLY_B),
    ]
