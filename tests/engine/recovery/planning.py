"""Planning in tests, and seeing that nothing has changed by it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, PlanRequest, RecoveryPlan, RepositoryTarget
from pantry_tui.recovery.planning.service import plan_recovery
from tests.engine.backup.taking import data_directory_of
from tests.servers import TestServer

_STATE = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'),
    (SELECT count(*) FROM pg_database), (SELECT count(*) FROM pg_roles), (SELECT count(*) FROM pg_locks WHERE granted) > 0,
    (SELECT md5(string_agg(x.t, '' ORDER BY x.t)) FROM (SELECT c.relname || c.relfilenode || c.relhasindex AS t
        FROM pg_class c WHERE c.oid >= 16384) x)
"""


async def plan(target: DatabaseTarget, repository: RepositoryTarget, **fields: object) -> RecoveryPlan:
    """The plan of restoring the newest backup, or another."""
    request = PlanRequest(
        repository=repository,
        backup_id="latest",
        target=target,
        swap=True,
        data_directory=data_directory_of(repository),
        probe=False,
    )
    return await plan_recovery(msgspec.structs.replace(request, **fields), ignore)


def state(server: TestServer, target: DatabaseTarget, repository: RepositoryTarget) -> tuple[object, ...]:
    """What would differ if anything had been changed: on the server and in the repository."""
    files = {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(Path(repository.location).rglob("*"))
        if path.is_file()
    }
    return (server.execute(target, _STATE), files)
