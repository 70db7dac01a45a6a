"""The settings that every session of a backup or restore pins.

A role's or database's own settings change how values are written (0.30000000000000004 becomes 0.3, dates change their
order) or end long statements; pg_dump pins the same ones for the same reason.
"""

from __future__ import annotations

from typing import Any

import psycopg

from pantry_tui.errors import RefusedError

Connection = psycopg.AsyncConnection[Any]

PINNED_SETTINGS: tuple[tuple[str, str], ...] = (
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("xmloption", "content"),
    ("search_path", ""),
    ("row_security", "off"),
    ("standard_conforming_strings", "on"),
    ("quote_all_identifiers", "off"),
    ("synchronize_seqscans", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
)

RANGE_SETTINGS: tuple[tuple[str, str], ...] = (
    ("enable_tidscan", "on"),
    ("enable_seqscan", "off"),  # a range of pages must never become a scan of the whole table
    ("max_parallel_workers_per_gather", "0"),
    ("jit", "off"),  # the planner's price for a forbidden scan would have every statement compiled (40 ms a table)
)


def pin_statements(server_version: int, extra: tuple[tuple[str, str], ...] = (), *, local: bool = False) -> str:
    """The SET statements, joined, for a server of that version number (150018 for 15.18).

    ``local``: for the current transaction only, so that they hold where the rows are read whatever stands between this
    program and the server. Names and values are this module's own; nothing of a user's or a database's goes in.
    """
    settings = [*PINNED_SETTINGS, *extra]
    if server_version >= 170000:
        settings.append(("transaction_timeout", "0"))
    scope = "SET LOCAL" if local else "SET"
    return "; ".join(f"{scope} {name} = '{value}'" for name, value in settings)


def server_encoding(connection: Connection) -> str:
    """In which encoding the database keeps its text, as the server names it."""
    return connection.info.parameter_status("server_encoding") or "UTF8"


def client_encoding(encoding: str) -> tuple[str, str]:
    """In which encoding to speak to a database that keeps its text in ``encoding``: for the server, and for Python.

    UTF-8 but for two: SQL_ASCII, where LATIN1 passes every byte through as it is, and MULE_INTERNAL, which the server
    converts to LATIN1 but not to UTF-8.
    """
    return ("LATIN1", "latin-1") if encoding in ("SQL_ASCII", "MULE_INTERNAL") else ("UTF8", "utf-8")


def require_utf8(encoding: str) -> None:
    """Raises `RefusedError` for a database whose text the server never converts to UTF-8, as json and csv need it.

    SQL_ASCII may hold nothing but UTF-8: there the rows decide.
    """
    if encoding == "MULE_INTERNAL":
        raise RefusedError(
            "the database is encoded in MULE_INTERNAL, which the server cannot convert to UTF-8",
            remedy="back it up in format sql, which keeps its bytes",
        )
