"""Backups from Python: the same work as the command line's, in this process, without runner or catalog."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.artifact.keyring import recipient_texts, unlocking_as_configured
from pantry_tui.backup.copying import copy_backup
from pantry_tui.backup.diff import compare_backups
from pantry_tui.backup.export import export_backup
from pantry_tui.backup.importing import import_dump
from pantry_tui.backup.live import compare_with_live
from pantry_tui.backup.peek import peek_table
from pantry_tui.backup.service import take_backup
from pantry_tui.backup.validate import validate_backup
from pantry_tui.config import load_config
from pantry_tui.config.storing import is_store_url
from pantry_tui.errors import UsageError
from pantry_tui.events import Listener, ignore
from pantry_tui.models import (
    LIVE,
    PEEK_ROWS,
    BackupDetails,
    BackupDiff,
    BackupExport,
    BackupFormat,
    BackupKind,
    BackupRequest,
    BackupSelection,
    BackupSummary,
    Compression,
    CopyCheck,
    CopyRequest,
    CopyResult,
    DatabaseTarget,
    DiffRequest,
    ExportRequest,
    ImportRequest,
    MarkRequest,
    Model,
    RepositoryTarget,
    TablePage,
    Unlocking,
    ValidateRequest,
    ValidationResult,
)
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.repository import Repository


class BackupConfig(Model, frozen=True, kw_only=True):
    """How and where backups are taken. ``output_dir`` None: the configured repository."""

    output_dir: str | None = None
    format: BackupFormat = BackupFormat.SQL
    compression: Compression = Compression.GZIP
    jobs: int | None = None  # worker processes; None: one per core
    max_rate: int | None = None  # bytes of rows' text that are read in a second
    fingerprints: bool = True
    lock_timeout_seconds: float = 10.0
    data_directory: str | None = None  # whose key signs, and whose signers are believed; None: the configured one
    kind: BackupKind = BackupKind.FULL
    tables: tuple[str, ...] = ()  # patterns as pg_dump takes them; none: all
    exclude_tables: tuple[str, ...] = ()
    batch_size: int | None = None  # most rows of a segment
    recipients: tuple[str, ...] | None = None  # age recipients; None: the configured ones
    identity: str | None = None  # an identity file that opens encrypted backups; None: the configured one


class BackupService:
    """Takes, lists, validates, marks and deletes backups of one database.

    ``database`` is a connection URI, a name of the configuration or of a database on its server, or a `DatabaseTarget`; None is
    the configured default. ``listener`` hears the events of everything this service does. Raises `ConfigError` for what
    cannot be resolved.
    """

    def __init__(
        self,
        database: DatabaseTarget | str | None = None,
        config: BackupConfig | None = None,
        *,
        listener: Listener = ignore,
    ) -> None:
        self._config = config or BackupConfig()
        self._listener = listener
        self._database = database
        self._repository = _repository(self._config.output_dir)
        self._data_directory = self._config.data_directory or load_config().data_directory

    async def create_full_backup(self, name: str) -> BackupSummary:
        """Takes a backup, full unless the configuration says otherwise, and publishes it.

        Raises `ServerError` and its kin, `StorageError`, `UsageError` for options that this version does not support.
        """
        return await take_backup(self._request(name), self._listener)

    def _request(self, name: str) -> BackupRequest:
        return BackupRequest(
            database=self._target(),
            repository=self._repository,
            name=name,
            format=self._config.format,
            compression=self._config.compression,
            jobs=self._config.jobs,
            max_rate=self._config.max_rate,
            fingerprints=self._config.fingerprints,
            lock_timeout_seconds=self._config.lock_timeout_seconds,
            data_directory=self._data_directory,
            kind=self._config.kind,
            selection=BackupSelection(tables=self._config.tables, exclude_tables=self._config.exclude_tables),
            batch_size=self._config.batch_size,
            recipients=self._recipients(),
        )

    async def create_incremental_backup(
        self, name: str, *, base: str | None = None, or_full: bool = False
    ) -> BackupSummary:
        """Takes what changed since a full backup: ``base``, or the newest that can be one.

        With ``or_full``, a full backup is taken where none can; its kind says so. Raises `BaseUnusableError` otherwise, and
        what `create_full_backup` does.
        """
        request = msgspec.structs.replace(self._request(name), kind=BackupKind.INCREMENTAL, base=base, or_full=or_full)
        return await take_backup(request, self._listener)

    async def list_backups(self, *, limit: int | None = None) -> list[BackupSummary]:
        """The backups of the repository, of all databases, newest first. Reads every manifest."""
        repository = self._opened()
        return [repository.summary(backup_id) for backup_id in repository.ids()[:limit]]

    async def show_backup(self, backup_id: str) -> BackupDetails:
        """Everything that is known of one backup. Raises `NotFoundError`, `BackupDamagedError`."""
        repository = self._opened()
        return repository.details(repository.resolve(backup_id))

    async def peek(self, backup_id: str, table: str, *, limit: int = PEEK_ROWS, skip: int = 0) -> TablePage:
        """At most ``limit`` rows of a table behind its first ``skip``, without restoring and without a server.

        Raises `NotFoundError`, `UsageError` for a partitioned table, whose partitions have the rows, or more than 10,000
        rows, `BackupDamagedError`, `StorageError`.
        """
        keys = await self._unlocking(backup_id)
        return await peek_table(
            self._repository,
            backup_id,
            table,
            limit=limit,
            skip=skip,
            unlocking=keys,
            data_directory=self._data_directory,
        )

    async def diff(self, backup_id: str, other: str = LIVE) -> BackupDiff:
        """Compares a backup with another, or with this service's database as it is now, table by table.

        Differences are a result, not an error. Raises `NotFoundError`, `BackupDamagedError`, and for the database
        `LockTimeoutError`, `PrivilegeError`, `ServerError` and its kin.
        """
        if other != LIVE:
            return await compare_backups(self._repository, backup_id, other)
        request = DiffRequest(
            repository=self._repository,
            backup_id=backup_id,
            database=self._target(),
            jobs=self._config.jobs,
            lock_timeout_seconds=self._config.lock_timeout_seconds,
            data_directory=self._data_directory,
        )
        return await compare_with_live(request, self._listener)

    async def export(
        self,
        backup_id: str,
        output: str | Path,
        *,
        format: BackupFormat | None = None,  # noqa: A002
        tables: Sequence[str] = (),
        recipients: Sequence[str] = (),
    ) -> BackupExport:
        """Writes what a backup holds into the new file ``output``, without a server.

        Its ending says how it is compressed (`.sql`, `.sql.gz`, `.sql.zst`, `.json…`, `.zip`). ``format`` None is the
        backup's own; ``tables`` are names or patterns (`sales.*`), none means all. ``recipients`` encrypt the file, which
        then ends with `.age`; it is not encrypted otherwise, whatever the backup is. Raises `NotFoundError`, `UsageError`,
        `RefusedError` for a file that is there, `BackupDamagedError`, `StorageError`; nothing is left of the file then.
        """
        request = ExportRequest(
            repository=self._repository,
            backup_id=backup_id,
            output=_absolute(output),
            format=format,
            tables=tuple(tables),
            recipients=tuple(recipients),
            unlocking=await self._unlocking(backup_id),
            data_directory=self._data_directory,
        )
        return await export_backup(request, self._listener)

    async def validate_backup(self, backup_id: str) -> ValidationResult:
        """Reads a backup back, whole. Damage is a result, not an error. Raises `NotFoundError`, `StorageError`."""
        keys = await self._unlocking(backup_id)
        request = ValidateRequest(
            repository=self._repository,
            backup_id=backup_id,
            unlocking=keys,
            data_directory=self._data_directory,
        )
        return await validate_backup(request, self._listener)

    async def import_dump(self, path: str | Path, name: str, database: str) -> BackupSummary:
        """Takes a dump that somebody brings into the repository, as it is, listed under ``database``; nothing of it is run.

        Raises `NotFoundError` and `UsageError` for the file, `RefusedError` naming the line of what no dump needs,
        `BackupDamagedError` for one that is cut off, `KeyMissingError`, `StorageError`.
        """
        absolute = _absolute(path)
        request = ImportRequest(
            path=absolute,
            repository=self._repository,
            name=name,
            database=database,
            recipients=self._recipients(),
            unlocking=await asyncio.to_thread(
                unlocking_as_configured, encrypted=absolute.endswith(SEALED_SUFFIX), file=self._config.identity
            ),
            data_directory=self._data_directory,
        )
        return await import_dump(request, self._listener)

    async def copy_backup(self, backup_id: str, to: str, *, check: CopyCheck = CopyCheck.SAMPLE) -> CopyResult:
        """Copies a backup to another repository: a configured one, an absolute path, or `s3://bucket/prefix`.

        Raises what `copy_backup` of `pantry_tui.backup.copying` does, `NotFoundError` for a name that is not configured.
        """
        request = CopyRequest(
            repository=self._repository,
            destination=load_config().repository_target(to),
            backup_id=backup_id,
            check=check,
            started_by=getpass.getuser(),
            data_directory=self._data_directory,
        )
        return await copy_backup(request, self._listener)

    async def delete_backup(self, backup_id: str, *, force: bool = False) -> None:
        """Deletes a backup. Raises `RefusedError` for a pinned or the last valid one of its database unless forced."""
        repository = self._opened()
        repository.delete(repository.resolve(backup_id), by=getpass.getuser(), force=force)

    async def mark_backup(
        self, backup_id: str, *, pinned: bool | None = None, label: str | None = None
    ) -> BackupSummary:
        """Pins a backup, so that it is deleted only when forced, or labels it; None leaves that as it is.

        An empty label takes it off. Raises `NotFoundError`, `BackupDamagedError`, `StorageError`, and `UsageError` for a
        label that is longer than 200 characters or has control characters.
        """
        repository = self._opened()
        request = MarkRequest(pinned=pinned, label=label)
        return repository.mark(repository.resolve(backup_id), request, by=getpass.getuser())

    def _opened(self) -> Repository:
        return open_repository(self._repository, self._data_directory)

    async def _unlocking(self, backup_id: str) -> Unlocking:
        """What opens the backup; nothing for one that is not encrypted."""
        repository = self._opened()
        encrypted = repository.summary(repository.resolve(backup_id)).encrypted
        return await asyncio.to_thread(unlocking_as_configured, encrypted=encrypted, file=self._config.identity)

    def _recipients(self) -> tuple[str, ...]:
        if self._config.recipients is not None:
            return self._config.recipients
        return recipient_texts(load_config().encryption)

    def _target(self) -> DatabaseTarget:
        if isinstance(self._database, DatabaseTarget):
            return self._database
        return load_config().database_target(self._database)


def _absolute(output: str | Path) -> str:
    return str(Path(output).expanduser().absolute())


def _repository(output_dir: str | None) -> RepositoryTarget:
    if output_dir is None or is_store_url(output_dir):
        return load_config().repository_target(output_dir)
    path = Path(output_dir).expanduser()
    if not path.is_absolute():
        raise UsageError(
            f"{output_dir!r} is not an absolute path", remedy="give the repository's directory from the root"
        )
    return RepositoryTarget(name=path.name or "backups", location=str(path))
