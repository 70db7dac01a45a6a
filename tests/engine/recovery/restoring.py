"""Restoring in tests, and damaging what is restored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pantry_tui.artifact.manifest import MANIFEST_NAME, Manifest, encode_manifest
from pantry_tui.artifact.signing_key import signing_key
from pantry_tui.events import Event
from pantry_tui.models import (
    Assertion,
    DatabaseTarget,
    RepositoryTarget,
    RestoreRequest,
    RestoreResult,
    Strategy,
    Unlocking,
)
from pantry_tui.recovery.service import restore_backup
from pantry_tui.repository.stored_manifest import PURPOSE, SIGNATURE_NAME
from tests.engine.backup.taking import data_directory_of
from tests.servers import TestServer


async def restore(
    target: DatabaseTarget,
    repository: RepositoryTarget,
    *,
    backup_id: str = "latest",
    tables: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    strategy: Strategy = Strategy.REPLACE,
    dry_run: bool = False,
    checkpoint: bool = True,
    swap: bool = False,
    rename_schemas: tuple[tuple[str, str], ...] = (),
    managed: bool = False,
    create_roles: bool = False,
    lock_timeout_seconds: float = 10.0,
    jobs: int | None = None,
    batch_size: int | None = None,
    assertions: tuple[Assertion, ...] = (),
    assertion_seconds: float = 60.0,
    verify: bool = True,
    trust: tuple[str, ...] = (),
    data_directory: str | None = None,
    analyze: bool = True,
    unlocking: Unlocking = Unlocking(),  # noqa: B008  # frozen
    on_event: Callable[[Event], None] = lambda event: None,
) -> RestoreResult:
    """Restores the newest backup, or another."""
    request = RestoreRequest(
        repository=repository,
        backup_id=backup_id,
        target=target,
        tables=tables,
        exclude=exclude,
        strategy=strategy,
        dry_run=dry_run,
        checkpoint=checkpoint,
        swap=swap,
        rename_schemas=rename_schemas,
        managed=managed,
        create_roles=create_roles,
        lock_timeout_seconds=lock_timeout_seconds,
        jobs=jobs,
        batch_size=batch_size,
        assertions=assertions,
        assertion_seconds=assertion_seconds,
        verify=verify,
        trust=trust,
        data_directory=data_directory or data_directory_of(repository),
        analyze=analyze,
        unlocking=unlocking,
    )
    return await restore_backup(request, on_event)


def databases(server: TestServer) -> set[str]:
    """The names of all databases, those that tests of other processes use included."""
    return {name for (name,) in server.execute("postgres", "SELECT datname::text FROM pg_database")}


def damage(file: Path, offset: int, *, length: int = 1) -> None:
    """Changes bytes of a file in place."""
    with file.open("r+b") as stream:
        stream.seek(offset)
        old = stream.read(length)
        stream.seek(offset)
        stream.write(bytes(byte ^ 0x40 for byte in old))


def rewrite_manifest(directory: Path, manifest: Manifest) -> None:
    """Puts another manifest in place of a backup's, as if it had been published so."""
    (directory / MANIFEST_NAME).write_bytes(encode_manifest(manifest))
    sign_again(directory)


def sign_again(directory: Path) -> None:
    """Signs the manifest that is there, with the key that signed the one before it."""
    data = (directory / MANIFEST_NAME).read_bytes()
    key = signing_key(directory.parent.parent / "data")
    (directory / SIGNATURE_NAME).write_bytes(key.sign(data, purpose=PURPOSE))
