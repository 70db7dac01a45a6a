"""History and statistics on a terminal of 80 columns."""

from __future__ import annotations

import io
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.catalog.metrics import MetricsStore
from pantry_tui.catalog.totals import TotalsFile
from pantry_tui.cli.main import main
from pantry_tui.cli.moments import since
from pantry_tui.cli.sparkline import sparkline
from pantry_tui.models import utc_now
from pantry_tui.models.monitoring import CheckStatus
from tests.unit.monitoring.figures import MIB, failed, looked, taken

HOSTILE = "crm\x1b[2J\u202e of Ärzte"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten days of two databases, whose disk fills up."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    for module in ("output", "monitor_metrics"):
        monkeypatch.setattr(f"pantry_tui.cli.{module}.terminal_columns", lambda: 80)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    store, totals, now = MetricsStore(data), TotalsFile(data), utc_now()
    for number in range(10):
        at = now - timedelta(days=number)
        for job in (taken(at, seconds=100.0 + number), taken(at, database=HOSTILE), failed(at)):
            store.append(job)
            totals.add(job)
        at_risk = None if number == 5 else 3600.0
        store.append(looked(at, at_risk=at_risk, free=(500 + number) * MIB, status=CheckStatus.WARNING))
    with (data / "metrics" / f"{now:%Y-%m-%d}.jsonl").open("ab") as file:
        file.write(b"{}\n")
    return data


def test_the_history_fits(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "history"]) == 0

    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert len([line for line in lines if line.startswith("20")]) == 10
    assert "no backup" in lines[5]
    assert "left out: " in shown.err
    assert "stored   ██████████" in shown.out


def test_days_are_chosen(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "history", "--days", "3", "-d", "crm"]) == 0

    assert len([line for line in capsys.readouterr().out.splitlines() if line.startswith("20")]) == 3


def test_statistics_fit_and_no_name_steers_the_terminal(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "stats"]) == 0

    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.replace("\n", "").isprintable()
    assert "20 backups, 10 failed" in shown
    assert "10 of 20 (50%)" in shown
    assert "full in 5" in shown


def test_prometheus_is_told_without_a_runner(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "metrics"]) == 0

    shown = capsys.readouterr().out
    assert shown.replace("\n", "").isprintable()
    assert 'pantry_jobs_total{kind="backup",database="crm",outcome="failed"} 10' in shown
    assert "pantry_runner_up 0" in shown


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([0.0, None, 0.0], "▁ ▁"), ([1.0, 2.0, 4.0, 8.0], "▂▃▅█"), ([5.0], "█"), ([-1.0, 7.0], "▁█")],
)
def test_a_line_of_figures(values: list[float | None], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert sparkline(values) == line

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert sparkline(values).isascii()
    assert len(sparkline(values)) == len(line)


@pytest.mark.parametrize("text", ["90min", "12h", "2d", "1w", "2026-11-20", "2026-11-20T02:00", "2026-11-20T02:00Z"])
def test_points_in_time(text: str) -> None:
    assert since(text) < utc_now()
    assert since(text).tzinfo is not None
