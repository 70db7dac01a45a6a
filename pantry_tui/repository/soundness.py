"""What can be told of a backup's files without reading them: whether they are there, in their size."""

from __future__ import annotations

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest
from pantry_tui.repository.authority import Authority
from pantry_tui.repository.folder import Folder
from pantry_tui.repository.records import is_record_name, is_unfinished_record, read_records
from pantry_tui.repository.staging import LOCK_NAME
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME


def wrong_files(folder: Folder, manifest: Manifest) -> list[str]:
    """In words, the files of the manifest that are missing or of another size. Raises `StorageError`."""
    sizes = _sizes(folder)
    problems = []
    for file in manifest.files:
        size = sizes.get(file.name)
        if size is None:
            problems.append(f"{folder.where(file.name)} is missing")
        elif size != file.bytes:
            problems.append(f"{folder.where(file.name)} holds {size:,} bytes; the manifest says {file.bytes:,}")
    return problems


def oddities(folder: Folder, manifest: Manifest, authority: Authority) -> list[str]:
    """In words, what lies beside a backup and does it no harm: strange files, records that cannot be read or believed.

    Raises `StorageError`.
    """
    known = {MANIFEST_NAME, SIGNATURE_NAME, LOCK_NAME, *(file.name for file in manifest.files)}
    strange = sorted(
        name
        for name in _sizes(folder)
        if name not in known and not is_record_name(name) and not is_unfinished_record(name)
    )
    return [
        *(f"{folder.where(name)} does not belong to the backup" for name in strange),
        *read_records(folder, authority)[1],
    ]


def _sizes(folder: Folder) -> dict[str, int]:
    with storage_errors(str(folder), "looking at a backup"):
        return folder.sizes()
