"""The sample database "Kitchen Pantry": the CRM of a food-service sales agency, made inside PostgreSQL.

The rows come from `generate_series` and hashes of the row's number, never from a clock or a random number: the same
scale gives the same content on every server of PostgreSQL 14 to 18. The newest date is 20 November 2026.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, NamedTuple

import psycopg

from pantry_tui.errors import RefusedError, TargetNotEmptyError, UsageError
from pantry_tui.events import Listener, Logged, PhaseStarted, Progress
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import connect, server_error

DEFAULT_SCALE = 0.02
LARGEST_SCALE = 100.0

# JIT compiles statements of this size for seconds; the zone decides what a timestamp without one means.
SETTINGS = {
    "jit": "off",
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "client_encoding": "UTF8",
    "search_path": "",
    "synchronous_commit": "off",
    "maintenance_work_mem": "256MB",
}


class Step(NamedTuple):
    """One file of `sql/`: what people read about it, and its share of the time."""

    file: str
    title: str
    share: float


STEPS = (
    Step("tables.sql", "Create types and tables", 0.01),
    Step("seed.sql", "Prepare the choices", 0.0),
    Step("words.sql", "Prepare the words", 0.01),
    Step("people.sql", "Users, organizations, contacts", 0.14),
    Step("goods.sql", "Products and prices", 0.08),
    Step("deals.sql", "Opportunities and their lines", 0.24),
    Step("talk.sql", "Interactions and attachments", 0.35),
    Step("oddities.sql", "Values at the edge", 0.0),
    Step("guards.sql", "Keys, indexes, triggers, policies", 0.17),
)


async def create_crm(target: DatabaseTarget, *, scale: float, listener: Listener) -> None:
    """Fills the empty database ``target`` with the CRM; scale 1 is 1.7 million rows, 550 MB as COPY text.

    One transaction: it is there whole or not at all. Raises `UsageError` for a scale out of range,
    `TargetNotEmptyError` when the database holds tables already, `RefusedError` when it is not encoded in UTF8.
    """
    if not 0 < scale <= LARGEST_SCALE:
        raise UsageError(f"the scale {scale:g} is out of range", remedy=f"choose one above 0, up to {LARGEST_SCALE:g}")
    async with await connect(target, application="demo") as connection:
        try:
            await _check(connection, target)
            async with connection.transaction():
                await _configure(connection, scale)
                await _run_steps(connection, listener)
            # Tables by their final size, and pages marked all-visible, as in a database that has been used.
            await connection.execute("VACUUM (ANALYZE)")
        except psycopg.Error as error:
            raise server_error(error, doing=f"creating the sample CRM in {target.name}") from None


async def _check(connection: psycopg.AsyncConnection[tuple[Any, ...]], target: DatabaseTarget) -> None:
    cursor = await connection.execute(
        "SELECT current_setting('server_encoding'), EXISTS (SELECT FROM pg_catalog.pg_class"
        " WHERE relnamespace = 'public'::pg_catalog.regnamespace)"
    )
    row = await cursor.fetchone()
    assert row is not None
    encoding, occupied = row
    if encoding != "UTF8":
        raise RefusedError(
            f"database {target.name} is encoded in {encoding}; the sample CRM has characters of the whole world",
            remedy="create the database with TEMPLATE template0 ENCODING 'UTF8'",
        )
    if occupied:
        raise TargetNotEmptyError(
            f"database {target.name} already holds tables", remedy="create the sample CRM in an empty database"
        )


async def _configure(connection: psycopg.AsyncConnection[tuple[Any, ...]], scale: float) -> None:
    for name, value in {**SETTINGS, "pantry.scale": f"{scale:.6f}"}.items():
        await connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))


async def _run_steps(connection: psycopg.AsyncConnection[tuple[Any, ...]], listener: Listener) -> None:
    done = 0.0
    for step in STEPS:
        listener(PhaseStarted(phase=step.file.removesuffix(".sql"), title=step.title))
        await connection.execute(resources.files("pantry_tui.demo").joinpath("sql", step.file).read_bytes())
        done += step.share
        listener(Progress(share=min(done, 1.0)))
    listener(Logged(message="the sample CRM is complete"))
