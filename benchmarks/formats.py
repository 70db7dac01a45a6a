"""Formats and encryption: ours beside ours in format `sql` and beside pg_dump; validating; looking into a backup.

Run with `python -m benchmarks.formats`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import data
from benchmarks.backup import pg_dump
from benchmarks.measure import Usage, median
from benchmarks.place import Place, add_arguments, place
from benchmarks.table import MEGABYTE, Target, print_targets, print_usages
from pantry_tui.artifact.age import X25519Identity
from pantry_tui.models import (
    BackupFormat,
    BackupRequest,
    BackupSummary,
    Compression,
    DatabaseTarget,
    Unlocking,
    ValidateRequest,
    ValidationResult,
)

IDENTITY = X25519Identity.generate()
SQL, CSV, JSON = "ours, sql", "ours, csv", "ours, json"
SEALED, ZSTD, PLAIN = "ours, sql, encrypted", "ours, sql, zstd", "ours, sql, not compressed"
DIRECTORY = "`pg_dump -Fd -j2`"
TARGETS = (Target(CSV, SQL, 1.30), Target(JSON, SQL, 2.50), Target(SEALED, SQL, 1.10))
LEAST_VALIDATED = 300  # MB of text a second
LONGEST_PEEK = 0.3
RUNS = 11
PROGRAM = Path(sys.executable).with_name("pantry-tui")


def request(where: Place, target: DatabaseTarget, name: str) -> BackupRequest:
    """The backup that a contender's name stands for."""
    rows_format = {CSV: BackupFormat.CSV, JSON: BackupFormat.JSON}.get(name, BackupFormat.SQL)
    compression = {ZSTD: Compression.ZSTD, PLAIN: Compression.NONE}.get(name, Compression.GZIP)
    return BackupRequest(
        database=target,
        repository=where.repository,
        name="bench",
        format=rows_format,
        compression=compression,
        recipients=(IDENTITY.recipient.text,) if name == SEALED else (),
    )


def ours(where: Place, target: DatabaseTarget, name: str) -> Usage:
    """A full backup by the warm runner."""
    usage, result = where.ours(request(where, target, name))
    backup = BackupSummary.from_builtins(result)
    shutil.rmtree(backup.path)
    return usage._replace(size=backup.bytes)


def contenders(where: Place, target: DatabaseTarget) -> dict[str, Callable[[], Usage]]:
    """What is compared, by name; each run leaves nothing behind."""

    def run(name: str) -> Callable[[], Usage]:
        return lambda: ours(where, target, name)

    found = {name: run(name) for name in (SQL, CSV, JSON, SEALED, ZSTD, PLAIN)}
    return {**found, DIRECTORY: lambda: pg_dump(where, target)}


def print_validations(where: Place, target: DatabaseTarget, rounds: int) -> None:
    """Validates a backup of each kind, and prints how fast its text went by."""
    print(f"\n**Validating, medians of {rounds}**\n")
    print("| | wall s | MB of text | MB/s | at least | |\n| --- | ---: | ---: | ---: | ---: | --- |")
    for name in (SQL, CSV, JSON, SEALED):
        _, result = where.ours(request(where, target, name))
        backup = BackupSummary.from_builtins(result)
        keys = Unlocking(identities=(IDENTITY.secret_text,))
        order = ValidateRequest(repository=where.repository, backup_id=backup.id, unlocking=keys)
        times = []
        for _ in range(rounds):
            usage, answer = where.ours(order)
            assert ValidationResult.from_builtins(answer).valid
            times.append(usage.wall)
        usual = statistics.median(times)
        rate = backup.raw_bytes / MEGABYTE / usual
        verdict = "reached" if rate >= LEAST_VALIDATED else "missed"
        size = backup.raw_bytes / MEGABYTE
        print(f"| {name} | {usual:.2f} | {size:.0f} | {rate:.0f} | {LEAST_VALIDATED} | {verdict} |")
        shutil.rmtree(backup.path)


def print_peeks(where: Place, target: DatabaseTarget) -> None:
    """Shows the first rows of every table, and prints how long the slowest took."""
    environment = os.environ | {
        "DATA_DIR": str(where.directory / "peek-data"),
        "BACKUP_DIR": where.repository.location,
        "PANTRY_CONFIG": "",
    }
    print(f"\n**`backup peek`, first rows of the slowest table, medians of {RUNS}**\n")
    print("| | s | at most | |\n| --- | ---: | ---: | --- |")
    for name in (SQL, CSV, JSON):
        _, result = where.ours(request(where, target, name))
        backup = BackupSummary.from_builtins(result)
        tables = [f"public.{table}" for table in ("interactions", "contacts", "organizations", "opportunity_items")]
        slowest = max(statistics.median(_peek(environment, table) for _ in range(RUNS)) for table in tables)
        verdict = "reached" if slowest <= LONGEST_PEEK else "missed"
        print(f"| {name} | {slowest:.3f} | {LONGEST_PEEK:.2f} | {verdict} |")
        shutil.rmtree(backup.path)


def _peek(environment: dict[str, str], table: str) -> float:
    began = time.monotonic()
    command = [str(PROGRAM), "backup", "peek", "latest", table]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats", description=__doc__)
    add_arguments(parser)
    args = parser.parse_args()
    with place(args) as where:
        target = where.database("crm", args.megabytes)
        chosen = {name: run for name, run in contenders(where, target).items() if args.only in name}
        usages: dict[str, list[Usage]] = {name: [] for name in chosen}
        for _ in range(args.rounds):
            for name, run in chosen.items():
                data.settle(where.maintenance)
                usages[name].append(run())
        if chosen:
            medians = {name: median(found) for name, found in usages.items()}
            print_usages(f"Formats, crm, {args.megabytes} MB, medians of {args.rounds}", medians)
            print_targets(medians, TARGETS, judged=True)
        if args.only in "validating":
            print_validations(where, target, args.rounds)
        if args.only in "peek":
            print_peeks(where, target)


if __name__ == "__main__":
    main()
