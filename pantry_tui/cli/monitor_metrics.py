"""`pantry-tui monitor stats | history | metrics`: figures of jobs and disks, for people and for Prometheus."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from pantry_tui.cli.monitor_stats_view import show_stats
from pantry_tui.cli.output import (
    Column,
    count,
    counted,
    duration,
    note,
    print_document,
    print_fields,
    print_line,
    print_table,
    size,
    terminal_columns,
)
from pantry_tui.cli.parser import command, positive
from pantry_tui.cli.session import configuration, look_up
from pantry_tui.cli.sparkline import sparkline
from pantry_tui.cli.streams import write_line
from pantry_tui.errors import NotFoundError
from pantry_tui.escaping import escape
from pantry_tui.models import DayMetrics, MetricsHistory

_DAYS = 30
_HISTORY = (
    Column("DAY"),
    Column("BACKUPS", right=True),
    Column("FAILED", right=True),
    Column("MEDIAN", right=True),
    Column("STORED", right=True),
    Column("SAVED", right=True, spare=3),
    Column("SPEED", right=True, spare=2),
    Column("AT RISK", right=True),
    Column("FREE", right=True, spare=1),
)


def add_metric_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Declares them."""
    stats = command(
        commands,
        "stats",
        monitor_stats,
        summary="what everything comes to: success, durations, growth, days until disks are full",
        description="Shows, for each database, how its backups did in the last 30 days, and for each file system when\n"
        "it will be full if it goes on like that.",
        examples=("pantry-tui monitor stats", "pantry-tui monitor stats -d crm --json"),
    )
    history = command(
        commands,
        "history",
        monitor_history,
        summary="backups, failures, durations, sizes and free space of each day",
        description="Shows what was measured, day by day (UTC). AT RISK is the highest age that the newest valid backup\n"
        "reached on the day, FREE the least that was free on any of the disks.",
        examples=("pantry-tui monitor history --days 7", "pantry-tui monitor history -d crm --json"),
    )
    for one in (stats, history):
        one.add_argument("-d", "--database", metavar="DATABASE", help="of that database alone")
    history.add_argument("--days", type=positive, default=_DAYS, metavar="N", help="so many days (default: 30)")
    command(
        commands,
        "metrics",
        monitor_metrics,
        summary="everything that is measured, as Prometheus reads it",
        description="Prints all metrics in Prometheus's text format (docs/metrics.md). With --json a document that holds it.",
        examples=("pantry-tui monitor metrics", "pantry-tui monitor metrics > /var/lib/node_exporter/pantry.prom"),
    )


def monitor_metrics(args: argparse.Namespace) -> int:
    """Prints the metrics."""
    text = look_up(configuration(args), lambda reads: reads.metrics_text(), args)
    if args.json:
        print_document({"format": "prometheus", "text": text})
    else:
        write_line(text.removesuffix("\n"))
    return 0


def monitor_stats(args: argparse.Namespace) -> int:
    """Shows what everything comes to."""
    stats = look_up(configuration(args), lambda reads: reads.stats(), args)
    _tell_problems(args, stats.problems)
    _require(args.database, {found.database for found in stats.databases})
    show_stats(args, stats)
    return 0


def monitor_history(args: argparse.Namespace) -> int:
    """Shows each day."""
    history = look_up(configuration(args), lambda reads: reads.metrics_history(args.days))
    _tell_problems(args, history.problems)
    _require(args.database, set(history.by_database))
    days = history.days if args.database is None else history.by_database[args.database]
    if args.json:
        print_document(_document(history, args.database))
    elif days:
        print_table(_HISTORY, [_row(day) for day in days])
        print_line()
        print_fields(_plots(days))
    else:
        note(args, "nothing was measured yet; it is, as soon as a job ends or health is looked at")
    return 0


def _tell_problems(args: argparse.Namespace, problems: Sequence[str]) -> None:
    for problem in problems:
        note(args, f"left out: {problem}")


def _require(database: str | None, known: set[str]) -> None:
    """Raises `NotFoundError` for a database of which nothing was measured."""
    if database is not None and database not in known:
        measured = f"measured: {', '.join(map(escape, sorted(known)))}" if known else "nothing was measured yet"
        raise NotFoundError(f"nothing was measured of the database {database}", remedy=measured)


def _document(history: MetricsHistory, database: str | None) -> dict[str, object]:
    chosen = history.by_database if database is None else {database: history.by_database[database]}
    whole = {"days": history.days} if database is None else {}
    return {
        "since": history.since,
        "until": history.until,
        **whole,
        "databases": chosen,
        "problems": history.problems,
    }


def _row(day: DayMetrics) -> tuple[str, ...]:
    speed = f"{size(round(day.throughput))}/s" if day.throughput is not None else ""
    at_risk = duration(day.worst_at_risk_seconds) if day.worst_at_risk_seconds is not None else ""
    return (
        day.day,
        count(day.backups),
        count(day.failures) if day.failures else "",
        duration(day.median_seconds) if day.median_seconds is not None else "",
        size(day.stored_bytes) if day.backups else "",
        f"{day.saved:.0%}" if day.saved is not None else "",
        speed,
        "no backup" if day.exposed_runs else at_risk,
        size(min(day.least_free_bytes.values())) if day.least_free_bytes else "",
    )


def _plots(days: Sequence[DayMetrics]) -> list[tuple[str, str]]:
    """A line for each figure, as long as the terminal allows: the latest days."""
    room = (terminal_columns() or 200) - 20
    shown = days[-room:]
    figures: tuple[tuple[str, Callable[[DayMetrics], float | None]], ...] = (
        ("median", lambda day: day.median_seconds),
        ("stored", lambda day: day.stored_bytes if day.backups else None),
        ("failed", lambda day: day.failures),
        ("at risk", lambda day: day.worst_at_risk_seconds),
        ("free", lambda day: min(day.least_free_bytes.values(), default=None)),
    )
    plots = [(name, [figure(day) for day in shown]) for name, figure in figures]
    return [
        (counted(len(shown), "day"), f"{shown[0].day} to {shown[-1].day}"),
        *((name, sparkline(values)) for name, values in plots if any(value is not None for value in values)),
    ]
