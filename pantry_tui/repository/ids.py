"""Backup ids: `20261123T020000Z-daily-7f3a`.

They sort by time, are file names everywhere, and hold nothing of a name that could be read as anything else.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from pantry_tui.errors import NotFoundError, UsageError

LATEST = "latest"
SECOND = len("20261123T020000Z")  # of an id: the second in which the backup was begun
LONGEST_NAME = 100
LONGEST_LABEL = 200

_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # C0 and C1, halves of characters, separators of lines and paragraphs

_LONGEST_SLUG = 40
_SHAPE = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?-[0-9a-f]{4}", re.ASCII)
_PREFIX = re.compile(r"[0-9][0-9TZa-z-]{0,61}", re.ASCII)


def require_name(name: str) -> None:
    """Checks that a backup can be called so. Raises `UsageError` for what is empty, long, or steers a terminal."""
    if not name.strip():
        raise UsageError("the name of a backup is empty", remedy="give it one, such as: daily")
    _require_one_line(name, "the name of a backup", LONGEST_NAME)


def require_origin(name: str) -> None:
    """Checks that a foreign dump can be listed as of this database. Raises `UsageError` as `require_name` does."""
    if not name.strip():
        raise UsageError("the name of the dump's database is empty", remedy="say whose dump it is, such as: shop")
    _require_one_line(name, "the name of the dump's database", LONGEST_NAME)


def require_label(text: str) -> None:
    """Checks that a backup can be labelled so; empty is no label. Raises `UsageError` as `require_name` does."""
    _require_one_line(text, "the label of a backup", LONGEST_LABEL)


def _require_one_line(text: str, what: str, longest: int) -> None:
    if len(text) > longest:
        raise UsageError(f"{what} has {len(text):,} characters", remedy=f"use at most {longest} of them")
    if any(unicodedata.category(character) in _CONTROLS for character in text):
        raise UsageError(f"{what} has control characters: {text!r}", remedy="leave them out")


def slug(name: str) -> str:
    """``name`` in at most 40 lower-case ASCII letters, digits and single hyphens; `backup` when nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG].rstrip("-") or "backup"


def new_backup_id(name: str, at: datetime) -> str:
    """A new id for a backup called ``name`` that starts ``at`` (aware). Raises ValueError for a naive time."""
    if at.tzinfo is None:
        raise ValueError("the time of a backup needs a time zone")
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{slug(name)}-{os.urandom(2).hex()}"


def is_backup_id(text: str) -> bool:
    """Whether ``text`` has the shape of an id; nothing else ever becomes part of a path."""
    return _SHAPE.fullmatch(text) is not None


def match_reference(reference: str, ids: Sequence[str], *, where: str) -> str:
    """The one id that ``reference`` names: the id itself or the beginning of exactly one.

    Raises `NotFoundError`, which lists the candidates when there are several.
    """
    if is_backup_id(reference) and reference in ids:
        return reference
    found = [known for known in ids if known.startswith(reference)] if _PREFIX.fullmatch(reference) else []
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        raise NotFoundError(
            f"{reference!r} is the beginning of {len(found)} backups in {where}", remedy=f"give more of it: {shown}"
        )
    raise NotFoundError(
        f"{where} has no backup {_shown(reference)}", remedy="list the backups with: pantry-tui backup list"
    )


def _shown(reference: str) -> str:
    return repr(reference if len(reference) <= 80 else reference[:80] + "…")
