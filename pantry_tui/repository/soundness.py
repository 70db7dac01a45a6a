"""What can be told of a backup's files without reading them: whether they are there, in their size."""

from __future__ import annotations

from pathlib import Path

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.records import is_record_name, is_unfinished_record, read_records
from pantry_tui.repository.staging import LOCK_NAME, files_of
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME


def wrong_files(directory: Path, manifest: Manifest) -> list[str]:
    """In words, the files of the manifest that are missing or of another size. Raises `StorageError`."""
    sizes = _sizes(directory)
    problems = []
    for file in manifest.files:
        size = sizes.get(file.name)
        if size is None:
            problems.append(f"{directory / file.name} is missing")
        elif size != file.bytes:
            problems.append(f"{directory / file.name} holds {size:,} bytes; the manifest says {file.bytes:,}")
    return problems


def oddities(directory: Path, manifest: Manifest, authority: Authority) -> list[str]:
    """In words, what lies beside a backup and does it no harm: strange files, records that cannot be read or believed.

    Raises `StorageError`.
    """
    known = {MANIFEST_NAME, SIGNATURE_NAME, LOCK_NAME, *(file.name for file in manifest.files)}
    strange = sorted(
        name
        for name in _sizes(directory)
        if name not in known and not is_record_name(name) and not is_unfinished_record(name)
    )
    return [
        *(f"{directory / name} does not belong to the backup" for name in strange),
        *read_records(directory, authority)[1],
    ]


def _sizes(directory: Path) -> dict[str, int]:
    with storage_errors(directory, "looking at a backup"):
        return {name: (directory / name).lstat().st_size for name in files_of(directory)}
