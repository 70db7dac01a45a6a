"""The statements that make a table what a strategy says, from a stage beside it.

What changes is always removed first and put in afterwards, an updated row too: so no order of rows can run into a unique
index (two rows that swap a value), and identity columns, which no UPDATE may set, need no exception. What was removed and
what was put in is kept in two tables of the same columns: that is what can be undone, and what is counted.

Rows are told apart by the table's key, and by their whole text where there is none (equal rows then by their number).
Contents are compared as text, which tells 1.0 from 1.00 and needs no equality of the type: json has none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from psycopg import sql

from pantry_tui.errors import InternalError
from pantry_tui.models import Strategy
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.in_place.batches import Batched
from pantry_tui.recovery.in_place.standing import StandingTable

_SIGNS = re.compile(r"[-+*/<>=~!@#%^&|`?]{1,63}")


class Places(NamedTuple):
    """Where the rows of an exchange are, each a qualified name."""

    table: sql.Identifier
    stage: sql.Identifier
    removed: sql.Identifier
    put: sql.Identifier


class Exchange:
    """The statements for one table."""

    def __init__(self, table: StandingTable, places: Places) -> None:
        self._table = table
        self._names = places._asdict()

    def keep(self, *, temporary: bool) -> list[sql.Composed]:
        """Makes the two tables that keep what is removed and put in."""
        kind = sql.SQL("TEMPORARY " if temporary else "")
        make = sql.SQL("CREATE {}TABLE {} AS SELECT * FROM ONLY {} WITH NO DATA")
        return [make.format(kind, self._names[name], self._names["table"]) for name in ("removed", "put")]

    def remove(self, strategy: Strategy) -> sql.Composed | None:
        """Removes the rows that the strategy does not leave as they are; None: it leaves all."""
        if strategy is Strategy.APPEND:
            return None
        if not self._table.key:
            return self._removing_numbered(self._is_unpaired)
        return self._removing(self._is_to_go(strategy))

    def remove_by_batches(self, strategy: Strategy) -> Batched | None:
        """The same, for some of the rows at a time."""
        if strategy is Strategy.APPEND:
            return None
        if self._table.key:
            condition = self._is_to_go(strategy)
            find = self._format(
                sql.SQL("SELECT t.ctid AS place FROM ONLY {table} t WHERE {condition}"), condition=condition
            )
        else:
            find = self._places(self._names["table"], self._is_unpaired)
        return Batched(find, lambda places: self._removing(sql.SQL("t.ctid = ANY ({})").format(places)))

    def put_in(self) -> list[sql.Composed]:
        """Puts in the staged rows that are not there. What columns of the table the backup lacks keeps its value."""
        if not self._table.key:
            return [self._put_unpaired()]
        statements = [self._put_joined()] if self._table.added else []
        source = self._format(
            sql.SQL("SELECT {columns} FROM {stage} s WHERE {absent}"),
            columns=sql.SQL(", ").join(self._list("s", self._table.columns)),
            absent=self._is_absent,
        )
        return [*statements, self._putting(source, self._table.columns)]

    def put_in_by_batches(self) -> list[Batched]:
        """The same, for some of the rows at a time; each looks for its rows when those before it are done."""
        if not self._table.key:
            unpaired = sql.SQL("NOT EXISTS ({})").format(self._pair_of(self._names["table"]))
            return [Batched(self._places(self._names["stage"], unpaired), self._put_places)]
        absent = self._format(sql.SQL("SELECT s.ctid AS place FROM {stage} s WHERE {absent}"), absent=self._is_absent)
        if not self._table.added:
            return [Batched(absent, self._put_places)]
        known = self._format(
            sql.SQL("SELECT s.ctid AS place FROM {stage} s JOIN {removed} d ON {match}"), match=self._match("s", "d")
        )
        return [Batched(known, self._put_joined), Batched(absent, self._put_places)]

    def count(self) -> sql.Composed:
        """One row: rows removed, rows put in, and how many of them are two states of one row."""
        both: sql.Composable = sql.SQL("0")
        if self._table.key:
            both = self._format(
                sql.SQL("(SELECT pg_catalog.count(*) FROM {removed} d JOIN {put} i ON {match})"),
                match=self._match("d", "i"),
            )
        return self._format(
            sql.SQL(
                "SELECT (SELECT pg_catalog.count(*) FROM {removed}), (SELECT pg_catalog.count(*) FROM {put}), {both}"
            ),
            both=both,
        )

    def missing(self, strategy: Strategy) -> sql.Composed:
        """One row: how many staged rows are not in the table as they should be, how many are staged, how many are there."""
        if self._table.key:
            same = sql.SQL("") if strategy is Strategy.APPEND else self._format(sql.SQL(" AND {text_s} = {text_t}"))
            absent = self._format(
                sql.SQL(
                    "(SELECT pg_catalog.count(*) FROM {stage} s WHERE NOT EXISTS "
                    "(SELECT FROM ONLY {table} t WHERE {match}{same}))"
                ),
                match=self._match("s", "t"),
                same=same,
            )
        else:
            absent = self._format(
                sql.SQL("(SELECT pg_catalog.count(*) FROM ({staged}) s WHERE NOT EXISTS ({pair}))"),
                staged=self._numbered(self._names["stage"]),
                pair=self._pair_of(self._names["table"]),
            )
        return self._format(
            sql.SQL(
                "SELECT {absent}, (SELECT pg_catalog.count(*) FROM {stage}), (SELECT pg_catalog.count(*) FROM ONLY {table})"
            ),
            absent=absent,
        )

    def take_back(self, undone: Places) -> tuple[sql.Composed, sql.Composed]:
        """Undoes the exchange that ``undone`` keeps; ``columns`` of the table are all that can be written.

        First what was put in goes, with what stands in the way of what comes back; then comes back what was removed.
        """
        parts = {"its_put": undone.put, "its_removed": undone.removed}
        if self._table.key:
            condition = self._format(
                sql.SQL(
                    "EXISTS (SELECT FROM {its_put} i WHERE {put_match}) "
                    "OR EXISTS (SELECT FROM {its_removed} d WHERE {removed_match})"
                ),
                put_match=self._match("i", "t"),
                removed_match=self._match("d", "t"),
                **parts,
            )
            removing = self._removing(condition)
        else:
            removing = self._removing_numbered(sql.SQL("EXISTS ({})").format(self._pair_of(undone.put)))
        names = sql.SQL(", ").join(map(sql.Identifier, self._table.columns))
        source = self._format(sql.SQL("SELECT {names} FROM {its_removed}"), names=names, **parts)
        return removing, self._putting(source, self._table.columns)

    @property
    def _is_unpaired(self) -> sql.Composed:
        """The condition on a row of the table, `s`, that the stage has no other of its text and number."""
        return sql.SQL("NOT EXISTS ({})").format(self._pair_of(self._names["stage"]))

    @property
    def _is_absent(self) -> sql.Composed:
        """The condition on a staged row, `s`, that the table has none of its key."""
        return self._format(
            sql.SQL("NOT EXISTS (SELECT FROM ONLY {table} t WHERE {match})"), match=self._match("s", "t")
        )

    def _is_to_go(self, strategy: Strategy) -> sql.Composed:
        """The condition on a row of the table, `t`, that it does not stay as it is."""
        if strategy is Strategy.MERGE:
            condition = sql.SQL("EXISTS (SELECT FROM {stage} s WHERE {match} AND {text_s} <> {text_t})")
        else:
            condition = sql.SQL("NOT EXISTS (SELECT FROM {stage} s WHERE {match} AND {text_s} = {text_t})")
        return self._format(condition, match=self._match("s", "t"))

    def _places(self, of: sql.Identifier, condition: sql.Composable) -> sql.Composed:
        return sql.SQL("SELECT s.place FROM ({}) s WHERE {}").format(self._numbered(of), condition)

    def _put_joined(self, places: sql.Composable | None = None) -> sql.Composed:
        """Puts in rows that were removed in another state, with what the columns that the backup lacks had."""
        source = self._format(
            sql.SQL("SELECT {known} FROM {stage} s JOIN {removed} d ON {match}{some}"),
            known=sql.SQL(", ").join(self._list("s", self._table.columns) + self._list("d", self._table.added)),
            match=self._match("s", "d"),
            some=sql.SQL("") if places is None else sql.SQL(" WHERE s.ctid = ANY ({})").format(places),
        )
        return self._putting(source, (*self._table.columns, *self._table.added))

    def _put_places(self, places: sql.Composable) -> sql.Composed:
        source = self._format(
            sql.SQL("SELECT {columns} FROM {stage} s WHERE s.ctid = ANY ({places})"),
            columns=sql.SQL(", ").join(self._list("s", self._table.columns)),
            places=places,
        )
        return self._putting(source, self._table.columns)

    def _removing(self, condition: sql.Composable) -> sql.Composed:
        return self._format(
            sql.SQL(
                "WITH gone AS (DELETE FROM ONLY {table} t WHERE {condition} RETURNING {whole}) "
                "INSERT INTO {removed} SELECT {kept} FROM gone"
            ),
            condition=condition,
        )

    def _removing_numbered(self, condition: sql.Composable) -> sql.Composed:
        return self._format(
            sql.SQL(
                "WITH gone AS (DELETE FROM ONLY {table} WHERE ctid IN "
                "(SELECT s.place FROM ({there}) s WHERE {condition}) RETURNING {whole}) "
                "INSERT INTO {removed} SELECT {kept} FROM gone"
            ),
            there=self._numbered(self._names["table"]),
            condition=condition,
        )

    def _put_unpaired(self) -> sql.Composed:
        source = self._format(
            sql.SQL(
                "SELECT {columns} FROM {stage} o WHERE ctid IN (SELECT s.place FROM ({staged}) s WHERE NOT EXISTS ({pair}))"
            ),
            columns=sql.SQL(", ").join(self._list("o", self._table.columns)),
            staged=self._numbered(self._names["stage"]),
            pair=self._pair_of(self._names["table"]),
        )
        return self._putting(source, self._table.columns)

    def _putting(self, source: sql.Composable, columns: tuple[str, ...]) -> sql.Composed:
        return self._format(
            sql.SQL("WITH come AS ({insert} RETURNING {whole}) INSERT INTO {put} SELECT {kept} FROM come"),
            insert=self._insert(source, columns),
        )

    def _insert(self, source: sql.Composable, columns: tuple[str, ...]) -> sql.Composed:
        names = sql.SQL("({}) ").format(sql.SQL(", ").join(map(sql.Identifier, columns))) if columns else sql.SQL("")
        return self._format(
            sql.SQL("INSERT INTO {table} {names}OVERRIDING SYSTEM VALUE {source}"), names=names, source=source
        )

    def _numbered(self, of: sql.Identifier) -> sql.Composed:
        """The rows of a place: where each stands, its text, and the how-manieth of that text it is."""
        return self._format(
            sql.SQL(
                "SELECT r.ctid AS place, {text} AS content, "
                "pg_catalog.row_number() OVER (PARTITION BY {text}) AS number FROM ONLY {rows} r"
            ),
            text=self._text("r"),
            rows=of,
        )

    def _pair_of(self, of: sql.Identifier) -> sql.Composed:
        return self._format(
            sql.SQL("SELECT FROM ({rows}) o WHERE o.content = s.content AND o.number = s.number"),
            rows=self._numbered(of),
        )

    def _match(self, one: str, other: str) -> sql.Composed:
        return sql.SQL(" AND ").join(
            sql.SQL("{}.{} OPERATOR({}.{}) {}.{}").format(
                sql.SQL(one),
                sql.Identifier(column.name),
                sql.Identifier(column.operator_schema),
                _operator(column.operator),
                sql.SQL(other),
                sql.Identifier(column.name),
            )
            for column in self._table.key
        )

    def _text(self, alias: str) -> sql.Composed:
        columns = sql.SQL(", ").join(self._list(alias, self._table.columns))
        return sql.SQL("ROW({})::pg_catalog.text").format(columns)

    def _list(self, alias: str, columns: tuple[str, ...]) -> list[sql.Composed]:
        return [sql.SQL("{}.{}").format(sql.SQL(alias), sql.Identifier(name)) for name in columns]

    def _format(self, template: sql.SQL, **parts: sql.Composable) -> sql.Composed:
        # A table may have no column, and rows all the same; RETURNING wants one.
        has_columns = bool(self._table.columns or self._table.added)
        whole, kept = (sql.SQL("*"), sql.SQL("*")) if has_columns else (sql.SQL("true"), sql.SQL(""))
        texts = {"text_s": self._text("s"), "text_t": self._text("t")}
        return template.format(**self._names, **texts, whole=whole, kept=kept, **parts)


class Effects(NamedTuple):
    """How many rows were put in, exchanged for another state of theirs, and removed for good."""

    inserted: int
    updated: int
    deleted: int


async def effects(connection: Connection, exchange: Exchange) -> Effects:
    """What an exchange has done, by what it kept."""
    row = await (await connection.execute(exchange.count())).fetchone()
    removed, put, both = row or (0, 0, 0)
    return Effects(put - both, both, removed - both)


def _operator(name: str) -> sql.SQL:
    """An operator as SQL: it is never quoted, and made of signs alone. Raises `InternalError` for anything else."""
    if not _SIGNS.fullmatch(name):
        raise InternalError(f"{name[:40]!r} is no operator")
    return sql.SQL(name)
