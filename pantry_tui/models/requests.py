"""What the runner can be asked to do."""

from __future__ import annotations

from pantry_tui.models.around import Around
from pantry_tui.models.assertions import Assertion
from pantry_tui.models.base import Model
from pantry_tui.models.copies import CopyCheck
from pantry_tui.models.drills import DrillPlace
from pantry_tui.models.kinds import BackupFormat, BackupKind, BackupSelection, Compression, Strategy
from pantry_tui.models.measurements import Measurement
from pantry_tui.models.targets import DatabaseTarget, RepositoryTarget


class Unlocking(Model, frozen=True, kw_only=True):
    """The identities that open encrypted backups, as `AGE-SECRET-KEY-…` each. Secret: repr does not show them."""

    identities: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Unlocking({len(self.identities)} identities)"


class BackupRequest(Model, frozen=True, kw_only=True, tag="backup", tag_field="type"):
    """Take a backup of ``database`` into ``repository``."""

    database: DatabaseTarget
    repository: RepositoryTarget
    name: str
    kind: BackupKind = BackupKind.FULL
    format: BackupFormat = BackupFormat.SQL
    compression: Compression = Compression.GZIP
    selection: BackupSelection = BackupSelection()
    batch_size: int | None = None  # most rows of a segment; None: by size alone
    recipients: tuple[str, ...] = ()  # whom the backup is encrypted to; none: it is not
    jobs: int | None = None  # worker processes; None: one per core
    max_rate: int | None = None  # bytes of rows' text that are read in a second, by all of them together
    fingerprints: bool = True
    base: str | None = None  # of an incremental one; None: the newest that can be
    or_full: bool = False  # where no incremental one can be, take a full one
    lock_timeout_seconds: float = 10.0
    schedule: str | None = None  # that has it taken; stands in the backup, which its retention goes by
    around: Around = Around()
    started_by: str = ""
    data_directory: str | None = None  # whose key signs; the runner puts its own in


class ValidateRequest(Model, frozen=True, kw_only=True, tag="validate", tag_field="type"):
    """Read a backup back, whole."""

    repository: RepositoryTarget
    backup_id: str
    unlocking: Unlocking = Unlocking()
    around: Around = Around()
    started_by: str = ""
    data_directory: str | None = None  # whose key signs and whose signers are trusted; the runner puts its own in


class RestoreRequest(Model, frozen=True, kw_only=True, tag="restore", tag_field="type"):
    """Restore a backup and compare the result: into a new or empty database, or into tables where they are.

    ``target`` names server and database: the database is created when it does not exist. ``tables`` selects some tables
    (`schema.name` as the backup lists them), ``exclude`` takes some out; empty means all. A ``dry_run`` does everything and
    takes it back; ``checkpoint``: keep on the server what undoes it. ``rename_schemas``: pairs of the name that a schema has in
    the backup and the one that it is to have; a database that is there then gets it beside what it has. ``trust`` names
    signers that are believed this once besides those that always are: fingerprints, or `unsigned` for a backup without
    a signature.
    """

    repository: RepositoryTarget
    backup_id: str
    target: DatabaseTarget
    tables: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    strategy: Strategy = Strategy.REPLACE
    dry_run: bool = False
    checkpoint: bool = True
    rename_schemas: tuple[tuple[str, str], ...] = ()
    managed: bool = False  # others manage the server: leave theirs alone, tell what the role may not make
    create_roles: bool = False  # make roles that the target's server lacks, as the backup's globals have them
    swap: bool = False  # a whole database that is there is exchanged for the restored one, and kept
    lock_timeout_seconds: float = 10.0
    jobs: int | None = None
    batch_size: int | None = None  # in place: most rows that one statement exchanges; None: a table's all at once
    verify: bool = True  # also whether the assertions are asked
    assertions: tuple[Assertion, ...] = ()  # what must be true of the result
    assertion_seconds: float = 60.0  # how long each may take
    trust: tuple[str, ...] = ()
    analyze: bool = True  # collect the planner's statistics
    unlocking: Unlocking = Unlocking()
    proof: bool = True  # record beside the backup that it compared equal; a drill writes a record of its own
    recovery_id: str | None = None  # the runner puts in the job's; None: a new one
    around: Around = Around()
    started_by: str = ""
    data_directory: str | None = None  # whose key signs and whose signers are trusted; the runner puts its own in


