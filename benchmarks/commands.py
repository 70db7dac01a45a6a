"""How long a person waits for the commands that only look: the help, and a list of 1,000 backups."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import msgspec

from benchmarks import data
from benchmarks.place import Place
from pantry_tui.artifact.manifest import MANIFEST_NAME, decode_manifest, encode_manifest
from pantry_tui.models import BackupRequest

TITLE = "commands"
BACKUPS = 1000
RUNS = 11
PROGRAM = Path(sys.executable).with_name("pantry-tui")
MOST = {"pantry-tui --help": 0.15, "pantry-tui backup list": 0.5}


def print_times(where: Place) -> None:
    """Measures and prints."""
    environment = os.environ | {
        "DATA_DIR": str(where.directory / "list-data"),
        "BACKUP_DIR": str(many_backups(where)),
        "PANTRY_CONFIG": "",
    }
    print(f"\n**Commands, {BACKUPS:,} backups, medians of {RUNS}**\n")
    print("| | first s | then s | at most s | |\n| --- | ---: | ---: | ---: | --- |")
    for command, most in MOST.items():
        times = [_seconds(command.split()[1:], environment) for _ in range(1 + RUNS)]
        usual = statistics.median(times[1:])
        verdict = "reached" if usual <= most else "missed"
        print(f"| `{command}` | {times[0]:.3f} | {usual:.3f} | {most:.2f} | {verdict} |")


def many_backups(where: Place) -> Path:
    """A repository with that many backups of a small CRM: one real one, and copies of its manifest under other ids."""
    target = data.crm(where.maintenance, 1)
    _, result = where.ours(BackupRequest(database=target, repository=where.repository, name="small"))
    first = Path(result["path"])
    manifest = decode_manifest((first / MANIFEST_NAME).read_bytes(), where=str(first))
    repository = where.directory / "many"
    for number in range(BACKUPS):
        started = manifest.started_at - timedelta(hours=4 * number)
        name = f"{started:%Y%m%dT%H%M%SZ}-small-{number:04x}"
        (repository / name).mkdir(mode=0o700, parents=True)
        for file in manifest.files:
            (repository / name / file.name).hardlink_to(first / file.name)
        copy = msgspec.structs.replace(
            manifest, id=name, started_at=started, finished_at=started + (manifest.finished_at - manifest.started_at)
        )
        (repository / name / MANIFEST_NAME).write_bytes(encode_manifest(copy))
    repository.chmod(0o700)
    return repository


def _seconds(arguments: list[str], environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run([PROGRAM, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began
