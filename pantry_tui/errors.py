"""Every error this program reports, as one tree.

Each says what happened, why, and what to do next, and each class has an exit status of its own::

    PantryError                        1
    ├── UsageError                     2   the command or request cannot be meant
    ├── ConfigError                    3   the configuration is wrong: file, key and remedy
    ├── NotFoundError                  4   an identifier that nothing answers to
    ├── RefusedError                   5   a protection or a missing confirmation stopped it
    │   ├── TargetNotEmptyError        6   a restore would mix with what is already there
    │   ├── UntrustedSignerError       7   nobody who is trusted here signed the backup
    │   ├── BaseUnusableError          8   no incremental backup can build on that base
    │   └── BackupUnderWayError        9   another backup of the database is at work, perhaps of another host
    ├── ServerError                    10  PostgreSQL answered with an error
    │   ├── ServerUnreachableError     11
    │   ├── AuthenticationError        12
    │   ├── DatabaseMissingError       13
    │   ├── PrivilegeError             14  also: a role under row-level security
    │   ├── ClientToolError            15  pg_dump and friends missing, too old or failing
    │   ├── LockTimeoutError           16
    │   ├── ConnectionLostError        17
    │   ├── DatabaseChangedError       18  tables changed while they were being locked
    │   └── TooManyConnectionsError    19  the server or the role has no connection left
    ├── StorageError                   20  reading or writing files failed
    │   ├── DiskFullError              21
    │   ├── BackupDamagedError         22  stored bytes are not what was written
    │   ├── StoreUnreachableError      23  an object store does not answer, or only with faults of its own
    │   └── StoreAccessError           24  an object store refuses this host: credentials, rights, a lock
    ├── EncryptionError                25  encryption is wanted and cannot be done
    │   ├── WrongKeyError              26  no key that was given opens it; also a wrong passphrase
    │   ├── KeyMissingError            27  a key or passphrase is needed, and none is given or configured
    │   └── ContentsUnreadError        28  the stored bytes are intact, the contents unread
    ├── RestoreError                   30  a statement of the restore failed
    │   └── VerificationError          31  the restored database differs from the backup
    ├── RunnerError                    40  the runner cannot be reached or started
    │   └── RunnerBusyError            41  another runner holds the data directory
    ├── NotificationError              45  somebody could not be told
    │   └── NotificationRefusedError   46  and will not be, as long as nothing is changed
    ├── JobError                       50  a job ended without a result
    │   ├── WorkerDiedError            51  a process of the job was killed
    │   ├── InterruptedJobError        52  the runner stopped in the middle of the job
    │   ├── TimedOutError              53
    │   ├── CancelledError             54
    │   └── HookError                  55  a command before or after the job failed
    ├── TerminalError                  60  the terminal cannot show the application
    ├── HealthWarningError             65  `monitor health` found what somebody should look at
    │   └── HealthCriticalError        66  `monitor health` found what may cost a database
    └── InternalError                  70  a defect of this program
"""

from __future__ import annotations

from typing import ClassVar


class PantryError(Exception):
    """Something this program can explain.

    ``message`` says what happened and names the thing; ``remedy`` says what to do next;
    ``detail`` keeps what the server or tool said, word for word.
    """

    exit_status: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, remedy: str | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.detail = detail

    def __str__(self) -> str:
        return self.message


class UsageError(PantryError):
    """The command or request cannot be meant as it stands."""

    exit_status = 2
    code = "usage"


class ConfigError(PantryError):
    """The configuration is wrong; the message names file and key."""

    exit_status = 3
    code = "config"


class NotFoundError(PantryError):
    """An identifier that nothing answers to."""

    exit_status = 4
    code = "not_found"


class RefusedError(PantryError):
    """A protection, or a confirmation that was not given, stopped the operation."""

    exit_status = 5
    code = "refused"


class TargetNotEmptyError(RefusedError):
    """The restore's target already holds objects."""

    exit_status = 6
    code = "target_not_empty"


class UntrustedSignerError(RefusedError):
    """Nobody who is trusted here signed the backup."""

    exit_status = 7
    code = "untrusted_signer"


class BaseUnusableError(RefusedError):
    """No incremental backup can build on that base, or there is none: the message says why."""

    exit_status = 8
    code = "base_unusable"


class BackupUnderWayError(RefusedError):
    """Another backup of the same database is at work, started from this host or another one."""

    exit_status = 9
    code = "backup_under_way"


class ServerError(PantryError):
    """PostgreSQL answered with an error that has no class of its own here."""

    exit_status = 10
    code = "server"


class ServerUnreachableError(ServerError):
    """No server answers at that address."""

    exit_status = 11
    code = "server_unreachable"


class AuthenticationError(ServerError):
    """The server refused the role or its password."""

    exit_status = 12
    code = "authentication"


class DatabaseMissingError(ServerError):
    """The server has no database of that name."""

    exit_status = 13
    code = "database_missing"


