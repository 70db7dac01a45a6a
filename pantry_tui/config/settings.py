"""What can be set, with its range and its default.

Every field's `description` completes the sentence "KEY must be …": the messages about a wrong value are made from it,
and so is the table in the documentation.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from pantry_tui.config.hooking import HookSettings
from pantry_tui.config.keeping import RATE_PATTERN, RetentionSettings, bytes_of
from pantry_tui.models import Assertion, Compression, LogFormat, Model


class Tier(StrEnum):
    """How much a database matters, which sets what its recovery may cost in time and in lost data."""

    CRITICAL = "critical"  # back in 2 hours, at most 1 hour of data lost
    STANDARD = "standard"  # 4 hours, 4 hours
    NON_CRITICAL = "non-critical"  # 8 hours, 24 hours

    @property
    def rto_seconds(self) -> float:
        """The recovery time objective: how long it may take until the database is back."""
        return {Tier.CRITICAL: 2, Tier.STANDARD: 4, Tier.NON_CRITICAL: 8}[self] * 3600.0

    @property
    def rpo_seconds(self) -> float:
        """The recovery point objective: how much of what was written may be lost, in time."""
        return {Tier.CRITICAL: 1, Tier.STANDARD: 4, Tier.NON_CRITICAL: 24}[self] * 3600.0


_Text = Annotated[str, Meta(min_length=1, description="a text that is not empty")]
_Directory = Annotated[str, Meta(min_length=1, description="a directory: an absolute path, or one below ~/")]
_File = Annotated[str, Meta(min_length=1, description="a file: an absolute path, or one below ~/")]
_Reference = Annotated[
    str, Meta(description="a reference: env:NAME, file:/path, command:/path arguments or credential:NAME")
]
_Names = Annotated[tuple[str, ...], Meta(description="a list of names of [notifications.NAME], for those of [notify]")]
_Hours = Annotated[float, Meta(gt=0, le=100_000, description="a number of hours above 0, for that of the tier")]
_SslMode = Annotated[
    str,
    Meta(
        pattern="^(disable|allow|prefer|require|verify-ca|verify-full)$",
        description='"disable", "allow", "prefer", "require", "verify-ca" or "verify-full"',
    ),
]


class BackupSettings(Model, frozen=True, kw_only=True):
    """How backups are taken unless the command says otherwise."""

    jobs: Annotated[int, Meta(ge=1, le=64, description="a whole number of processes from 1 to 64")] | None = None
    compression: Annotated[Compression, Meta(description='"gzip", "zstd" or "none"')] = Compression.GZIP
    lock_timeout_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="a number of seconds above 0, at most 3600")
    ] = 10.0
    nice: Annotated[int, Meta(ge=0, le=19, description="a niceness from 0 to 19")] = 0
    max_rate: (
        Annotated[
            str, Meta(pattern=RATE_PATTERN, description='a size such as "20 MB", of rows\' text read in a second')
        ]
        | None
    ) = None

    @property
    def max_bytes_per_second(self) -> int | None:
        """The limit in bytes."""
        return bytes_of(self.max_rate) if self.max_rate is not None else None


class EncryptionSettings(Model, frozen=True, kw_only=True):
    """To whom backups are encrypted, and, on hosts that may read them, with what they are opened.

    Where any recipient is configured, every backup is encrypted. ``identity`` and ``passphrase`` are references.
    """

    recipients: Annotated[tuple[_Text, ...], Meta(description='a list of recipients: ["age1…"]')] = ()
    recipients_file: _File | None = None
    identity: _Reference | None = None
    passphrase: _Reference | None = None

    @property
    def wanted(self) -> bool:
        """Whether backups are to be encrypted, possible or not."""
        return bool(self.recipients or self.recipients_file)


class DrillSettings(Model, frozen=True, kw_only=True):
    """How restore drills are done. ``directory``: where their private servers stand; None: in the data directory."""

    directory: _Directory | None = None


class RunnerSettings(Model, frozen=True, kw_only=True):
    """How the process that does the work behaves."""

    max_jobs: Annotated[int, Meta(ge=1, le=64, description="a whole number of jobs from 1 to 64")] = 3
    history_days: Annotated[int, Meta(ge=1, le=3650, description="a whole number of days from 1 to 3650")] = 30
    log_format: Annotated[LogFormat, Meta(description='"text" or "json"')] = LogFormat.TEXT
    stop_seconds: Annotated[float, Meta(ge=0, le=86400, description="a number of seconds from 0 to 86400")] = 0.0


class SchedulerSettings(Model, frozen=True, kw_only=True):
    """How schedules are worked off. ``max_concurrent_jobs`` counts scheduled jobs, within the runner's ``max_jobs``."""

    max_concurrent_jobs: Annotated[int, Meta(ge=1, le=64, description="a whole number of jobs from 1 to 64")] = 3
    default_retention_days: Annotated[
        int, Meta(ge=1, le=36500, description="a whole number of days from 1 to 36500")
    ] = 30


