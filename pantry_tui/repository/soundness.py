"""What can be told of a backup's files without reading them: whether they are there, in their size."""

from __future__ import annotations

import os
from pathlib import Path

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest
from pantry_tui.repository.records import is_record_name, read_records
from pantry_tui.repository.staging import LOCK_NAME


def is_complete(directory: Path, manifest: Manifest) -> bool:
    """Whether every file that the manifest names is there in its size. Raises `StorageError`."""
    return not _wrong_files(directory, manifest, _sizes(directory))


def find_problems(directory: Path, manifest: Manifest) -> list[str]:
    """In words: files missing or of another size, files of no backup, unreadable records. Raises `StorageError`."""
    sizes = _sizes(directory)
    known = {MANIFEST_NAME, LOCK_NAME, *(file.name for file in manifest.files)}
    strange = sorted(name for name in sizes if name not in known and not is_record_name(name))
    return [
        *_wrong_files(directory, manifest, sizes),
        *(f"{directory / name} does not belong to the backup" for name in strange),
        *read_records(directory)[1],
    ]


def _sizes(directory: Path) -> dict[str, int]:
    with storage_errors(directory, "looking at a backup"), os.scandir(directory) as entries:
        return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries}


def _wrong_files(directory: Path, manifest: Manifest, sizes: dict[str, int]) -> list[str]:
    problems = []
    for file in manifest.files:
        size = sizes.get(file.name)
        if size is None:
            problems.append(f"{directory / file.name} is missing")
        elif size != file.bytes:
            problems.append(f"{directory / file.name} holds {size:,} bytes; the manifest says {file.bytes:,}")
    return problems
