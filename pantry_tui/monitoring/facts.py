"""What is known of databases, repositories and this host when their health is judged: values, wherever they come from."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from pantry_tui.models import BackupSummary, ExpectedRun, Finding, Job, Model, ScheduleStatus

CLOCKS_DIFFER = timedelta(minutes=5)  # by which a backup of another host may seem to be of the future


class ServerSeen(Model, frozen=True, kw_only=True, tag="server"):
    """What examining a database found. ``cause``: the same for databases of one server."""

    database: str
    cause: str = ""
    findings: tuple[Finding, ...] = ()


class RepositorySeen(Model, frozen=True, kw_only=True, tag="repository"):
    """A directory with its file system. ``problem``: what keeps it from being used, in words."""

    name: str
    location: str
    free_bytes: int | None = None
    total_bytes: int | None = None
    device: int | None = None  # two of one device share their room
    problem: str | None = None
    has_disk: bool = True  # a store has none, or tells nobody of it


class FilesSeen(Model, frozen=True, kw_only=True, tag="files"):
    """A backup's files as they were found. ``stamp`` changes with their sizes and times; ``hashed_at`` None: not read."""

    location: str
    backup_id: str
    stamp: str
    problems: tuple[str, ...] = ()
    hashed_at: datetime | None = None
    too_large: bool = False  # changed since they were read last, and too much to be read at once


class ChainSeen(Model, frozen=True, kw_only=True, tag="chain"):
    """What reading all manifests of a repository found amiss with their signatures and their chain."""

    location: str
    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    at: datetime


class TrailSeen(Model, frozen=True, kw_only=True, tag="trail"):
    """What reading the audit trail found amiss."""

    problems: tuple[str, ...] = ()
    seconds: float = 0.0
    at: datetime


class ProofSeen(Model, frozen=True, kw_only=True, tag="proof"):
    """How long the restore took that proves a database's backups."""

    database: str
    seconds: float


Seen = ServerSeen | RepositorySeen | FilesSeen | ChainSeen | TrailSeen | ProofSeen


class Objectives(Model, frozen=True, kw_only=True):
    """What a database's recovery may cost, in seconds."""

    tier: str
    rpo_seconds: float
    rto_seconds: float


class ScheduleFacts(Model, frozen=True, kw_only=True):
    """A schedule, its runs (those due last first), and the databases that it is of."""

    status: ScheduleStatus
    runs: tuple[ExpectedRun, ...] = ()
    databases: tuple[str, ...] = ()
    gap_seconds: float | None = None  # the longest between two of its runs


class DatabaseFacts(Model, frozen=True, kw_only=True):
    """A database. ``backups`` of all repositories and ``jobs`` (backups that are over), newest first.

    ``server`` None: it was not asked, or did not answer in time. ``scheduled_gap_seconds``: the longest between two runs of
    the enabled schedules that back all of it up; None: there is none.
    """

    name: str
    objectives: Objectives
    backups: tuple[BackupSummary, ...] = ()
    jobs: tuple[Job, ...] = ()
    files: tuple[FilesSeen, ...] = ()
    server: ServerSeen | None = None
    proof_seconds: float | None = None
    scheduled_gap_seconds: float | None = None
    next_run_at: datetime | None = None


class HostFacts(Model, frozen=True, kw_only=True):
    """This host, its data directory and its runner."""

    data_directory: RepositorySeen | None = None
    repositories: tuple[RepositorySeen, ...] = ()
    silent: tuple[str, ...] = ()  # repositories that did not answer in time
    chains: tuple[ChainSeen, ...] = ()
    trail: TrailSeen | None = None
    catalog_problems: tuple[str, ...] = ()
    runner_stays: bool = True
    schedules_enabled: int = 0
    untold: tuple[str, ...] = ()  # who could not be told, and why
    jumped_seconds: float = 0.0
    unreadable: dict[str, str] = msgspec.field(
        default_factory=dict
    )  # backups without a manifest that can be read: why, by their id
    days_left: dict[str, float] = msgspec.field(
        default_factory=dict
    )  # until a repository is full, by its location, where a trend is known
