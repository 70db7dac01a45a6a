"""Backups: ours from a warm runner, beside what PostgreSQL itself offers.

Run with `python -m benchmarks.backup`. Ours reads the stored bytes back before it says done; the others do not.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable

from benchmarks import commands, data
from benchmarks.floor import copy_to_nowhere
from benchmarks.measure import Memory, Usage, median, watched_memory
from benchmarks.place import JUDGED, Place, add_arguments, bytes_below, place
from benchmarks.table import MEGABYTE, Target, print_memory, print_targets, print_usages
from pantry_tui.models import BackupRequest, BackupSummary, DatabaseTarget

PLAIN = "ours, no fingerprints"
FULL = "ours"
DIRECTORY = "`pg_dump -Fd -j2`"
FAST = "`pg_dump -Fd -j2 -Z1`"
ZSTD = "`pg_dump -Fd -j2 -Z zstd:1`"
PIPE = "`pg_dump \\| gzip`"
FLOOR = "server alone, COPY to its /dev/null"

TARGETS = (
    Target(PLAIN, DIRECTORY, 0.30),
    Target(PLAIN, PIPE, 0.20),
    Target(PLAIN, FAST, 0.85),
    Target(PLAIN, ZSTD, 1.30),
    Target(FULL, PLAIN, 1.60),
)
MEMORY_MOST = 200 * MEGABYTE
ZSTD_SINCE = 160_000

Contender = Callable[[], Usage]


def contenders(where: Place, target: DatabaseTarget) -> dict[str, Contender]:
    """What is compared, by name; each run leaves nothing behind."""
    found: dict[str, Contender] = {
        PLAIN: lambda: ours(where, target, fingerprints=False),
        FULL: lambda: ours(where, target, fingerprints=True),
        DIRECTORY: lambda: pg_dump(where, target),
        FAST: lambda: pg_dump(where, target, "-Z1"),
        ZSTD: lambda: pg_dump(where, target, "-Zzstd:1"),
        PIPE: lambda: pg_dump_gzip(where, target),
        FLOOR: lambda: where.theirs(lambda: copy_to_nowhere(target)),
    }
    if where.server.version_num < ZSTD_SINCE:
        del found[ZSTD]
    return found


def ours(where: Place, target: DatabaseTarget, *, fingerprints: bool) -> Usage:
    """A full backup by the warm runner."""
    request = BackupRequest(database=target, repository=where.repository, name="bench", fingerprints=fingerprints)
    usage, result = where.ours(request)
    backup = BackupSummary.from_builtins(result)
    shutil.rmtree(backup.path)
    return usage._replace(size=backup.bytes)


def pg_dump(where: Place, target: DatabaseTarget, *options: str) -> Usage:
    """pg_dump with two jobs into a directory."""
    output = where.directory / "dump"
    command = [where.tool("pg_dump"), "-Fd", "-j2", *options, f"--file={output}", f"--dbname={target.conninfo}"]
    usage = where.theirs(lambda: where.shell(command))._replace(size=bytes_below(output))
    shutil.rmtree(output)
    return usage


def pg_dump_gzip(where: Place, target: DatabaseTarget) -> Usage:
    """What most scripts do."""
    output = where.directory / "dump.sql.gz"
    command = [where.tool("pg_dump"), f"--dbname={target.conninfo}"]
    usage = where.theirs(lambda: where.shell(command, ["gzip"], output=output))._replace(size=bytes_below(output))
    output.unlink()
    return usage


def memory(where: Place, target: DatabaseTarget) -> Memory:
    """The peak of a backup, in a round of its own: looking at memory costs time."""
    with watched_memory(where.runner) as peak:
        ours(where, target, fingerprints=True)
        return peak()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backup", description=__doc__)
    add_arguments(parser)
    args = parser.parse_args()
    with place(args) as where:
        for kind in args.database or ("crm", "pgbench"):
            target = where.database(kind, args.megabytes)
            chosen = {name: run for name, run in contenders(where, target).items() if args.only in name}
            usages: dict[str, list[Usage]] = {name: [] for name in chosen}
            for _ in range(args.rounds):
                for name, run in chosen.items():
                    data.settle(where.maintenance)
                    usages[name].append(run())
            medians = {name: median(found) for name, found in usages.items()}
            print_usages(f"Backup of {kind}, {args.megabytes} MB, medians of {args.rounds}", medians)
            print_targets(medians, TARGETS, judged=kind == JUDGED)
            if FULL in chosen:
                print_memory({f"backup of {kind}": memory(where, target)}, MEMORY_MOST)
        if args.only in commands.TITLE:
            commands.print_times(where)


if __name__ == "__main__":
    main()
