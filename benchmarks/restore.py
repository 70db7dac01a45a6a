"""Restores: ours from a warm runner, beside pg_restore and psql, all into empty databases.

Run with `python -m benchmarks.restore`. The comparison of the result with the backup is timed by itself: the others
make none.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import data
from benchmarks.measure import Memory, Usage, median, watched_memory
from benchmarks.place import JUDGED, Place, add_arguments, place
from benchmarks.table import MEGABYTE, Target, print_memory, print_targets, print_usages
from pantry_tui.models import BackupRequest, BackupSummary, DatabaseTarget, DrillPlace, DrillRequest, RestoreRequest

OURS = "ours, not verified"
VERIFIED = "ours, verified"
BARE = "ours, analyzed but not verified"  # what a drill is compared with: it analyzes, too
SINGLE = "ours, one table of 1 % of the data"
DRILL = "ours, a drill on a private server, its start apart"
BESIDE = "ours, a drill beside the database"
DIRECTORY = "`pg_restore -j2`"
PIPE = "`zcat \\| psql`"

TARGETS = (
    Target(OURS, DIRECTORY, 0.90),
    Target(OURS, PIPE, 0.60),
    Target(SINGLE, OURS, 0.10),
    Target(DRILL, BARE, 1.35),
    Target(BESIDE, BARE, 1.35),
)
MEMORY_MOST = 200 * MEGABYTE
RESTORED = "restored"
SINGLE_TABLES = {"crm": "public.products"}  # 1.2 % of the text; pgbench has no such table

Contender = Callable[[], Usage]


class Sources:
    """The same database as each program stores it."""

    def __init__(self, where: Place, target: DatabaseTarget) -> None:
        request = BackupRequest(database=target, repository=where.repository, name="bench")
        self.backup = BackupSummary.from_builtins(where.ours(request)[1])
        self.directory = where.directory / "dump"
        self.document = where.directory / "dump.sql.gz"
        dump = [where.tool("pg_dump"), f"--dbname={target.conninfo}"]
        where.shell([*dump, "-Fd", "-j2", f"--file={self.directory}"])
        where.shell(dump, ["gzip"], output=self.document)

    def remove(self) -> None:
        """Makes room for the next database."""
        shutil.rmtree(Path(self.backup.path))
        shutil.rmtree(self.directory)
        self.document.unlink()


def contenders(where: Place, sources: Sources, single: str | None) -> dict[str, Contender]:
    """What is compared, by name."""
    found: dict[str, Contender] = {
        OURS: lambda: ours(where, sources),
        VERIFIED: lambda: ours(where, sources, verify=True),
        BARE: lambda: ours(where, sources, analyze=True),
        DRILL: lambda: drill(where, sources, DrillPlace.PRIVATE),
        BESIDE: lambda: drill(where, sources, DrillPlace.SERVER),
        DIRECTORY: lambda: pg_restore(where, sources),
        PIPE: lambda: zcat_psql(where, sources),
    }
    if single is not None:
        found[SINGLE] = lambda: ours(where, sources, tables=(single,))
    return found


@contextmanager
def empty_database(where: Place) -> Iterator[DatabaseTarget]:
    """The target of every contender; making it is not timed."""
    target = data.create(where.maintenance, RESTORED)
    data.settle(where.maintenance)
    try:
        yield target
    finally:
        data.drop(where.maintenance, RESTORED)


def ours(
    where: Place, sources: Sources, *, verify: bool = False, analyze: bool = False, tables: tuple[str, ...] = ()
) -> Usage:
    """A restore by the warm runner; one that is verified is analyzed as well."""
    with empty_database(where) as target:
        return where.ours(
            RestoreRequest(
                repository=where.repository,
                backup_id=sources.backup.id,
                target=target,
                tables=tables,
                verify=verify,
                analyze=verify or analyze,  # the others leave that to be done, too
            )
        )[0]


def drill(where: Place, sources: Sources, place: DrillPlace) -> Usage:
    """A drill by the warm runner; a private server stands on the same file system as the other one."""
    data.settle(where.maintenance)
    request = DrillRequest(
        repository=where.repository,
        backup_id=sources.backup.id,
        where=place,
        server=where.maintenance,
        directory=str(where.server.home.parent),
        client_tools=str(where.tools),
    )
    usage, result = where.ours(request)
    return usage._replace(wall=usage.wall - result["phases"]["server"])


def pg_restore(where: Place, sources: Sources) -> Usage:
    """pg_restore with two jobs."""
    with empty_database(where) as target:
        command = [where.tool("pg_restore"), "-j2", "--exit-on-error", f"--dbname={target.conninfo}"]
        return where.theirs(lambda: where.shell([*command, str(sources.directory)]))


def zcat_psql(where: Place, sources: Sources) -> Usage:
    """What most people do at three in the morning."""
    with empty_database(where) as target:
        psql = [where.tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", f"--dbname={target.conninfo}"]
        return where.theirs(lambda: where.shell(["zcat", str(sources.document)], psql))


def memory(where: Place, sources: Sources) -> Memory:
    """The peak of a verified restore, in a round of its own: looking at memory costs time."""
    with watched_memory(where.runner) as peak:
        ours(where, sources, verify=True)
        return peak()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restore", description=__doc__)
    add_arguments(parser)
    args = parser.parse_args()
    with place(args) as where:
        for kind in args.database or ("crm", "pgbench"):
            sources = Sources(where, where.database(kind, args.megabytes))
            found = contenders(where, sources, SINGLE_TABLES.get(kind))
            chosen = {name: run for name, run in found.items() if args.only in name}
            usages: dict[str, list[Usage]] = {name: [] for name in chosen}
            for _ in range(args.rounds):
                for name, run in chosen.items():
                    usages[name].append(run())
            medians = {name: median(runs) for name, runs in usages.items()}
            print_usages(f"Restore of {kind}, {args.megabytes} MB, medians of {args.rounds}", medians)
            print_targets(medians, TARGETS, judged=kind == JUDGED)
            if OURS in chosen:
                print_memory({f"restore of {kind}": memory(where, sources)}, MEMORY_MOST)
            sources.remove()


if __name__ == "__main__":
    main()
