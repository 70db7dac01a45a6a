"""What is kept of the last look: `DATA_DIR/health.json`, so that the next one knows since when, and what has changed."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import write_atomically
from pantry_tui.models import Health, Model
from pantry_tui.monitoring.facts import ChainSeen, FilesSeen, TrailSeen

HEALTH_NAME = "health.json"
AGAIN_SECONDS = 24 * 3600.0  # what takes long to read is read once a day
LONG_SECONDS = 0.4


class Kept(Model, frozen=True, kw_only=True):
    """The last health, and what it was judged by as far as the next look goes on from there."""

    health: Health | None = None
    files: tuple[FilesSeen, ...] = ()
    chains: tuple[ChainSeen, ...] = ()
    trail: TrailSeen | None = None

    def known(self, location: str, backup_id: str) -> FilesSeen | None:
        """The last look at a backup's files."""
        return next((each for each in self.files if (each.location, each.backup_id) == (location, backup_id)), None)

    def chain(self, location: str) -> ChainSeen | None:
        """The last look at a repository's manifests."""
        return next((each for each in self.chains if each.location == location), None)


class Found(Kept, frozen=True, kw_only=True):
    """What a look that came to its end leaves to be kept."""

    health: Health


def is_due(last: ChainSeen | TrailSeen | None, now: datetime) -> bool:
    """Whether to read it again: at each look, or once a day where that takes long. What was found amiss is looked at."""
    if last is None or last.problems or last.seconds < LONG_SECONDS:
        return True
    return not 0 <= (now - last.at).total_seconds() < AGAIN_SECONDS


def read_kept(directory: Path) -> Kept:
    """What is kept in a data directory; nothing where that cannot be read."""
    with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Kept.from_json((directory / HEALTH_NAME).read_bytes())
    return Kept()


def write_kept(directory: Path, kept: Kept) -> None:
    """Keeps it; where there is no room the next look knows less, and no harm is done."""
    with contextlib.suppress(OSError):
        write_atomically(directory / HEALTH_NAME, kept.to_json())
