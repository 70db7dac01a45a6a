"""Examining this machine: the configuration and the directories that it names."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from pantry_tui.config.configuration import Config
from pantry_tui.config.references import resolve_reference
from pantry_tui.errors import ConfigError
from pantry_tui.models import Finding, FindingStatus

LEAST_FREE_BYTES = 1024**3
_UNIT = 1024**3


def examine_machine(config: Config, databases: Sequence[str | None]) -> list[Finding]:
    """What there is to say about the configuration of ``databases``, the data directory and the repositories."""
    return [
        *examine_configuration(config, databases),
        examine_directory("data_directory", config.data_directory, private=True),
        *(
            examine_directory("repository", found.path, name=name)
            for name, found in config.repositories.items()
            if found.path is not None
        ),
        *examine_textfile(config.monitoring.textfile),
    ]


def examine_configuration(config: Config, databases: Sequence[str | None]) -> list[Finding]:
    """Where the configuration comes from, and each of ``databases`` that it cannot resolve."""
    subject = config.path or "environment"
    problems = [
        Finding(
            check="configuration",
            subject=subject,
            status=FindingStatus.PROBLEM,
            message=error.message,
            remedy=error.remedy,
        )
        for error in configuration_problems(config, databases)
    ]
    read = f"read from {config.path}" if config.path else "no file; from the environment and defaults"
    return problems or [
        Finding(check="configuration", subject=subject, status=FindingStatus.OK, message=f"Configuration {read}")
    ]


def configuration_problems(config: Config, databases: Sequence[str | None]) -> list[ConfigError]:
    """What keeps any of ``databases`` from being used, as far as can be told without connecting."""
    problems = []
    for name in databases:
        try:
            config.database_target(name)
        except ConfigError as error:
            problems.append(error)
    return problems


def notification_problems(config: Config) -> list[ConfigError]:
    """What keeps anybody from being told, as far as can be told without connecting."""
    problems = []
    for name, settings in config.notifications.items():
        for field, what in (("url", "address"), ("password", "password")):
            reference = getattr(settings, field)
            if reference is None:
                continue
            try:
                resolve_reference(reference, config.environment, key=f"notifications.{name}.{field}", what=what)
            except ConfigError as error:
                problems.append(error)
    return problems


def repository_problems(config: Config) -> list[ConfigError]:
    """What keeps any repository from being used, as far as can be told without looking at it."""
    problems = []
    for name, settings in config.repositories.items():
        for field in ("access_key", "secret_key", "session_token"):
            if (reference := getattr(settings, field)) is None:
                continue
            try:
                resolve_reference(reference, config.environment, key=f"repositories.{name}.{field}", what="key")
            except ConfigError as error:
                problems.append(error)
    return problems


def database_choices(config: Config) -> list[str | None]:
    """Every database of the configuration; None among them is the default that the environment names.

    Several databases without a default are fine: each is named with -d.
    """
    unnamed: list[str | None] = [None] if not config.databases or config.url_variable() else []
    return [*config.databases, *unnamed]


def free_bytes(directory: str) -> int | None:
    """Free space for us in the file system of ``directory``, or of the parent that exists."""
    try:
        return shutil.disk_usage(_existing(Path(directory))).free
    except OSError:
        return None


def examine_directory(check: str, location: str, *, name: str | None = None, private: bool = False) -> Finding:
    """One directory of ours: there or possible, ours, writable by nobody else, with room.

    ``private`` ones belong to one user, so that not two of them keep a catalog and a runner each.
    """
    path = Path(location)
    existing = _existing(path)
    what = f"{'Data directory' if private else f'Repository {name}'} {path}"

    def finding(status: FindingStatus, message: str, remedy: str | None = None) -> Finding:
        return Finding(check=check, subject=location, status=status, message=f"{what} {message}", remedy=remedy)

    status, there = existing.stat(), existing == path
    if not stat.S_ISDIR(status.st_mode):
        return finding(FindingStatus.PROBLEM, f"cannot be: {existing} is no directory", "Choose another path.")
    if there and private and status.st_uid != os.geteuid():
        owner = f"belongs to another user (uid {status.st_uid})"
        return finding(FindingStatus.PROBLEM, owner, "Run as that user, or set DATA_DIR to a directory of your own.")
    if not os.access(existing, os.W_OK | os.X_OK):
        return finding(
            FindingStatus.PROBLEM, f"cannot be written ({existing})", f"Run: chown {os.geteuid()} {existing}"
        )
    if there and status.st_mode & 0o022:
        return finding(FindingStatus.PROBLEM, "can be written by others", f"Run: chmod 700 {path}")
    if there and status.st_mode & 0o055:
        return finding(FindingStatus.WARNING, "can be read by others", f"Run: chmod 700 {path}")
    free = free_bytes(location)
    if free is not None and free < LEAST_FREE_BYTES:
        little = "is on a full file system" if free == 0 else f"has little room: {_size(free)} free"
        return finding(FindingStatus.PROBLEM, little, "Free space on that file system, or choose another one.")
    room = "" if free is None else f", {_size(free)} free"
    return finding(FindingStatus.OK, ("is ready" if there else "will be created") + room)


def examine_textfile(path: str | None) -> list[Finding]:
    """Whether the metrics for node_exporter can be put there; nothing where they are not wanted."""
    if path is None:
        return []
    parent = Path(path).parent
    writable = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    return [
        Finding(
            check="textfile",
            subject=path,
            status=FindingStatus.OK if writable else FindingStatus.WARNING,
            message=f"Metrics go to {path}" if writable else f"Metrics cannot go to {path}: {parent} cannot be written",
            remedy=None if writable else f"Make the directory, and let user {os.geteuid()} write there.",
        )
    ]


def _size(free: int) -> str:
    return f"{free / _UNIT:,.1f} GiB" if free >= _UNIT else f"{free / 1024**2:,.1f} MiB"


def _existing(path: Path) -> Path:
    """The path itself, or the nearest parent that is there (nothing below an unreadable directory is)."""
    for candidate in (path, *path.parents):
        try:
            candidate.stat()
        except OSError:
            continue
        return candidate
    return Path("/")
