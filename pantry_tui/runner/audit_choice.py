"""Choosing entries of the audit trail."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase

from pantry_tui.models import AuditEntry, Model

_NAMES = ("title", "name", "database", "repository", "backup")  # of what an entry is about, among its details


class AuditChoice(Model, frozen=True, kw_only=True):
    """What is looked for. Texts are a part of what is meant, or a pattern of all of it, with `*` and `?`."""

    since: datetime | None = None
    who: str | None = None
    action: str | None = None
    object: str | None = None

    def takes(self, entry: AuditEntry) -> bool:
        """Whether the entry is one of them."""
        named = (entry.details.get(name) for name in _NAMES)
        return (
            (self.since is None or entry.at >= self.since)
            and _found(self.who, [entry.who])
            and _found(self.action, [entry.action])
            and _found(self.object, [entry.object, *(text for text in named if isinstance(text, str))])
        )


def _found(words: str | None, texts: list[str]) -> bool:
    return words is None or any(words in text or fnmatchcase(text, words) for text in texts)
