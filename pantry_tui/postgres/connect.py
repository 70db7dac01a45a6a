"""Connections by libpq's own rules, and PostgreSQL's errors as ours.

A `DatabaseTarget` carries the PG* variables of whoever asked. libpq reads them from the process's environment, so a
connection is made while exactly those stand there, whatever this process was started with.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg

from pantry_tui.config.references import redact
from pantry_tui.config.targets import connection_parameters, is_libpq_variable, keyword_string, libpq_variables
from pantry_tui.errors import InternalError, PantryError, ServerError, ServerUnreachableError
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.messages import Meaning, meaning_of_state, meaning_of_text

_TRANSACTION_POOLER_PORT = "6543"
_CHILD_VARIABLES = ("PATH", "HOME", "TMPDIR", "KRB5CCNAME")
# The server converts SQL_ASCII to nothing, and MULE_INTERNAL not to UTF8.
_CLIENT_ENCODINGS = {b"SQL_ASCII": b"SQL_ASCII", b"MULE_INTERNAL": b"LATIN1"}

_connecting: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def conninfo(target: DatabaseTarget, *, application: str, dbname: str | None = None) -> str:
    """The connection string for libpq and for `--dbname=` of a client tool; it holds no password.

    Every value is quoted, so that a database named `a=b` or `-f/some/file` is nothing but a name.
    """
    parameters = connection_parameters(target.conninfo, key=f"the connection of {target.name}")
    if "password" in parameters:
        raise InternalError(f"The connection string of {target.name} holds a password", remedy="Report this defect.")
    if dbname is not None:
        parameters["dbname"] = dbname
    return keyword_string({**parameters, "application_name": f"pantry-tui {application}"})


def child_environment(target: DatabaseTarget) -> dict[str, str]:
    """The least environment in which a client tool reaches ``target``; messages in English."""
    inherited = {name: os.environ[name] for name in _CHILD_VARIABLES if name in os.environ}
    return {**inherited, "LC_ALL": "C", **libpq_variables(target.environment)}


def adopt_environment(target: DatabaseTarget) -> None:
    """Makes this process's PG* variables exactly those of ``target``."""
    _set_variables(libpq_variables(target.environment))


async def connect(
    target: DatabaseTarget, *, application: str, dbname: str | None = None, connect_timeout: int = 10
) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """An autocommit connection that speaks UTF8 (to an SQL_ASCII database: bytes).

    ``connect_timeout`` in seconds counts where the target sets none.

    Raises `ServerUnreachableError`, `AuthenticationError`, `DatabaseMissingError` or another `ServerError`.
    """
    text = conninfo(target, application=application, dbname=dbname)
    parameters = connection_parameters(text, key="the connection")
    if "connect_timeout" not in parameters and "PGCONNECT_TIMEOUT" not in target.environment:
        text += f" connect_timeout='{connect_timeout}'"
    async with environment_of(target):
        try:
            connection = await psycopg.AsyncConnection.connect(text, autocommit=True)
        except psycopg.Error as error:
            raise _connection_error(error, target, parameters) from None
    await _speak_utf8(connection)
    return connection


def server_error(error: psycopg.Error, *, doing: str) -> PantryError:
    """The error of ours for what the server answered while ``doing`` ("reading the list of tables")."""
    text = redact(str(error).strip(), _secrets(os.environ))
    kind, remedy = _meaning(error) or Meaning(ServerError, "See what the server said, and its log.")
    state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return kind(f"{doing[:1].upper()}{doing[1:]} failed: {_first_line(text)}", remedy=remedy, detail=f"{text}{state}")


def connection_failure(message: str, target: DatabaseTarget) -> PantryError:
    """The error of ours for what libpq said when it could not connect to ``target``."""
    parameters = connection_parameters(target.conninfo, key=f"the connection of {target.name}")
    return _connection_error(psycopg.OperationalError(message), target, parameters)


def pooler_between() -> ServerError:
    """The error for a connection whose statements reach several sessions of the server."""
    return ServerError(
        "A connection pooler stands between this program and the server: a transaction is in another session than the "
        "connection was",
        remedy="Connect to the server itself, or to the pooler's session mode (often port 5432 instead of 6543).",
    )


async def _speak_utf8(connection: psycopg.AsyncConnection[Any]) -> None:
    """Whatever the role's settings or the database's encoding, for some of which psycopg knows no codec (EUC_TW).

    Asked for at the start of the connection instead, MULE_INTERNAL databases would refuse it.
    """
    server = connection.pgconn.parameter_status(b"server_encoding") or b"UTF8"
    wanted = _CLIENT_ENCODINGS.get(server, b"UTF8")
    if connection.pgconn.parameter_status(b"client_encoding") != wanted:
        await connection.execute(b"SET client_encoding = " + wanted)


def _meaning(error: psycopg.Error) -> Meaning | None:
    """By the text as it came: a short password may be a part of the words that tell."""
    text = str(error).strip()
    if error.sqlstate:
        return meaning_of_state(error.sqlstate, text)
    return meaning_of_text(text) if isinstance(error, psycopg.OperationalError) else None


def _connection_error(error: psycopg.Error, target: DatabaseTarget, parameters: Mapping[str, str]) -> PantryError:
    text = redact(str(error).strip(), _secrets(target.environment))
    where = f"{target.name} at {address(parameters, target.environment)}"
    kind, remedy = _meaning(error) or Meaning(ServerError, "See what the server said, and its log.")
    if issubclass(kind, ServerUnreachableError):
        message = f"Cannot reach the server of {where}: {_first_line(text.rpartition('failed: ')[2])}"
    else:
        message = f"Cannot connect to {where}: {_reason(text)}"
    if _TRANSACTION_POOLER_PORT in (parameters.get("port"), target.environment.get("PGPORT")):
        remedy += " Port 6543 is usually a transaction pooler, which cannot be backed up through: use port 5432."
    return kind(message, remedy=remedy, detail=text)


def address(parameters: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Where a connection goes, for people: host and port, the socket directory, or the service."""
    if service := parameters.get("service") or environment.get("PGSERVICE"):
        return f"service {service}"
    host = parameters.get("host") or parameters.get("hostaddr") or environment.get("PGHOST")
    host = host or environment.get("PGHOSTADDR") or "the local socket"
    port = parameters.get("port") or environment.get("PGPORT") or "5432"
    return f"{'socket ' if host.startswith('/') else ''}{host}, port {port}"


def _reason(text: str) -> str:
    """The server's own sentence, without the addresses that libpq puts before it."""
    found = re.search(r"(?:FATAL|ERROR|PANIC):\s+(.+)", text)
    return found[1].strip() if found else _first_line(text)


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:500]


def _secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    return (environment.get("PGPASSWORD", ""),)


def _set_variables(wanted: Mapping[str, str]) -> dict[str, str]:
    """Replaces libpq's variables of this process; returns those that stood there."""
    previous = {name: value for name, value in os.environ.items() if is_libpq_variable(name)}
    for name in previous.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update(wanted)
    return previous


@asynccontextmanager
async def environment_of(target: DatabaseTarget) -> AsyncIterator[None]:
    """This process's libpq variables are those of ``target`` meanwhile; one target at a time."""
    # One connection at a time is being made: libpq and psycopg read the variables at several moments.
    lock = _connecting.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with lock:
        previous = _set_variables(libpq_variables(target.environment))
        try:
            yield
        finally:
            _set_variables(previous)