class PrivilegeError(ServerError):
    """The role may not do what the operation needs, or would see only some rows."""

    exit_status = 14
    code = "privilege"


class ClientToolError(ServerError):
    """pg_dump, pg_restore or pg_dumpall is missing, does not fit the server, or failed."""

    exit_status = 15
    code = "client_tool"


class LockTimeoutError(ServerError):
    """A lock was not granted in time."""

    exit_status = 16
    code = "lock_timeout"


class ConnectionLostError(ServerError):
    """The connection broke in the middle of the work."""

    exit_status = 17
    code = "connection_lost"


class DatabaseChangedError(ServerError):
    """Tables kept changing while they were being locked."""

    exit_status = 18
    code = "database_changed"


class TooManyConnectionsError(ServerError):
    """The server, the database or the role has no connection left."""

    exit_status = 19
    code = "too_many_connections"


class StorageError(PantryError):
    """Files could not be read or written."""

    exit_status = 20
    code = "storage"


class DiskFullError(StorageError):
    """The file system has no room, or a quota is used up."""

    exit_status = 21
    code = "disk_full"


class BackupDamagedError(StorageError):
    """Stored bytes are not what was written."""

    exit_status = 22
    code = "backup_damaged"


class StoreUnreachableError(StorageError):
    """An object store does not answer, or only with faults of its own; trying again may help."""

    exit_status = 23
    code = "store_unreachable"


class StoreAccessError(StorageError):
    """An object store refuses what this host asks for: its credentials, its rights, or a lock on the object."""

    exit_status = 24
    code = "store_access"


class EncryptionError(PantryError):
    """Encryption is wanted and cannot be done."""

    exit_status = 25
    code = "encryption"


class WrongKeyError(EncryptionError):
    """None of the given identities, or not this passphrase, opens what is encrypted."""

    exit_status = 26
    code = "wrong_key"


class KeyMissingError(EncryptionError):
    """A key or passphrase is needed, and none is given or configured."""

    exit_status = 27
    code = "key_missing"


class ContentsUnreadError(EncryptionError):
    """An encrypted backup's stored bytes are what was written; its contents could not be read without an identity."""

    exit_status = 28
    code = "contents_unread"


class RestoreError(PantryError):
    """A statement of the restore failed; the target is not usable."""

    exit_status = 30
    code = "restore_failed"


class VerificationError(RestoreError):
    """Everything was loaded, but the result differs from the backup."""

    exit_status = 31
    code = "verification_failed"


class RunnerError(PantryError):
    """The runner cannot be reached or started."""

    exit_status = 40
    code = "runner"


class RunnerBusyError(RunnerError):
    """Another runner holds the data directory."""

    exit_status = 41
    code = "runner_busy"


class NotificationError(PantryError):
    """Somebody who was to be told could not be; nothing else failed."""

    exit_status = 45
    code = "notification"


class NotificationRefusedError(NotificationError):
    """A service refuses what it is to tell somebody, and will again: the address, the password or the message is wrong."""

    exit_status = 46
    code = "notification_refused"


class JobError(PantryError):
    """A job ended without a result."""

    exit_status = 50
    code = "job"


class WorkerDiedError(JobError):
    """A process of the job was killed from outside."""

    exit_status = 51
    code = "worker_died"


class InterruptedJobError(JobError):
    """The runner stopped in the middle of the job."""

    exit_status = 52
    code = "interrupted"


class TimedOutError(JobError):
    """The job took longer than it was allowed to."""

    exit_status = 53
    code = "timed_out"


class CancelledError(JobError):
    """Somebody cancelled the job."""

    exit_status = 54
    code = "cancelled"


class HookError(JobError):
    """A command that was to run before or after the job failed, or took too long."""

    exit_status = 55
    code = "hook"


class TerminalError(PantryError):
    """The terminal cannot show the application."""

    exit_status = 60
    code = "terminal"


class HealthWarningError(PantryError):
    """`monitor health` found something that somebody should look at, or that it could not judge."""

    exit_status = 65
    code = "health_warning"


class HealthCriticalError(HealthWarningError):
    """`monitor health` found something that may cost a database."""

    exit_status = 66
    code = "health_critical"


class InternalError(PantryError):
    """A defect of this program."""

    exit_status = 70
    code = "internal"


def _tree(root: type[PantryError]) -> list[type[PantryError]]:
    return [root, *(found for child in root.__subclasses__() for found in _tree(child))]


def error_classes() -> list[type[PantryError]]:
    """Every class of the tree, parents before children."""
    return _tree(PantryError)


def error_from_code(code: str, message: str, *, remedy: str | None = None, detail: str | None = None) -> PantryError:
    """Makes the error again that another process reported by its ``code``."""
    for candidate in error_classes():
        if candidate.code == code:
            return candidate(message, remedy=remedy, detail=detail)
    return InternalError(message, remedy=remedy, detail=detail)
