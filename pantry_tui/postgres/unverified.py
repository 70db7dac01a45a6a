"""Databases that restores left under the name of those that are not proven: `NAME.unverified-xxxx`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pantry_tui.config.restoring import NAME_BYTES

if TYPE_CHECKING:
    import psycopg

WORKING_SCHEMA = "unverified-"  # how schemas begin that are to get other names when they are compared

_SUFFIX = ".unverified-"
_DIGITS = 4
_NAME = re.compile(rf"\.unverified-[0-9a-f]{{{_DIGITS}}}\Z")
_WITHOUT_SESSIONS = """
SELECT d.datname::text FROM pg_catalog.pg_database d
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid) ORDER BY 1
"""


def unverified_prefix(name: str) -> str:
    """How a database is called, but for the last digits, that is to become ``name``."""
    kept = name.encode()[: NAME_BYTES - len(_SUFFIX) - _DIGITS].decode("utf-8", "ignore")
    return kept + _SUFFIX


def is_unverified(name: str) -> bool:
    """Whether a database of this name is one that a restore has not proven, or never will."""
    return _NAME.search(name) is not None


async def abandoned_databases(connection: psycopg.AsyncConnection[Any]) -> list[str]:
    """The databases of this server under such a name that nobody is connected to. Raises `psycopg.Error`."""
    rows = await (await connection.execute(_WITHOUT_SESSIONS)).fetchall()
    names = (name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name, *_ in rows)
    return [name for name in names if is_unverified(name)]


def drop_statement(name: str) -> str:
    """The statement that removes a database."""
    return 'DROP DATABASE "' + name.replace('"', '""') + '";'
