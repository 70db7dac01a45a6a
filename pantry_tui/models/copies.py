"""Copies of backups in other repositories."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pantry_tui.models.base import Model


class CopyCheck(StrEnum):
    """How much of a copy is read back."""

    SAMPLE = "sample"  # the ends of every file, and one part in sixteen of what lies between
    ALL = "all"


class BackupCopy(Model, frozen=True, kw_only=True):
    """What is known, beside a backup, of its copy in another repository."""

    repository: str
    location: str
    copied_at: datetime | None = None  # when it was there for the first time; None: it never was
    verified_at: datetime | None = None  # when it was last read back there, and was what it should be
    ok: bool = False  # how the last attempt to copy or verify it ended
    problem: str = ""  # in words, of one that failed

    @property
    def words(self) -> str:
        """Its state in a word."""
        if self.copied_at is None:
            return "failed"
        return "copied" if self.ok else "doubtful"


class CopiedBackup(Model, frozen=True, kw_only=True):
    """What copying one backup came to. ``sent_bytes`` is what was not there already."""

    backup_id: str
    bytes: int
    sent_bytes: int
    checked_bytes: int  # read back and compared
    seconds: float


class CopyResult(Model, frozen=True, kw_only=True):
    """What a copy job came to: the backups in the order in which they were published, bases before what builds on them."""

    repository: str
    destination: str
    location: str
    copied: tuple[CopiedBackup, ...]
    seconds: float

    @property
    def sent_bytes(self) -> int:
        """What all of them took to send."""
        return sum(each.sent_bytes for each in self.copied)
