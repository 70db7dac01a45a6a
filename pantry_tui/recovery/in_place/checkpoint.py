"""What undoes a recovery: on the server, in a schema of its own, committed by the transaction that changed the tables.

So it is there exactly when there is something to undo, whatever becomes of this program or its host. For each table it
keeps the rows that were removed and those that were put in, and a fingerprint of the table before and after.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
import psycopg
from psycopg import sql

from pantry_tui.errors import NotFoundError, ServerError
from pantry_tui.models import Model, Strategy
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.in_place.exchange import Places
from pantry_tui.recovery.in_place.missing import Made
from pantry_tui.recovery.in_place.staging import TEMPORARY, stage_name
from pantry_tui.recovery.in_place.standing import KeyColumn, StandingTable

PREFIX = "pantry_checkpoint_"
RECORD = "record"


_RECORDS = """
SELECT n.nspname::text FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
WHERE pg_catalog.starts_with(n.nspname::text, %(prefix)s) AND c.relname = %(record)s AND c.relkind = 'r'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid IN (n.nspowner, c.relowner)
        AND r.rolname <> current_user AND NOT r.rolsuper)
"""


class TableState(Model, frozen=True, kw_only=True):
    """A table's content: how many rows, and their fingerprint."""

    rows: int
    fingerprint: str


class KeptTable(Model, frozen=True, kw_only=True):
    """A table that a recovery changed. ``columns`` are all that can be written, ``number`` is in its tables' names."""

    number: int
    schema: str
    name: str
    columns: tuple[str, ...]
    key: tuple[KeyColumn, ...]
    shape: str
    before: TableState | None  # None: it was not there
    after: TableState

    @property
    def qualified_name(self) -> str:
        """`schema.name`, unquoted, for people."""
        return f"{self.schema}.{self.name}"


class Checkpoint(Model, frozen=True, kw_only=True):
    """What a recovery left to be undone. ``rolled_back_by``: the recovery that did."""

    recovery_id: str
    backup_id: str
    strategy: Strategy
    taken_at: datetime
    tables: tuple[KeptTable, ...]
    made: tuple[Made, ...]  # relations and foreign keys that were not there
    broken: dict[str, int]  # foreign keys that rows broke before the recovery, and how many rows did
    rolled_back_by: str | None = None

    @property
    def schema(self) -> str:
        """The schema that it is in."""
        return schema_of(self.recovery_id)


class Keeping:
    """Where one exchange of tables keeps what it removes and puts in."""

    def __init__(self, recovery_id: str, *, temporary: bool) -> None:
        """``temporary``: only for counting; it is gone with the session."""
        self.temporary = temporary
        self.schema = TEMPORARY if temporary else schema_of(recovery_id)
        self._recovery_id = recovery_id

    async def open(self, connection: Connection) -> None:
        """Makes the schema, in the caller's transaction. Raises `psycopg.Error`."""
        if self.temporary:
            return
        schema = sql.Identifier(self.schema)
        comment = (
            f"Kept to undo recovery {self._recovery_id}. It goes with: pantry-tui recovery release {self._recovery_id}"
        )
        await connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        await connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(schema, sql.Literal(comment)))

    def places(self, table: StandingTable) -> Places:
        """Where a table's rows are, and go."""
        return Places(
            table=sql.Identifier(table.schema, table.name),
            stage=sql.Identifier(TEMPORARY, stage_name(table)),
            removed=self.kept("removed", table.index),
            put=self.kept("put", table.index),
        )

    def kept(self, what: str, number: int) -> sql.Identifier:
        """The table that keeps what of table ``number`` was "removed" or "put"."""
        return sql.Identifier(self.schema, f"{what}_{number}")

    async def record(self, connection: Connection, checkpoint: Checkpoint) -> None:
        """Writes down what is kept. Raises `psycopg.Error`."""
        if self.temporary:
            return
        record = sql.Identifier(self.schema, RECORD)
        await connection.execute(sql.SQL("CREATE TABLE {} (document pg_catalog.text NOT NULL)").format(record))
        await write_record(connection, checkpoint, sql.SQL("INSERT INTO {} VALUES ({})"))


