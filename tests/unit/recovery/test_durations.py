"""How long a recovery is expected to take: arithmetic of measured rates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.models import Estimate, Measurement, RecoveryWay
from pantry_tui.recovery.planning.durations import (
    Rates,
    Work,
    from_backup,
    from_drills,
    from_history,
    from_probe,
    judged,
)

MIB = 1024 * 1024
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def work(way: RecoveryWay = RecoveryWay.SIDE_BY_SIDE, *, raw: int = 100 * MIB, tables: int = 10) -> Work:
    return Work(
        way=way,
        raw_bytes=raw,
        stored_bytes=raw // 4,
        rows=raw // 100,
        indexed_rows=raw // 50,
        tables=tables,
        jobs=2,
        rows_now=raw // 100,
        statements=20,
    )


def measured(
    number: int = 0,
    *,
    way: str = "new database",
    raw: int = 100 * MIB,
    rows: float = 8.0,
    server: str = "1",
    private: bool = False,
) -> Measurement:
    return Measurement(
        id=f"r{number}",
        at=NOON + timedelta(hours=number),
        server=server,
        private=private,
        database="crm",
        backup_id="b",
        way=way,
        jobs=2,
        raw_bytes=raw,
        rows=1,
        tables=10,
        phases={"server": 5.0, "create": 1.0, "rows": rows, "verify": 1.0},
    )


def test_bytes_scale_what_goes_by_bytes_and_tables_what_goes_by_tables() -> None:
    found = from_history(work(raw=200 * MIB, tables=20), "1", [measured()])
    assert found is not None
    assert {phase.name: phase.seconds for phase in found.phases} == {"create": 2.0, "rows": 16.0, "verify": 2.0}
    assert (found.seconds, found.source) == (20.0, "history")
    assert found.least < 20.0 < found.most


def test_the_median_of_several_and_the_range_of_all() -> None:
    found = from_history(work(), "1", [measured(number, rows=rows) for number, rows in enumerate((6.0, 8.0, 14.0))])
    assert found is not None
    assert (found.seconds, found.confidence) == (10.0, "good")
    assert found.least == pytest.approx(8 / 1.25)
    assert found.most == pytest.approx(16 * 1.25)
    assert "3 recoveries on this server, the latest on 2026-11-23" in found.rates


@pytest.mark.parametrize(
    "other",
    [
        measured(server="2"),
        measured(private=True),
        measured(way="in place"),
        measured(raw=100 * MIB // 11),  # too small to say anything of the rate
    ],
)
def test_what_says_nothing_is_left_aside(other: Measurement) -> None:
    assert from_history(work(), "1", [other]) is None


def test_the_nearest_in_size_count() -> None:
    far = [measured(number, raw=10_000 * MIB, rows=1.0) for number in range(5)]
    near = [measured(number + 5) for number in range(5)]
    found = from_history(work(), "1", [*far, *near])
    assert found is not None
    assert found.seconds == 10.0


def test_drills_on_private_servers_are_less_sure() -> None:
    drills = [measured(number, private=True, server=str(number)) for number in range(3)]
    found, own = from_drills(work(), drills), from_history(work(), "1", [measured(number) for number in range(3)])
    assert found is not None
    assert own is not None
    assert found.seconds == own.seconds
    assert found.most > own.most
    assert found.least < own.least


def test_the_objective() -> None:
    estimate = Estimate(seconds=10, least=5, most=20, source="history", confidence="good", rates=())
    assert [judged(estimate, limit).within_rto for limit in (None, 30.0, 20.0, 10.0, 4.0)] == [
        None,
        True,
        True,
        None,
        False,
    ]


def test_the_backup_itself_when_there_is_nothing_else() -> None:
    found = from_backup(work(), seconds=10.0, raw_bytes=200 * MIB)
    assert found is not None
    assert (found.least, found.confidence) == (5.0, "rough")
    assert found.least < found.seconds < found.most
    assert from_backup(work(), seconds=0.0, raw_bytes=MIB) is None


POSITIVE = st.floats(1e3, 1e10)


@given(
    raw=st.integers(0, 10**13),
    way=st.sampled_from(list(RecoveryWay)),
    rates=st.builds(
        Rates,
        check=st.none() | POSITIVE,
        unpack=st.none() | POSITIVE,
        load=POSITIVE,
        indexing=POSITIVE,
        scan=POSITIVE,
        statement=st.floats(1e-4, 1.0),
        beginning=st.floats(0, 10),
    ),
)
def test_a_probe_gives_a_range_with_the_estimate_in_it(raw: int, way: RecoveryWay, rates: Rates) -> None:
    found = from_probe(work(way, raw=raw), rates, backup_seconds=1.0)
    assert 0 <= found.least <= found.seconds <= found.most
    twice = from_probe(work(way, raw=2 * raw), rates, backup_seconds=1.0)
    assert twice.most >= found.most
    slower = from_probe(work(way, raw=raw), rates._replace(load=rates.load / 2), backup_seconds=1.0)
    assert slower.most >= found.most
