"""What an examination of this machine or a database found."""

from __future__ import annotations

from enum import StrEnum

from pantry_tui.models.base import Model


class FindingStatus(StrEnum):
    """How good or bad a finding is."""

    OK = "ok"
    WARNING = "warning"  # it works, but somebody should know
    PROBLEM = "problem"  # backups fail or cannot be trusted


class Finding(Model, frozen=True, kw_only=True):
    """What an examination of this machine or a database found, and what to do about it."""

    check: str  # a stable word: "reachable", "client_tools", "row_security" …
    subject: str  # the database, directory or file that was looked at
    status: FindingStatus
    message: str
    remedy: str | None = None
    sql: str | None = None  # statements that mend it
