"""What is asked for, as the recovery itself would understand it: which way, which tables, what of them may be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.selection import Selection, select_tables
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.models import PlanRequest
from pantry_tui.recovery.cron_jobs import CronJobs, without_cron
from pantry_tui.recovery.limited import Limited, fit_to_managed, limit, stand
from pantry_tui.recovery.renaming.names import require_names, require_of_backup
from pantry_tui.recovery.way import goes_in_place


class Asked(NamedTuple):
    """``request`` without what others manage, ``toc`` the selected entries. ``limited``: None where nobody else manages.

    ``jobs``: what of pg_cron is kept out of it, and comes last.
    """

    request: PlanRequest
    toc: tuple[TocEntry, ...]
    selection: Selection
    in_place: bool
    limited: Limited | None
    jobs: CronJobs | None


async def understood(request: PlanRequest, manifest: Manifest, toc: Sequence[TocEntry]) -> Asked:
    """Decides as the recovery does, in its order.

    Raises `UsageError` and `NotFoundError` for names of schemas and tables, and what connecting raises.
    """
    if request.rename_schemas:
        require_names(request)
        require_of_backup(request.rename_schemas, toc, manifest.id, manifest.kind)
    standing = await stand(request.target) if request.managed else None
    in_place = False
    if request.rename_schemas and standing is not None:  # it is restored into a working database, where all is its own
        standing = msgspec.structs.replace(standing, exists=False, others=(), holds=None, extensions=())
    elif not request.rename_schemas:
        if standing is not None:
            request, in_place = await fit_to_managed(request, manifest)
        in_place = in_place or await goes_in_place(request, manifest)
    selection = select_tables(manifest, toc, request.tables, request.exclude)
    chosen = tuple(toc)
    if selection.entries is not None:
        wanted = set(selection.entries)
        chosen = tuple(entry for entry in toc if entry.id in wanted)
    limited = None
    if standing is not None and not in_place:
        limited = limit(manifest, selection, chosen, standing)
        selection, chosen = limited.selection, limited.entries
    selection, chosen, jobs = without_cron(manifest, selection, chosen)
    return Asked(request, chosen, selection, in_place, limited, jobs)