def schema_of(recovery_id: str) -> str:
    """The schema that keeps what undoes that recovery."""
    return PREFIX + recovery_id.lower().replace("-", "_")


async def write_record(connection: Connection, checkpoint: Checkpoint, statement: sql.SQL) -> None:
    """Runs ``statement``, formatted with the record's table and the checkpoint as text."""
    record = sql.Identifier(checkpoint.schema, RECORD)
    await connection.execute(statement.format(record, sql.Literal(checkpoint.to_json().decode())))


async def checkpoints(connection: Connection) -> list[Checkpoint]:
    """Those of this connection's database, the newest first.

    What they say is acted upon with this role's rights, so only those count that this role or a superuser has made.
    """
    found = []
    for (schema,) in await (await connection.execute(_RECORDS, {"prefix": PREFIX, "record": RECORD})).fetchall():
        read = sql.SQL("SELECT document FROM {}").format(sql.Identifier(schema, RECORD))
        row = await (await connection.execute(read)).fetchone()
        if row is not None:
            found.append(_decoded(schema, row[0]))
    return sorted(found, key=lambda checkpoint: checkpoint.taken_at, reverse=True)


async def find_checkpoint(connection: Connection, recovery_id: str) -> Checkpoint:
    """The checkpoint of that recovery. Raises `NotFoundError`, `ServerError` and its kin."""
    try:
        found = await checkpoints(connection)
    except psycopg.Error as error:
        raise server_error(error, doing="looking for checkpoints") from error
    for checkpoint in found:
        if checkpoint.recovery_id == recovery_id:
            return checkpoint
    there = ", ".join(checkpoint.recovery_id for checkpoint in found) or "none"
    raise NotFoundError(
        f"database {connection.info.dbname} has no checkpoint of recovery {recovery_id[:80]!r}",
        remedy=f"it was released, never taken, or is in another database; those here: {there}",
    )


async def lock_checkpoint(connection: Connection, checkpoint: Checkpoint, *, seconds: float) -> Checkpoint:
    """The checkpoint as it is now, which nobody changes before the caller's transaction ends.

    Raises `psycopg.Error` (55P03: another rollback of it is at work, 42P01: it was released).
    """
    await connection.execute(f"SET LOCAL lock_timeout = {int(seconds * 1000)}".encode())
    read = sql.SQL("SELECT document FROM {} FOR UPDATE").format(sql.Identifier(checkpoint.schema, RECORD))
    row = await (await connection.execute(read)).fetchone()
    return checkpoint if row is None else _decoded(checkpoint.schema, row[0])


async def release(connection: Connection, checkpoint: Checkpoint) -> int:
    """Drops what a checkpoint keeps, and returns how many rows that were; nothing can be undone by it from then on.

    Raises `ServerError`: also when something that is not ours has come to depend on it.
    """
    schema = checkpoint.schema
    # Of a table that the recovery made there was nothing to keep.
    keeping = [table for table in checkpoint.tables if table.before is not None]
    names = [f"{what}_{table.number}" for table in keeping for what in ("removed", "put")]
    tables = sql.SQL(", ").join(sql.Identifier(schema, name) for name in [*names, RECORD])
    counts = sql.SQL(" + ").join(
        [
            sql.SQL("0"),
            *(sql.SQL("(SELECT pg_catalog.count(*) FROM {})").format(sql.Identifier(schema, name)) for name in names),
        ]
    )
    try:
        async with connection.transaction():
            row = await (await connection.execute(sql.SQL("SELECT {}").format(counts))).fetchone()
            await connection.execute(sql.SQL("DROP TABLE {}").format(tables))
            await connection.execute(sql.SQL("DROP SCHEMA {}").format(sql.Identifier(schema)))
    except psycopg.Error as error:
        raise server_error(error, doing=f"releasing the checkpoint of {checkpoint.recovery_id}") from error
    return int(row[0]) if row is not None else 0


def _decoded(schema: str, document: str) -> Checkpoint:
    try:
        return Checkpoint.from_json(document)
    except msgspec.ValidationError as error:
        raise ServerError(
            f"schema {schema} holds no checkpoint that this version can read",
            remedy="look at its tables removed_… and put_…: they are what that recovery took out and brought",
            detail=str(error),
        ) from error
