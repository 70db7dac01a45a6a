"""The figures of earlier recoveries: kept by server, the latest of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pantry_tui.catalog.catalog import Catalog
from pantry_tui.catalog.measurements import KEPT
from pantry_tui.models import Measurement

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def measurement(number: int, *, server: str = "1", private: bool = False) -> Measurement:
    return Measurement(
        id=f"{server}-{number}",
        at=NOON + timedelta(minutes=number),
        server=server,
        private=private,
        database="crm",
        backup_id="b",
        way="new database",
        jobs=2,
        raw_bytes=1,
        rows=1,
        tables=1,
        phases={"rows": 1.5},
    )


def test_they_outlive_the_process(catalog: Catalog) -> None:
    catalog.put_measurement(measurement(1))
    catalog.put_measurement(measurement(2, server="2"))
    catalog.close()
    with Catalog(catalog.directory) as other:
        assert other.measurements() == [measurement(2, server="2"), measurement(1)]


def test_the_latest_of_each_server_are_kept(tmp_path: Path) -> None:
    with Catalog(tmp_path) as catalog:
        catalog.put_measurement(measurement(0, server="2"))
        for number in range(KEPT + 2):
            catalog.put_measurement(measurement(number))
        for number in range(KEPT + 2):  # every private server has another identifier
            catalog.put_measurement(measurement(number, server=f"p{number}", private=True))
        found = catalog.measurements()
    assert sum(each.server == "1" for each in found) == KEPT
    assert sum(each.private for each in found) == KEPT
    assert [each.id for each in found if each.server == "2"] == ["2-0"]
    assert "1-0" not in {each.id for each in found}
