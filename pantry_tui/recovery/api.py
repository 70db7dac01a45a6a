"""Restores from Python: the same work as the command line's, in this process, without runner or catalog."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.artifact.keyring import unlocking_as_configured
from pantry_tui.config import load_config
from pantry_tui.config.settings import DatabaseSettings
from pantry_tui.config.storing import is_store_url
from pantry_tui.events import Listener, ignore
from pantry_tui.models import (
    DatabaseTarget,
    DrillPlace,
    DrillRequest,
    DrillResult,
    ForeignPlan,
    ForeignPlanRequest,
    ForeignRestoreRequest,
    ForeignRestoreResult,
    Model,
    PlanRequest,
    RecoveryPlan,
    RepositoryTarget,
    RestoreRequest,
    RestoreResult,
    Strategy,
)
from pantry_tui.recovery.drill import drill_backup
from pantry_tui.recovery.foreign.planning import plan_foreign
from pantry_tui.recovery.foreign.service import restore_foreign
from pantry_tui.recovery.planning.service import plan_recovery
from pantry_tui.recovery.service import restore_backup
from pantry_tui.repository.opening import open_repository


class RecoveryConfig(Model, frozen=True, kw_only=True):
    """What is restored. ``target_tables`` (`schema.name`) empty: everything.

    ``trust``: fingerprints of signers that are believed besides one's own and those in `DATA_DIR/keys/trusted`.
    """

    backup_id: str
    target_tables: tuple[str, ...] = ()
    exclude_tables: tuple[str, ...] = ()
    strategy: Strategy = Strategy.REPLACE  # for tables that are restored where they are
    dry_run: bool = False  # do everything, tell, and take it back
    managed: bool = False  # others manage the server: leave theirs alone, tell what the role may not make
    create_roles: bool = False  # make the roles that the server lacks
    rename_schemas: dict[str, str] = msgspec.field(default_factory=dict)  # the backup's name to the one it is to have
    swap: bool = False  # exchange a whole database that is there for the restored one, and keep it
    create_checkpoint: bool = True  # keep on the server what undoes a recovery in place
    batch_size: int | None = None  # in place: most rows that one statement exchanges; None: a table's all at once
    jobs: int | None = None  # worker processes; None: one per core
    verify: bool = True  # also whether the configured assertions are asked
    trust: tuple[str, ...] = ()
    data_directory: str | None = None  # whose key signs the proof, whose signers are believed; None: the configured one
    analyze: bool = True  # collect the planner's statistics
    identity: str | None = None  # an identity file that opens an encrypted backup; None: the configured one


class DrillConfig(Model, frozen=True, kw_only=True):
    """Which backup is drilled, and what its time is compared with."""

    backup_id: str = "latest"
    rto_seconds: float | None = (
        None  # the recovery time objective; None: the configured one, where the database has one
    )
    jobs: int | None = None  # worker processes; None: one per core
    trust: tuple[str, ...] = ()
    data_directory: str | None = None  # whose key signs the proof, whose signers are believed; None: the configured one
    directory: str | None = None  # where a private server stands; None: the configured one, or the data directory
    identity: str | None = None  # an identity file that opens an encrypted backup; None: the configured one


class RecoveryService:
    """Restores backups of one repository into new or empty databases, or into tables where they are.

    ``output_dir`` is the repository's directory, or `s3://bucket/prefix`; None is the configured one. ``listener`` hears what
    happens on the way.
    """

    def __init__(self, output_dir: str | None = None, *, listener: Listener = ignore) -> None:
        self._listener = listener
        if output_dir is None or is_store_url(output_dir):
            self._repository = load_config().repository_target(output_dir)
        else:
            path = Path(output_dir).expanduser().absolute()
            self._repository = RepositoryTarget(name=path.name or "backups", location=str(path))

    async def execute_recovery(self, config: RecoveryConfig, target: DatabaseTarget | str) -> RestoreResult:
        """Restores into ``target`` and compares: a connection URI or string, or a name on the configured server.

        The database is created when it does not exist. Raises `UntrustedSignerError`, `BackupDamagedError`,
        `TargetNotEmptyError`, `RestoreError`, `VerificationError` when the result differs from the backup,
        `ServerError` and its kin.
        """
        return await restore_backup(self._request(config, target), self._listener)

    async def create_recovery_plan(
        self, config: RecoveryConfig, target: DatabaseTarget | str, *, probe: bool = True
    ) -> RecoveryPlan:
        """What `execute_recovery` would do with the same arguments; nothing is changed.

        What keeps it from being executed is in ``refusals`` of the plan. The time is reckoned by a ``probe``, a second's work
        in a temporary table that is rolled back, or else by how long the backup took. Raises what `plan_recovery` does.
        """
        settings = self._settings(config)
        asked = PlanRequest(
            **msgspec.structs.asdict(self._request(config, target)),
            rto_seconds=settings.rto_seconds if settings is not None else None,
            rpo_seconds=settings.rpo_seconds if settings is not None else None,
            probe=probe,
        )
        return await plan_recovery(asked, self._listener)

    def _settings(self, config: RecoveryConfig) -> DatabaseSettings | None:
        """What is configured of the database that was backed up."""
        repository = open_repository(self._repository)
        backup = repository.summary(repository.resolve(config.backup_id))
        return load_config().databases.get(backup.database)

    def _request(self, config: RecoveryConfig, target: DatabaseTarget | str) -> RestoreRequest:
        repository = open_repository(self._repository)
        backup = repository.summary(repository.resolve(config.backup_id))
        settings = self._settings(config) or DatabaseSettings()
        return RestoreRequest(
            repository=self._repository,
            backup_id=backup.id,
            unlocking=unlocking_as_configured(encrypted=backup.encrypted, file=config.identity),
            target=target if isinstance(target, DatabaseTarget) else load_config().restore_target(target),
            tables=config.target_tables,
            exclude=config.exclude_tables,
            strategy=config.strategy,
            dry_run=config.dry_run,
            checkpoint=config.create_checkpoint,
            swap=config.swap,
            batch_size=config.batch_size,
            assertions=settings.asserted,
            assertion_seconds=settings.assertion_timeout_seconds,
            managed=config.managed,
            create_roles=config.create_roles,
            rename_schemas=tuple(config.rename_schemas.items()),
            jobs=config.jobs,
            verify=config.verify,
            trust=config.trust,
            data_directory=config.data_directory or load_config().data_directory,
            analyze=config.analyze,
        )

    async def restore_dump(self, path: str, target: DatabaseTarget | str) -> ForeignRestoreResult:
        """Restores a dump that somebody else made, a script of pg_dump or an archive in custom format.

        ``target`` as for `execute_recovery`; its role must be one that can do no harm outside of that database.

        Raises `RefusedError`, `BackupDamagedError`, `PrivilegeError`, `TargetNotEmptyError`, `RestoreError`, `ServerError` and
        its kin.
        """
        request = ForeignRestoreRequest(
            path=_real_path(path),
            target=target if isinstance(target, DatabaseTarget) else load_config().restore_target(target),
            unlocking=unlocking_as_configured(encrypted=path.endswith(SEALED_SUFFIX), file=None),
        )
        return await restore_foreign(request, self._listener)

    async def plan_dump(self, path: str, target: DatabaseTarget | str) -> ForeignPlan:
        """What `restore_dump` would do with the same arguments, as far as can be told; nothing is changed.

        What keeps it from being restored is in ``refusals`` of the plan. Raises what `plan_foreign` does.
        """
        request = ForeignPlanRequest(
            path=_real_path(path),
            target=target if isinstance(target, DatabaseTarget) else load_config().restore_target(target),
            unlocking=unlocking_as_configured(encrypted=path.endswith(SEALED_SUFFIX), file=None),
        )
        return await plan_foreign(request, self._listener)

    async def restore_imported(self, backup_id: str, target: DatabaseTarget | str) -> ForeignRestoreResult:
        """Restores a dump that was taken into the repository. Raises what `restore_dump` does, `UntrustedSignerError`."""
        repository = open_repository(self._repository)
        backup = repository.summary(repository.resolve(backup_id))
        request = ForeignRestoreRequest(
            repository=self._repository,
            backup_id=backup.id,
            target=target if isinstance(target, DatabaseTarget) else load_config().restore_target(target),
            unlocking=unlocking_as_configured(encrypted=backup.encrypted, file=None),
            data_directory=load_config().data_directory,
        )
        return await restore_foreign(request, self._listener)

    async def drill(self, config: DrillConfig, server: DatabaseTarget | str | None = None) -> DrillResult:
        """Restores a backup into a throw-away database, compares, and keeps the proof, or the failure, and nothing else.

        It is done on a private server, or with ``server`` (a database there, as for `execute_recovery`) on that one. A
        backup that does not restore is no exception: ``ok`` and ``failure`` of the result say so. Raises what
        `drill_backup` does when the drill cannot begin.
        """
        repository = open_repository(self._repository)
        backup = repository.summary(repository.resolve(config.backup_id))
        configured = load_config()
        settings = configured.databases.get(backup.database)
        objective = settings.rto_seconds if settings is not None else None
        request = DrillRequest(
            repository=self._repository,
            backup_id=backup.id,
            where=DrillPlace.PRIVATE if server is None else DrillPlace.SERVER,
            server=configured.database_target(server) if isinstance(server, str) else server,
            directory=config.directory or configured.drill.directory,
            client_tools=settings.client_tools if settings is not None else None,
            rto_seconds=objective if config.rto_seconds is None else config.rto_seconds,
            assertions=settings.asserted if settings is not None else (),
            assertion_seconds=(settings or DatabaseSettings()).assertion_timeout_seconds,
            jobs=config.jobs,
            trust=config.trust,
            unlocking=unlocking_as_configured(encrypted=backup.encrypted, file=config.identity),
            data_directory=config.data_directory or configured.data_directory,
        )
        return await drill_backup(request, self._listener)


def _real_path(path: str) -> str:
    return str(Path(path).expanduser().resolve())
