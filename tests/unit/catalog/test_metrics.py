"""Metrics on disk: bounded, whole after a crash, and none the worse for what others put there."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.metrics import DATABASES, MOST_BYTES, write_days
from pantry_tui.catalog import metrics as files
from pantry_tui.catalog.metrics import DETAILED_DAYS, Figures, MetricsStore
from pantry_tui.catalog.totals import MOST_SERIES, OTHERS, Totals, TotalsFile
from pantry_tui.errors import StorageError
from pantry_tui.models import JobFigures, JobTotals, utc_now
from pantry_tui.monitoring.metrics_summary import summarized
from tests.unit.monitoring.figures import NOON, failed, looked, taken

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> MetricsStore:
    return MetricsStore(tmp_path)


def day_file(store: MetricsStore, moment: datetime = NOON) -> Path:
    return store.directory / f"{moment:%Y-%m-%d}.jsonl"


def test_records_are_read_back_in_their_order(store: MetricsStore) -> None:
    records: list[Figures] = [taken(NOON), looked(NOON - DAY), failed(NOON + DAY)]
    for record in records:
        store.append(record)

    found = MetricsStore(store.directory.parent).read()

    assert found.records == sorted(records, key=lambda record: record.at)
    assert (found.problems, found.days) == ([], 3)
    assert found.bytes == sum(path.stat().st_size for path in store.directory.iterdir())
    assert {path.stat().st_mode & 0o777 for path in store.directory.iterdir()} == {0o600}


def test_only_what_was_asked_for_is_read(store: MetricsStore) -> None:
    for number in range(5):
        store.append(taken(NOON - number * DAY))

    assert [record.at for record in store.read(NOON - 2 * DAY, NOON - DAY).records] == [NOON - 2 * DAY, NOON - DAY]


def test_a_line_that_a_crash_cut_is_left_out_and_told_of(store: MetricsStore) -> None:
    store.append(taken(NOON))
    store.append(failed(NOON))
    day_file(store).write_bytes(day_file(store).read_bytes()[:-20])

    found = store.read()
    assert found.records == [taken(NOON)]
    assert found.problems == [f"{day_file(store)}: its last line was cut off, and is left out"]

    store.append(looked(NOON))
    assert store.read().records == [taken(NOON), looked(NOON)]
    assert store.read().problems == [f"{day_file(store)}: 1 line cannot be read and is left out"]


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"\xff\x00",
        b'{"of":"weather","at":"2026-11-20T12:00:00Z"}',
        b'{"of":"job","at":"2026-11-20T12:00:00","kind":"no time zone","outcome":"succeeded"}',
    ],
)
def test_a_damaged_line_costs_nothing_but_itself(store: MetricsStore, line: bytes) -> None:
    store.append(taken(NOON))
    with day_file(store).open("ab") as file:
        file.write(line + b"\n")
    store.append(failed(NOON))

    found = store.read()

    assert found.records == [taken(NOON), failed(NOON)]
    assert found.problems == [f"{day_file(store)}: 1 line cannot be read and is left out"]


def test_what_is_no_file_of_ours_is_neither_read_nor_touched(store: MetricsStore, tmp_path: Path) -> None:
    store.append(taken(NOON))
    secret = tmp_path / "secret"
    secret.write_bytes(b"nothing of metrics\n")
    day_file(store, NOON - DAY).symlink_to(secret)
    os.mkfifo(day_file(store, NOON - 2 * DAY))
    for name in ("2026-99-99.jsonl", "README", ".2026-11-20.jsonl.tmp"):
        (store.directory / name).write_bytes(b"?")

    found = store.read()

    assert found.records == [taken(NOON)]
    assert [str(store.directory) in problem for problem in found.problems] == [True, True]
    for moment in (NOON - DAY, NOON - 2 * DAY):
        with pytest.raises(StorageError):
            store.append(taken(moment))
    assert secret.read_bytes() == b"nothing of metrics\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_left_alone(store: MetricsStore) -> None:
    store.append(taken(NOON))
    os.chown(day_file(store), 4_000_000, -1)

    assert store.read().records == []
    assert "belongs to another user" in store.read().problems[0]
    with pytest.raises(StorageError, match="belongs to another user"):
        store.append(taken(NOON))


def test_old_days_are_added_up_and_the_oldest_deleted(store: MetricsStore) -> None:
    now = utc_now().replace(microsecond=0)
    for number in range(20):
        for _ in range(3):
            store.append(taken(now - number * DAY))

    store.tidy(15, summarized)

    by_day: dict[datetime, list[int]] = defaultdict(list)
    for record in store.read().records:
        assert isinstance(record, JobFigures)
        by_day[record.at].append(record.count)
    expected = [[1, 1, 1]] * DETAILED_DAYS + [[3]] * (15 - DETAILED_DAYS)
    assert [by_day[at] for at in sorted(by_day, reverse=True)] == expected

    before = {path: path.read_bytes() for path in store.directory.iterdir()}
    store.tidy(15, summarized)
    assert {path: path.read_bytes() for path in store.directory.iterdir()} == before


def test_a_clock_that_jumps_ahead_deletes_nothing(store: MetricsStore) -> None:
    now = utc_now().replace(microsecond=0)
    for number in range(10):
        store.append(taken(now - number * DAY))
    for number in range(20):
        store.append(taken(now + timedelta(days=3650 + number)))

    store.tidy(12, summarized)

    days = sorted(path.name for path in store.directory.iterdir())
    assert len(days) == 10 + DETAILED_DAYS
    assert [record.at for record in store.read(until=now + DAY).records] == [
        now - number * DAY for number in reversed(range(10))
    ]


def test_a_day_after_the_clock_was_set_back_is_added_to_what_there_is(store: MetricsStore) -> None:
    now = utc_now().replace(microsecond=0)
    for number in range(10):
        store.append(taken(now - number * DAY))
        store.append(taken(now - number * DAY))
    store.tidy(90, summarized)

    store.append(taken(now - 9 * DAY))

    counts = [record.count for record in store.read(until=now - 8.5 * DAY).records if isinstance(record, JobFigures)]
    assert counts == [2, 1]


def test_ninety_days_of_ten_databases_stay_small(tmp_path: Path) -> None:
    write_days(tmp_path, DETAILED_DAYS + 1)
    store = MetricsStore(tmp_path)
    store.tidy(90, summarized)
    oldest = min(store.directory.iterdir())
    added_up, last = oldest.read_bytes(), date.fromisoformat(oldest.stem)
    for number in range(1, 90 - DETAILED_DAYS):  # the same but for its date, which spares adding up 82 of them
        day = f"{last - number * DAY}"
        (store.directory / f"{day}.jsonl").write_bytes(added_up.replace(oldest.stem.encode(), day.encode()))

    read = store.read()
    assert (read.days, read.problems) == (90, [])
    assert read.bytes < MOST_BYTES / 2  # so that there is room for twice as many
    assert sum(record.count for record in read.records if isinstance(record, JobFigures)) == 90 * 24 * DATABASES


def test_a_day_with_very_much_is_added_up_as_soon_as_it_is_over(
    store: MetricsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGE_DAY_BYTES", 5000)
    now = utc_now().replace(microsecond=0)
    for number in range(4):
        for _ in range(30):
            store.append(taken(now - number * DAY))

    store.tidy(90, summarized)

    assert [len(store.read(now - number * DAY, now - number * DAY).records) for number in range(4)] == [30, 30, 1, 1]


def test_totals_only_go_up(tmp_path: Path) -> None:
    for _ in range(2):
        counted = TotalsFile(tmp_path)
        counted.add(taken())
        counted.add(failed())

    totals = TotalsFile(tmp_path).read()

    assert totals is not None
    assert [(each.outcome, each.count, each.rows) for each in totals.jobs] == [("succeeded", 2, 2000), ("failed", 2, 0)]
    assert totals.since <= datetime.now(UTC)


def test_totals_that_cannot_be_read_begin_anew_and_say_so(tmp_path: Path) -> None:
    TotalsFile(tmp_path).add(taken())
    (tmp_path / "metrics" / "totals.json").write_bytes(b"{")

    counted = TotalsFile(tmp_path)
    assert counted.read() is None
    assert "counting begins anew" in str(counted.problem)
    counted.add(taken())
    assert TotalsFile(tmp_path).read() is not None


def test_databases_without_number_are_counted_together(tmp_path: Path) -> None:
    counted = TotalsFile(tmp_path)
    many = tuple(JobTotals(kind="backup", outcome="succeeded", database=f"db{n}") for n in range(MOST_SERIES))
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "totals.json").write_bytes(Totals(since=NOON, jobs=many).to_json())

    for name in ("new", "newer"):
        counted.add(taken(database=name))

    totals = counted.read()
    assert totals is not None
    assert [each.count for each in totals.jobs if each.database == OTHERS] == [2]
    assert len(totals.jobs) == MOST_SERIES + 1
