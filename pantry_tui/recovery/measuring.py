"""The figures of a recovery that succeeded, for those who reckon what the next one will take."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import psycopg

from pantry_tui.errors import PantryError
from pantry_tui.models import Measurement, RestoreRequest, RestoreResult
from pantry_tui.postgres.introspect import server_identity
from pantry_tui.postgres.workers import default_worker_count
from pantry_tui.recovery.database import maintenance_session
from pantry_tui.repository.opening import open_repository


async def with_measurement(
    request: RestoreRequest, result: RestoreResult, phases: Mapping[str, float]
) -> RestoreResult:
    """The result with its figures; as it is where the server does not say which it is, or nothing was done in earnest."""
    if result.violations:
        return result
    try:
        async with await maintenance_session(request.target) as connection:
            identity = await server_identity(connection)
        manifest = open_repository(request.repository, request.data_directory).manifest(result.backup_id)
    except (PantryError, psycopg.Error):
        return result  # it is for reckoning alone: no reason to call a recovery failed
    restored = {(table.schema, table.name) for table in result.tables}
    tables = [table for table in manifest.tables if (table.schema, table.name) in restored]
    measured = Measurement(
        id=result.id,
        at=result.finished_at,
        server=identity.system_identifier,
        host=identity.host,
        database=manifest.database,
        backup_id=result.backup_id,
        way=result.way,
        dry_run=result.dry_run,
        jobs=request.jobs or default_worker_count(),
        raw_bytes=sum(table.raw_bytes for table in tables),
        rows=sum(table.rows for table in tables),
        tables=len(tables),
        phases={name: round(seconds, 4) for name, seconds in phases.items()},
    )
    return msgspec.structs.replace(result, measured=measured)
