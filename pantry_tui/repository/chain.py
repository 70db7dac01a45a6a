"""The chain of a repository's backups: each names the one of its database that was published before it.

A backup that somebody removed is missing from it; one that this program deleted has left a tombstone. Nothing shows the
removal of the newest backups, which nobody names yet, but the catalog, where that still lists them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from pantry_tui.artifact.manifest import Manifest, PreviousBackup
from pantry_tui.models import Model
from pantry_tui.repository.stored_manifest import StoredManifest
from pantry_tui.repository.tombstones import Tombstone


class Named(NamedTuple):
    """What names a predecessor: a backup, or the tombstone of one."""

    by: str  # in words
    previous: PreviousBackup


class _Source(Model, frozen=True, kw_only=True):
    name: str


class _Whose(Model, frozen=True, kw_only=True):
    """The little of a manifest that says of which database it is; reading the rest takes ten times as long."""

    database: str
    source: _Source


def predecessor(manifest: Manifest, published: Iterable[StoredManifest]) -> PreviousBackup | None:
    """The first of ``published`` (the last one first) that is of the same database."""
    wanted = (manifest.database, manifest.source.name)
    return next((stored.link for stored in published if _database(stored) == wanted), None)


def _database(stored: StoredManifest) -> tuple[str, str] | None:
    try:
        whose = _Whose.from_json(stored.data)
    except (msgspec.DecodeError, UnicodeDecodeError):  # a damaged one says nothing; it shows by itself
        return None
    return whose.database, whose.source.name


class Chain(NamedTuple):
    """What a repository holds, and what names what."""

    names: list[Named]
    present: Mapping[str, PreviousBackup]
    tombstones: Mapping[str, Tombstone]
    unread: Collection[str] = ()  # there, in directories that this user may not enter

    def missing(self) -> list[Named]:
        """What is named and neither there nor deleted on purpose."""
        return [
            named
            for named in self.names
            if not any(named.previous.id in known for known in (self.present, self.tombstones, self.unread))
        ]

    def problems(self) -> list[str]:
        """In words: backups that are gone or were changed, and deletions that did not come to their end."""
        return [
            *(
                f"backup {previous.id} is gone, and this program did not delete it: {by} names it as the one before"
                for by, previous in self.missing()
            ),
            *(
                f"the manifest of backup {previous.id} is not the one that {by} names: it was changed or exchanged"
                for by, previous in self.names
                if self.present.get(previous.id, previous) != previous
            ),
            *(
                f"backup {stone.id} is there, although {stone.by} deleted it on {stone.at:%Y-%m-%d %H:%M} UTC: "
                "the deletion was cut off, or somebody put it back"
                for stone in self.tombstones.values()
                if stone.id in self.present
            ),
        ]
