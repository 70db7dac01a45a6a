"""How long `monitor health` takes with 1,000 backups and a server that answers, and what a runner pays for watching.

Run with `python -m benchmarks.monitoring`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import msgspec

from benchmarks import data
from benchmarks.measure import processor_seconds
from benchmarks.place import Place, add_arguments, place
from pantry_tui.artifact.manifest import MANIFEST_NAME, decode_manifest, encode_manifest
from pantry_tui.models import BackupRequest, utc_now
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.folder import LocalFolder
from pantry_tui.repository.stored_manifest import PURPOSE, SIGNATURE_NAME, read_manifest
from pantry_tui.runner.lock import last_holder

BACKUPS = 1000
RUNS = 11
MOST_SECONDS = 1.0
MOST_SHARE = 0.005  # of a core, at an interval of half an hour
INTERVAL_SECONDS = 1800.0
PROGRAM = Path(sys.executable).with_name("pantry-tui")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    with place(parser.parse_args()) as where:
        print_times(where)


def print_times(where: Place) -> None:
    """One command without a runner, the same with one, and the processor time of that runner and its children."""
    target = data.crm(where.maintenance, 1)
    own = where.directory / "health-data"
    environment = os.environ | {
        "DATA_DIR": str(own),
        "BACKUP_DIR": str(many_backups(where, own)),
        "DATABASE_URL": target.conninfo,
        "PANTRY_CONFIG": "",
    }
    alone = [_seconds(environment) for _ in range(1 + RUNS)]
    _run(environment, "runner", "start")
    try:
        attended = [_seconds(environment) for _ in range(1 + RUNS)]
        holder = last_holder(own)
        assert holder is not None
        before = processor_seconds(holder.pid)
        for _ in range(RUNS):
            _seconds(environment)
        cost = (processor_seconds(holder.pid) - before) / RUNS
    finally:
        _run(environment, "runner", "stop")
    print(f"\n**`monitor health`, {BACKUPS:,} backups, medians of {RUNS}**\n")
    print("| | first s | then s | at most s | |\n| --- | ---: | ---: | ---: | --- |")
    for title, times in (("without a runner", alone), ("with a runner", attended)):
        usual = statistics.median(times[1:])
        verdict = "reached" if usual <= MOST_SECONDS else "missed"
        print(f"| {title} | {times[0]:.3f} | {usual:.3f} | {MOST_SECONDS:.2f} | {verdict} |")
    share = cost / INTERVAL_SECONDS
    verdict = "reached" if share <= MOST_SHARE else "missed"
    print(
        f"\nA look costs a runner {cost:.2f} s of processor time, {share:.3%} of a core: {verdict} (at most {MOST_SHARE:.1%})."
    )


def many_backups(where: Place, data_directory: Path) -> Path:
    """A repository of that many signed and chained backups: one real one, and copies of its manifest under other ids."""
    target = data.crm(where.maintenance, 1)
    _, result = where.ours(BackupRequest(database=target, repository=where.repository, name="small"))
    first = Path(result["path"])
    manifest = decode_manifest((first / MANIFEST_NAME).read_bytes(), where=str(first))
    repository, key = where.directory / "watched", Authority(_prepared(data_directory)).key
    previous = None
    for number in reversed(range(BACKUPS)):
        started = utc_now() - timedelta(hours=4 * number)
        name = f"{started:%Y%m%dT%H%M%SZ}-small-{number:04x}"
        (repository / name).mkdir(mode=0o700, parents=True)
        for file in manifest.files:
            (repository / name / file.name).hardlink_to(first / file.name)
        copy = msgspec.structs.replace(
            manifest,
            id=name,
            started_at=started,
            finished_at=started + (manifest.finished_at - manifest.started_at),
            previous=previous,
        )
        text = encode_manifest(copy)
        (repository / name / SIGNATURE_NAME).write_bytes(key.sign(text, purpose=PURPOSE))
        (repository / name / MANIFEST_NAME).write_bytes(text)
        previous = read_manifest(LocalFolder(repository / name)).link
    repository.chmod(0o700)
    return repository


def _prepared(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory


def _seconds(environment: dict[str, str]) -> float:
    began = time.monotonic()
    _run(environment, "monitor", "health")
    return time.monotonic() - began


def _run(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([PROGRAM, *arguments], env=environment, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 65, 66):  # how well the databases are is not the question
        raise SystemExit(f"{arguments!r} ended with {done.returncode}")


if __name__ == "__main__":
    main()