class DatabaseSettings(Model, frozen=True, kw_only=True):
    """One `[databases.NAME]`: where it is and how it is reached, by libpq's own words.

    ``assertions`` are asked after every recovery of it, each for at most ``assertion_timeout_seconds``.
    ``password`` is a reference (`env:NAME`, `file:/path`, `command:/path args`, `credential:NAME`), never the password.
    """

    url: Annotated[str, Meta(min_length=1, description="a connection URI without a password")] | None = None
    service: _Text | None = None
    host: _Text | None = None
    port: Annotated[int, Meta(ge=1, le=65535, description="a port number from 1 to 65535")] | None = None
    dbname: _Text | None = None
    user: _Text | None = None
    password: _Reference | None = None
    passfile: _File | None = None
    sslmode: _SslMode | None = None
    sslrootcert: _Text | None = None
    sslcert: _Text | None = None
    sslkey: _Text | None = None
    tier: Annotated[Tier, Meta(description='"critical", "standard" or "non-critical"')] = Tier.STANDARD
    rto_hours: _Hours | None = None  # None: the tier's
    rpo_hours: _Hours | None = None
    client_tools: _Directory | None = None
    assertions: Annotated[
        dict[str, str],
        Meta(description='a table of names and queries, each of which returns one true: name = "SELECT …"'),
    ] = msgspec.field(default_factory=dict)
    assertion_timeout_seconds: Annotated[
        float, Meta(gt=0, le=86400, description="a number of seconds above 0, at most 86400")
    ] = 60.0
    retention: Annotated[
        RetentionSettings | None, Meta(description="a table with the keys of [retention], which it replaces as a whole")
    ] = None
    hooks: Annotated[
        HookSettings | None, Meta(description="a table with the keys of [hooks], which it replaces as a whole")
    ] = None
    on_success: _Names | None = None  # None: as [notify] says
    on_failure: _Names | None = None
    ping: _Reference | None = None

    @property
    def rto_seconds(self) -> float:
        """The database's recovery time objective: its own, or its tier's."""
        return self.tier.rto_seconds if self.rto_hours is None else self.rto_hours * 3600.0

    @property
    def rpo_seconds(self) -> float:
        """The database's recovery point objective: its own, or its tier's."""
        return self.tier.rpo_seconds if self.rpo_hours is None else self.rpo_hours * 3600.0

    @property
    def asserted(self) -> tuple[Assertion, ...]:
        """What must be true of the database after a recovery, in the order of the file."""
        return tuple(Assertion(name=name, query=query) for name, query in self.assertions.items())


class RepositorySettings(Model, frozen=True, kw_only=True):
    """One `[repositories.NAME]`: where backups are kept, a directory (``path``) or an object store (``url``).

    What follows ``url`` is of a store alone. ``copy_to`` names the repositories that get a copy of each backup taken here.
    """

    path: _Directory | None = None
    url: (
        Annotated[str, Meta(min_length=1, description='an address without credentials: "s3://bucket/prefix"')] | None
    ) = None
    endpoint: Annotated[str, Meta(min_length=1, description='an address: "https://store.example:9000"')] | None = None
    region: _Text | None = None
    path_style: Annotated[bool, Meta(description="true or false")] | None = None
    ca_file: _File | None = None
    allow_http: Annotated[bool, Meta(description="true or false")] = False
    storage_class: _Text | None = None
    server_side_encryption: (
        Annotated[
            str, Meta(pattern="^(AES256|aws:kms|aws:kms:dsse)$", description='"AES256", "aws:kms" or "aws:kms:dsse"')
        ]
        | None
    ) = None
    kms_key: _Text | None = None
    access_key: _Reference | None = None
    secret_key: _Reference | None = None
    session_token: _Reference | None = None
    bytes_per_second: (
        Annotated[int, Meta(ge=16384, le=1 << 40, description="a whole number of bytes from 16384 to 1099511627776")]
        | None
    ) = None
    retention_policy: (
        Annotated[str, Meta(min_length=1, description="a name of [policies.NAME], for all backups there")] | None
    ) = None
    copy_to: Annotated[tuple[_Text, ...], Meta(description='a list of names of [repositories.NAME]: ["offsite"]')] = ()
