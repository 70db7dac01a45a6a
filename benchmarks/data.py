"""The two databases that are measured: the sample CRM, and pgbench's one big table.

Each is made once per server, under a name that says its size, and is there whole or not at all.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from pantry_tui.config.targets import target_with_database
from pantry_tui.demo.crm import create_crm
from pantry_tui.events import ignore
from pantry_tui.models import DatabaseTarget

CRM_MEGABYTES = 548  # of COPY text at scale 1
WARM_SECONDS = 1.5
PGBENCH_MEGABYTES = 9.88  # of COPY text for each of pgbench's units of 100,000 accounts


def crm(server: DatabaseTarget, megabytes: int = 500) -> DatabaseTarget:
    """The sample CRM with about that much COPY text; ``server`` names any database of the server."""

    def fill(target: DatabaseTarget) -> None:
        asyncio.run(create_crm(target, scale=megabytes / CRM_MEGABYTES, listener=ignore))

    return _provide(server, f"crm_{megabytes}", fill)


def pgbench(server: DatabaseTarget, megabytes: int = 500) -> DatabaseTarget:
    """pgbench's tables with about that much COPY text, made by the server's own pgbench."""
    scale = max(1, round(megabytes / PGBENCH_MEGABYTES))

    def fill(target: DatabaseTarget) -> None:
        assert target.client_tools is not None
        subprocess.run(
            [Path(target.client_tools) / "pgbench", "--initialize", "--quiet", f"--scale={scale}", target.conninfo],
            check=True,
            capture_output=True,
        )

    return _provide(server, f"pgbench_{megabytes}", fill)


def create(server: DatabaseTarget, name: str) -> DatabaseTarget:
    """An empty database of that name, whatever was there before."""
    drop(server, name)
    execute(server, sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))
    return target_with_database(server, name)


def drop(server: DatabaseTarget, name: str) -> None:
    """Removes a database, if it is there."""
    execute(server, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def settle(server: DatabaseTarget) -> None:
    """Has the server write what it still holds back, so that the next measurement does not pay for it.

    Meanwhile a runner prepares the process of its next job, which takes it half a second on a machine that is at rest.
    """
    execute(server, sql.SQL("CHECKPOINT"))
    time.sleep(WARM_SECONDS)


def execute(target: DatabaseTarget, statement: sql.SQL | sql.Composed) -> None:
    """Runs one statement outside a transaction."""
    with psycopg.connect(target.conninfo, autocommit=True) as connection:
        connection.execute(statement)


def _provide(server: DatabaseTarget, name: str, fill: Callable[[DatabaseTarget], None]) -> DatabaseTarget:
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        found = connection.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,)).fetchone()
    if found is None:
        unfinished = f"{name}_unfinished"
        fill(create(server, unfinished))
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        execute(server, rename.format(sql.Identifier(unfinished), sql.Identifier(name)))
        settle(server)
    return target_with_database(server, name)
