"""What of a database must be as before, or as wanted: every row, and what recoveries put aside and back."""

from __future__ import annotations

from typing import TypeAlias

from psycopg import sql

from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget, ReleaseRequest
from pantry_tui.recovery.undoing import release
from tests.servers import Row, TestServer

Portrait: TypeAlias = dict[str, list[Row]]

_CHECKPOINTS = "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname, 'pantry_checkpoint_') ORDER BY 1"
_TABLES = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|pantry_checkpoint_)' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
_AROUND = {
    "schemas": "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^(pg_|pantry_checkpoint_)' ORDER BY 1",
    "triggers": "SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
    " ORDER BY 1, 2",
    "rules": "SELECT ev_class::regclass::text, rulename::text, ev_enabled::text FROM pg_rewrite WHERE oid >= 16384"
    " ORDER BY 1, 2",
    "constraints": "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), convalidated"
    " FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^(pg_|pantry_)' AND conrelid <> 0 ORDER BY 1, 2",
    "indexes": "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indexrelid >= 16384"
    " AND indrelid::regclass::text !~ '^pantry_checkpoint_' AND indrelid::regclass::text !~ '^pg_toast' ORDER BY 1",
    "row security": "SELECT oid::regclass::text, relrowsecurity, relforcerowsecurity FROM pg_class"
    " WHERE relkind = 'r' AND relrowsecurity ORDER BY 1",
}


def portrait(server: TestServer, target: DatabaseTarget) -> Portrait:
    """Rows by their text, trigger by trigger, key by key; sequences apart, which no transaction takes back."""
    found = {what: server.execute(target, query) for what, query in _AROUND.items()}
    with server.connect(target) as connection:
        for schema, name in connection.execute(_TABLES).fetchall():
            query = sql.SQL(
                "SELECT count(*), md5(string_agg(every::text, E'\\n' ORDER BY every::text)) FROM ONLY {} every"
            )
            found[f"{schema}.{name}"] = connection.execute(query.format(sql.Identifier(schema, name))).fetchall()
    return found


def checkpoints(server: TestServer, target: DatabaseTarget) -> list[str]:
    """The schemas that are kept to undo recoveries."""
    return [name for (name,) in server.execute(target, _CHECKPOINTS)]


async def forget(server: TestServer, target: DatabaseTarget) -> None:
    """Lets go of all of them."""
    for schema in checkpoints(server, target):
        ((recovery,),) = server.execute(target, f"SELECT document::json ->> 'recovery_id' FROM {schema}.record")
        await release(ReleaseRequest(target=target, undo=recovery), ignore)


def end_sessions(server: TestServer) -> None:
    """Ends what the sessions of a recovery are doing, and waits until they are gone."""
    server.execute(
        "postgres",
        "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE starts_with(application_name, 'pantry-tui')",
    )
