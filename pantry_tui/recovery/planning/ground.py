"""What a plan stands on: the backup, the selection, and the server as it is now."""

from __future__ import annotations

from typing import NamedTuple

from pantry_tui.artifact.manifest import Manifest, ServerIdentity, TableEntry
from pantry_tui.artifact.selection import Selection
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.models import PlanRequest, RecoveryWay
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.cron_jobs import CronJobs
from pantry_tui.recovery.limited import Limited
from pantry_tui.recovery.preflight import Segments
from pantry_tui.repository.repository import Repository


class Ground(NamedTuple):
    """Found out once, for all parts of a plan.

    ``there`` are the tables of the target database, by schema and name; none where it does not exist: ``connection`` is to
    another database of the server then. ``is_source``: it is the very database, on the very server, that was backed up.
    ``limited``: what of the selection is restored on a server that others manage; None: it is no such server.
    """

    request: PlanRequest
    repository: Repository
    manifest: Manifest
    toc: tuple[TocEntry, ...]
    selection: Selection
    segments: Segments
    connection: Connection
    identity: ServerIdentity
    name: str
    exists: bool
    way: RecoveryWay
    there: dict[tuple[str, str], SourceTable]
    is_source: bool
    beginning: float  # seconds that it took to get here
    limited: Limited | None = None
    jobs: CronJobs | None = None  # of pg_cron

    @property
    def exchanges(self) -> bool:
        """Whether rows go into tables that are there."""
        return self.way in (RecoveryWay.IN_PLACE, RecoveryWay.EMPTY_TABLES)

    @property
    def entries(self) -> dict[int, TableEntry]:
        """The manifest's tables that are selected."""
        return {index: self.manifest.tables[index] for index in self.selection.tables}

    def standing(self, entry: TableEntry) -> SourceTable | None:
        """The target's table of that name."""
        found = self.there.get((entry.schema, entry.name))
        return found if found is not None and found.kind == "r" else None
