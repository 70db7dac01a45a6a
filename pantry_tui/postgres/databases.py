"""The databases of a server."""

from __future__ import annotations

import psycopg

from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import open_catalog
from pantry_tui.postgres.unverified import is_unverified

_DATABASES = """
SELECT datname::text FROM pg_catalog.pg_database
WHERE datallowconn AND NOT datistemplate AND datconnlimit <> -2 ORDER BY 1
"""  # -2: one whose removal was cut off, which nobody can connect to


async def list_databases(target: DatabaseTarget) -> list[str]:
    """The names of all databases of ``target``'s server but templates and those of restores that are not done.

    Raises `ServerError` and its kin.
    """
    async with await open_catalog(target, application="databases") as connection:
        try:
            rows = await (await connection.execute(_DATABASES)).fetchall()
        except psycopg.Error as error:
            raise server_error(error, doing="listing the databases") from error
    names = [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name, *_ in rows]
    return [name for name in names if not is_unverified(name)]
