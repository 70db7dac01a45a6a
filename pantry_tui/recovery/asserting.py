"""The owner's own assertions: queries that must return one row with one true when everything has been restored.

Each is asked as a subquery, alone, in a transaction that can write nothing, and under a time limit: so whatever it says, it
changes nothing and ends no transaction. Names without a schema are looked up in `"$user", public`, in every way of recovery
alike: a database that is not in place yet does not have its own settings.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import psycopg

from pantry_tui.errors import VerificationError
from pantry_tui.models import Assertion, AssertionOutcome, DatabaseTarget, RestoreRequest
from pantry_tui.postgres.connect import server_error
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import quoted_names, writable_session

_BOOLEAN = 16  # the type's oid, the same in every database
_SHOWN_CHARACTERS = 200
_SHOWN_VALUES = 5


class _Answer(NamedTuple):
    """What came back: the number of rows, as far as they were fetched, and the first one."""

    rows: int
    types: tuple[int, ...]
    values: tuple[str | None, ...]


async def assert_database(target: DatabaseTarget, request: RestoreRequest) -> tuple[AssertionOutcome, ...]:
    """Asks the request's assertions of a database; returns what each came to.

    Raises `VerificationError` naming those that do not hold, `ServerError` and its kin.
    """
    if not request.assertions:
        return ()
    async with await writable_session(target) as connection:
        try:
            await connection.execute("BEGIN READ ONLY")
            outcomes = await ask(connection, request)
            await connection.execute("ROLLBACK")
        except psycopg.Error as error:
            raise server_error(error, doing="asking the assertions") from error
    require_all(outcomes)
    return outcomes


async def ask(connection: Connection, request: RestoreRequest) -> tuple[AssertionOutcome, ...]:
    """Asks the request's assertions within the caller's transaction, which goes on as it was. Raises `psycopg.Error`."""
    return tuple([await _ask(connection, each, request.assertion_seconds) for each in request.assertions])


def failures(outcomes: Sequence[AssertionOutcome]) -> list[str]:
    """In words, those that do not hold and what they returned."""
    return [f"assertion {outcome.name}: {outcome.returned}" for outcome in outcomes if not outcome.holds]


def require_all(outcomes: Sequence[AssertionOutcome], *, remedy: str | None = None) -> None:
    """Raises `VerificationError` naming those that do not hold, each with what it returned."""
    if found := failures(outcomes):
        raise VerificationError(
            f"{len(found)} of {len(outcomes)} assertions do not hold: {quoted_names(found, 3)}",
            remedy=remedy
            or "the rows are those of the backup: look whether the assertion fits it, or take another backup",
            detail="\n".join(found),
        )


async def _ask(connection: Connection, assertion: Assertion, seconds: float) -> AssertionOutcome:
    started = time.monotonic()
    try:
        async with connection.transaction(force_rollback=True):
            await _prepare(connection, seconds)
            answer = await _answer(connection, assertion.query)
    except psycopg.errors.QueryCanceled:
        holds, returned = False, f"no answer within {seconds:g} s"
    except psycopg.Error as error:
        if connection.closed:
            raise
        holds, returned = False, f"it failed: {_cut(error.diag.message_primary or str(error))}"
    else:
        holds, returned = _judged(answer)
    return AssertionOutcome(
        name=assertion.name, holds=holds, returned=returned, seconds=round(time.monotonic() - started, 3)
    )


async def _prepare(connection: Connection, seconds: float) -> None:
    for name, value in (
        ("statement_timeout", f"{int(seconds * 1000)}"),
        ("transaction_read_only", "on"),
        ("search_path", '"$user", public'),
    ):
        await connection.execute("SELECT pg_catalog.set_config(%s, %s, true)", (name, value))


async def _answer(connection: Connection, query: str) -> _Answer:
    text = query.rstrip().removesuffix(";")
    wrapped = f"SELECT * FROM (\n{text}\n) assertion LIMIT 2"  # noqa: S608  # the owner's own query
    async with connection.cursor() as cursor:
        await cursor.execute(wrapped.encode(), prepare=True)  # prepared: a second statement in it is an error
        result = cursor.pgresult
        if result is None:
            return _Answer(0, (), ())
        columns = range(result.nfields)
        types = tuple(result.ftype(column) for column in columns)
        values = [result.get_value(0, column) if result.ntuples else None for column in columns]
        return _Answer(result.ntuples, types, tuple(None if each is None else _text(each) for each in values))


def _judged(answer: _Answer) -> tuple[bool, str]:
    """Whether it holds, and what it returned, in words."""
    if answer.rows == 0:
        return False, "it returned no row"
    shown = ", ".join("NULL" if value is None else _cut(value) for value in answer.values[:_SHOWN_VALUES])
    if answer.rows > 1:
        return False, f"it returned several rows, the first: {shown}"
    if len(answer.values) != 1:
        return False, f"it returned {len(answer.values)} columns: {shown}"
    if answer.types[0] != _BOOLEAN:
        return False, "it returned NULL" if answer.values[
            0
        ] is None else f"it returned {shown}, which is no truth value"
    words = {"t": "true", "f": "false", None: "NULL"}[answer.values[0]]
    return answer.values[0] == "t", f"it returned {words}"


def _text(value: bytes) -> str:
    return bytes(value).decode("utf-8", "backslashreplace")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