class PlanRequest(RestoreRequest, frozen=True, kw_only=True, tag="plan", tag_field="type"):
    """Find out what that restore would do, and change nothing.

    ``measurements`` are of earlier recoveries; the runner puts in those of its catalog. ``probe``: where they do not serve,
    time a second's work on the server, in a temporary table of a transaction that is rolled back.
    """

    rto_seconds: float | None = None
    rpo_seconds: float | None = None
    measurements: tuple[Measurement, ...] = ()
    probe: bool = True
    options: tuple[str, ...] | None = None  # the command line's, to be told again; None: made from the request


class DrillRequest(Model, frozen=True, kw_only=True, tag="drill", tag_field="type"):
    """Restore a backup to see whether it does, and keep nothing of it but the proof.

    ``server`` is any database of the server that a drill on `DrillPlace.SERVER` works on. ``directory`` is where private
    servers stand, ``client_tools`` a directory with programs of one; None: in the data directory, and what is installed.
    """

    repository: RepositoryTarget
    backup_id: str
    where: DrillPlace = DrillPlace.PRIVATE
    server: DatabaseTarget | None = None
    directory: str | None = None
    client_tools: str | None = None
    rto_seconds: float | None = None  # the objective that its time is compared with
    assertions: tuple[Assertion, ...] = ()  # what must be true of the result
    assertion_seconds: float = 60.0
    jobs: int | None = None
    trust: tuple[str, ...] = ()
    unlocking: Unlocking = Unlocking()
    drill_id: str | None = None  # the runner puts in the job's; None: a new one
    around: Around = Around()
    started_by: str = ""
    data_directory: str | None = None  # whose key signs and whose signers are trusted; the runner puts its own in


class RollbackRequest(Model, frozen=True, kw_only=True, tag="rollback", tag_field="type"):
    """Undo the recovery ``undo`` of ``target``. ``force``: also where rows have changed since."""

    target: DatabaseTarget
    undo: str
    force: bool = False
    lock_timeout_seconds: float = 10.0
    recovery_id: str | None = None  # of the rollback itself; the runner puts in the job's
    around: Around = Around()
    started_by: str = ""
    data_directory: str | None = None  # the runner puts its own in


class ReleaseRequest(Model, frozen=True, kw_only=True, tag="release", tag_field="type"):
    """Drop what would undo the recovery ``undo`` of ``target``."""

    target: DatabaseTarget
    undo: str
    started_by: str = ""
    data_directory: str | None = None  # the runner puts its own in


class ForeignRestoreRequest(Model, frozen=True, kw_only=True, tag="foreign_restore", tag_field="type"):
    """Restore a dump that somebody brought into a new or empty database, as a role that is no superuser.

    ``path`` is absolute: a script of pg_dump, plain or packed, or an archive. Without one ``repository`` and ``backup_id``
    name a dump that was taken into a repository; ``trust`` is then as for `RestoreRequest`.
    """

    target: DatabaseTarget
    path: str | None = None
    repository: RepositoryTarget | None = None
    backup_id: str | None = None
    trust: tuple[str, ...] = ()
    analyze: bool = True  # collect the planner's statistics
    unlocking: Unlocking = Unlocking()  # for one that ends in .age
    recovery_id: str | None = None  # the runner puts in the job's; None: a new one
    around: Around = Around()
    started_by: str = ""
    data_directory: str | None = None  # of the runner, which puts its own in


