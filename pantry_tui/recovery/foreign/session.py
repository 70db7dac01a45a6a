"""The connection that runs a foreign script: one statement at a time, in the extended protocol, results thrown away.

There the server itself refuses more than one statement in a message, so nothing can be smuggled past the lexer.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import psycopg
from psycopg import errors, pq
from psycopg.pq.abc import PGconn

from pantry_tui.errors import ConnectionLostError, PantryError, RestoreError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import connection_failure, conninfo, server_error

APPLICATION = "restore"
# What would change the meaning of a dump, or end a long statement, where a role or database sets it otherwise.
_SETTINGS = (
    "SET default_transaction_read_only = off; SET standard_conforming_strings = on; SET IntervalStyle = postgres;"
    " SET DateStyle = ISO; SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
    ' SET search_path = "$user", public; SET synchronous_commit = on; SET transaction_timeout = 0'
)
_OTHER_DUMP = "take the dump again with pg_dump"
_UNKNOWN_SETTING = "42704"  # transaction_timeout is of release 17


class StatementError(Exception):
    """What the server answered to a statement, with its SQLSTATE."""

    def __init__(self, state: str, error: PantryError) -> None:
        super().__init__(error.message)
        self.state = state
        self.error = error


class Session:
    """A blocking connection, used by one thread; another may `cancel` what it is doing."""

    def __init__(self, connection: PGconn) -> None:
        self._connection = connection
        self._canceller = connection.get_cancel()

    @classmethod
    def open(cls, target: DatabaseTarget) -> Session:
        """Connects. ``target``'s PG* variables must be this process's own. Raises what connecting raises."""
        connection = pq.PGconn.connect(conninfo(target, application=APPLICATION).encode())
        if connection.status != pq.ConnStatus.OK:
            raise connection_failure(connection.get_error_message(), target)
        connection.notice_handler = None
        session = cls(connection)
        encoding = connection.parameter_status(b"server_encoding") or b"UTF8"
        try:
            for setting in _SETTINGS.split(";"):
                session.run_tolerantly(setting.encode(), {_UNKNOWN_SETTING})
            session.run(b"SET client_encoding = '" + encoding + b"'")
        except StatementError as failure:
            session.close()
            raise failure.error from failure
        return session

    @property
    def escapes(self) -> bool:
        """Whether the server takes backslashes in plain strings for escapes."""
        return self._connection.parameter_status(b"standard_conforming_strings") == b"off"

    @property
    def server_version(self) -> int:
        """150020 for 15.20."""
        return self._connection.server_version

    def run(self, statement: bytes) -> int:
        """Runs one statement and throws its rows away as they come; returns how many it touched.

        Raises `StatementError`, `ConnectionLostError`.
        """
        self._send(statement)
        count = 0
        while (result := self._connection.get_result()) is not None:
            if result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT):
                self.close()  # it would wait for rows, or send some
                raise RestoreError("a statement of the dump is a COPY that does not look like one", remedy=_OTHER_DUMP)
            count = result.command_tuples or count
            self._require(result)
        return count

    def commit(self) -> None:
        """Ends the transaction. Raises `RestoreError` when the server rolled back instead, which it does without an error."""
        result = self._connection.exec_params(b"COMMIT", [])
        self._require(result)
        if result.command_status != b"COMMIT":
            raise RestoreError(
                "the server rolled the restore back", remedy="nothing of it is kept; see the server's log"
            )

    def run_tolerantly(self, statement: bytes, states: Collection[str]) -> str | None:
        """The same outside of a transaction; what the server said where it refused with one of these SQLSTATEs."""
        try:
            self.run(statement)
        except StatementError as failure:
            if failure.state not in states:
                raise
            return failure.error.message
        return None

    def rows(self, query: bytes, *values: str) -> list[tuple[str | None, ...]]:
        """The rows of a query of our own, as text; bytes that are no UTF-8 are kept as surrogates."""
        result = self._connection.exec_params(query, [value.encode(errors="surrogateescape") for value in values])
        self._require(result)
        return [
            tuple(_text(result.get_value(row, column)) for column in range(result.nfields))
            for row in range(result.ntuples)
        ]

    def begin_copy(self, statement: bytes) -> None:
        """Starts a COPY … FROM STDIN; `write` and `end_copy` follow. Raises `StatementError`."""
        result = self._connection.exec_params(statement, [])
        if result.status != pq.ExecStatus.COPY_IN:
            raise self._failed(result)

    def write(self, rows: bytes) -> None:
        """Sends a piece of the rows."""
        try:
            self._connection.put_copy_data(rows)
        except psycopg.Error as error:
            raise self._broken(error) from error

    def end_copy(self) -> int:
        """Ends the rows; returns how many of them the server took."""
        try:
            self._connection.put_copy_end()
        except psycopg.Error as error:
            raise self._broken(error) from error
        count = 0
        while (result := self._connection.get_result()) is not None:
            self._require(result)
            count = result.command_tuples or count
        return count

    def cancel(self) -> None:
        """Has the server end the statement that it is at. May be called by any thread."""
        with suppress(psycopg.Error):
            self._canceller.cancel()

    def close(self) -> None:
        """Closes the connection; what is not committed is gone."""
        self._connection.finish()

    def _send(self, statement: bytes) -> None:
        try:
            self._connection.send_query_params(statement, [])
            self._connection.set_single_row_mode()  # whatever a SELECT returns, no more than one row is in memory
        except psycopg.Error as error:
            raise self._lost(str(error)) from error

    def _require(self, result: pq.abc.PGresult) -> None:
        good = (
            pq.ExecStatus.COMMAND_OK,
            pq.ExecStatus.TUPLES_OK,
            pq.ExecStatus.SINGLE_TUPLE,
            pq.ExecStatus.EMPTY_QUERY,
        )
        if result.status not in good:
            raise self._failed(result)

    def _failed(self, result: pq.abc.PGresult) -> StatementError | ConnectionLostError:
        state = result.error_field(pq.DiagnosticField.SQLSTATE)
        message = result.get_error_message()
        while self._connection.status == pq.ConnStatus.OK and self._connection.get_result() is not None:
            pass
        if self._connection.status != pq.ConnStatus.OK:
            return self._lost(message)
        if state is None:
            return StatementError("", server_error(psycopg.ProgrammingError(message), doing="a statement of the dump"))
        error = server_error(errors.error_from_result(result), doing="a statement of the dump")
        return StatementError(state.decode(), error)

    def _broken(self, error: psycopg.Error) -> StatementError | ConnectionLostError:
        """Why a stream of rows broke: what the server said, else what libpq says."""
        while (result := self._connection.get_result()) is not None:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                return self._failed(result)
        return self._lost(str(error))

    def _lost(self, detail: str) -> ConnectionLostError:
        return ConnectionLostError(
            "the connection to the server was lost in the middle of the dump",
            remedy="see the server's log for the reason, then try again",
            detail=detail,
        )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="surrogateescape")
