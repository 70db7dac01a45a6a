"""Whether a schedule can be meant, before it is taken in."""

from __future__ import annotations

import unicodedata

from pantry_tui.config.restoring import is_address
from pantry_tui.errors import UsageError
from pantry_tui.models import Schedule
from pantry_tui.repository.ids import require_name
from pantry_tui.schedule.cron import parse_cron
from pantry_tui.schedule.occurrences import time_zone

_LONGEST_WORD = 200
_YEAR = 366 * 86400.0


def check_schedule(schedule: Schedule) -> None:
    """Checks everything that can be told from the schedule alone.

    Raises `UsageError`, also where something secret would be written down: an address of a database, or of whom to tell.
    """
    require_name(schedule.name)
    parse_cron(schedule.cron, with_seconds=schedule.seconds)
    time_zone(schedule.timezone)
    _check_kind(schedule)
    _check_references(schedule)
    _check_numbers(schedule)


def _check_kind(schedule: Schedule) -> None:
    if not schedule.kind.takes_backup and not schedule.selection.is_everything:
        raise UsageError(
            f"a schedule of kind {schedule.kind} takes no backup, so it selects no tables",
            remedy="leave the patterns out: it works on backups that are there, whatever they hold",
        )


def _check_references(schedule: Schedule) -> None:
    if schedule.database is not None and is_address(schedule.database):
        raise UsageError(
            "a schedule refers to its database by a name, and an address is none: it may hold a password",
            remedy="give the database a name in the configuration ([databases.NAME]; pantry-tui config init writes "
            "one) and schedule that, or set DATABASE_URL for the runner too and leave -d out",
        )
    for what, words in (
        ("tag", schedule.tags),
        ("one to tell of success", schedule.on_success),
        ("one to tell of failure", schedule.on_failure),
    ):
        for word in words:
            _check_word(what, word)
    if any("://" in word for word in (*schedule.on_success, *schedule.on_failure)):
        raise UsageError(
            "whom a schedule tells is given by a name, and a URL is none: it may hold a token",
            remedy="give it a name in the configuration ([notifications.NAME]) and use that",
        )


def _check_word(what: str, word: str) -> None:
    steering = any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in word)
    if not word.strip() or len(word) > _LONGEST_WORD or steering:
        raise UsageError(
            f"{word[:_LONGEST_WORD]!r} cannot be a {what} of a schedule",
            remedy=f"use from 1 to {_LONGEST_WORD} printable characters",
        )


def _check_numbers(schedule: Schedule) -> None:
    timeout = schedule.timeout_seconds
    for what, value, least, most in (
        ("retention in days", 1 if schedule.retention_days is None else schedule.retention_days, 1, 36_500),
        ("number of retries", schedule.retries, 0, 20),
        ("time to the first retry in seconds", schedule.retry_seconds, 1, 86_400),
        ("timeout in seconds", 1 if timeout is None else timeout, 1, _YEAR),
        ("time that a run may be late in seconds", schedule.missed_seconds, 1, _YEAR),
    ):
        if not least <= value <= most:
            raise UsageError(f"the {what} cannot be {value:,}", remedy=f"choose from {least:,} to {most:,.0f}")