class ForeignPlanRequest(ForeignRestoreRequest, frozen=True, kw_only=True, tag="foreign_plan", tag_field="type"):
    """Find out what restoring that dump would do, as far as can be told, and change nothing."""

    options: tuple[str, ...] | None = None  # the command line's, to be told again; None: made from the request


class ImportRequest(Model, frozen=True, kw_only=True, tag="import", tag_field="type"):
    """Take a dump that somebody brought into ``repository``, as it is; ``path`` is absolute.

    ``database`` is whose dump it is, in the repository's lists.
    """

    path: str
    repository: RepositoryTarget
    name: str
    database: str
    recipients: tuple[str, ...] = ()  # whom it is encrypted to; none: it is not
    unlocking: Unlocking = Unlocking()  # for one that ends in .age
    started_by: str = ""
    data_directory: str | None = None  # whose key signs; the runner puts its own in


class DiffRequest(Model, frozen=True, kw_only=True, tag="diff", tag_field="type"):
    """Compare a backup with ``database`` as it is now."""

    repository: RepositoryTarget
    backup_id: str
    database: DatabaseTarget
    jobs: int | None = None  # connections; None: one per core
    lock_timeout_seconds: float = 10.0
    started_by: str = ""
    data_directory: str | None = None  # whose signers are trusted; the runner puts its own in


class CopyRequest(Model, frozen=True, kw_only=True, tag="copy", tag_field="type"):
    """Copy a backup, with the base that it builds on, to another repository, and read it back there.

    What is there already is not sent again. Without ``backup_id`` every backup of ``database`` (None: of all) that is neither
    there nor was deleted there; and of those that are there, so many are read back as ``recheck`` says: those of which it is
    longest ago.
    """

    repository: RepositoryTarget
    destination: RepositoryTarget
    backup_id: str | None = None
    database: str | None = None
    check: CopyCheck = CopyCheck.SAMPLE
    recheck: int = 0
    around: Around = Around()
    started_by: str = ""
    data_directory: str | None = None  # whose key signs and whose signers are trusted; the runner puts its own in


STANDARD_OUTPUT = "-"  # in the place of a file


class ExportRequest(Model, frozen=True, kw_only=True, tag="export", tag_field="type"):
    """Write what a backup holds into a new file, whole or some tables of it, in its own or another format.

    ``output`` is an absolute path, whose ending says how it is compressed and whether it is encrypted; of a request that
    `-` is written for, the bytes go where the caller says. ``tables`` are names or patterns (`sales.*`); none: all.
    """

    repository: RepositoryTarget
    backup_id: str
    output: str
    format: BackupFormat | None = None  # None: the backup's own
    tables: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()  # whom the file is encrypted to; none: it is not
    unlocking: Unlocking = Unlocking()
    trust: tuple[str, ...] = ()  # fingerprints of signers to believe besides those of the data directory
    data_directory: str | None = None  # whose signers are believed
    started_by: str = ""


def export_formats(backup: BackupFormat, kind: BackupKind) -> tuple[BackupFormat, ...]:
    """The formats that a backup can be exported to without a server, its own first."""
    if backup is BackupFormat.JSON:
        return (BackupFormat.JSON,)
    if kind not in (BackupKind.FULL, BackupKind.INCREMENTAL):
        return (backup,)
    return (backup, BackupFormat.CSV if backup is BackupFormat.SQL else BackupFormat.SQL)


JobRequest = (
    BackupRequest
    | ValidateRequest
    | CopyRequest
    | RestoreRequest
    | PlanRequest
    | ForeignRestoreRequest
    | ForeignPlanRequest
    | ImportRequest
    | DrillRequest
    | RollbackRequest
    | ReleaseRequest
    | DiffRequest
    | ExportRequest
)


class MarkRequest(Model, frozen=True, kw_only=True):
    """What to mark a backup with; None leaves that as it is, an empty label takes it off."""

    pinned: bool | None = None
    label: str | None = None
