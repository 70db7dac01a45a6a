"""What PostgreSQL and its client tools say, as errors that say what to do.

By SQLSTATE where there is one (appendix A of the PostgreSQL documentation), else by the text of libpq and the tools.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pantry_tui.errors import (
    AuthenticationError,
    ConnectionLostError,
    DatabaseMissingError,
    DiskFullError,
    LockTimeoutError,
    PantryError,
    PrivilegeError,
    ServerError,
    ServerUnreachableError,
    TooManyConnectionsError,
)


class Meaning(NamedTuple):
    """The class of an error and what to do about it."""

    error: type[PantryError]
    remedy: str


_UNREACHABLE = Meaning(
    ServerUnreachableError,
    "Check that the server runs and listens there, and host, port and firewall. "
    "On the server itself: pg_isready, or systemctl status postgresql.",
)
_STARTING = Meaning(ServerUnreachableError, "The server is starting, stopping or recovering: try again in a moment.")
_AUTHENTICATION = Meaning(
    AuthenticationError,
    "Check role and password (DATABASE_URL, ~/.pgpass with mode 0600, or the password reference in the configuration) "
    "and the server's pg_hba.conf.",
)
_NO_DATABASE = Meaning(DatabaseMissingError, "Check the name (it is case-sensitive), or create the database.")
_TOO_MANY = Meaning(
    TooManyConnectionsError,
    "Close other sessions, use fewer --jobs, or raise max_connections or the role's CONNECTION LIMIT.",
)
_POOLER = Meaning(
    ServerError,
    "This looks like a connection pooler. In transaction mode it cannot hold a snapshot: connect to PostgreSQL directly or in "
    "session mode (Supabase: port 5432, not 6543). Restores need the server itself: few poolers pass settings on.",
)
_PRIVILEGE = Meaning(
    PrivilegeError, "Use a role with enough rights; pantry-tui doctor --sql prints the SQL that creates a backup role."
)
_ROW_SECURITY = Meaning(
    PrivilegeError,
    "The role would see only some rows. Give it BYPASSRLS; pantry-tui doctor --sql prints the SQL for a backup role.",
)
_DISK_FULL = Meaning(DiskFullError, "Free space there, then run it again; nothing half done was left behind.")
_LOCK_TIMEOUT = Meaning(
    LockTimeoutError,
    "Another session holds a lock on the table (ALTER, TRUNCATE, VACUUM FULL …): wait for it or end it, or allow a "
    "longer lock timeout. See pg_stat_activity.",
)
_LOST = Meaning(
    ConnectionLostError, "Check the server's log and the network between here and there, then run it again."
)
_STANDBY_CONFLICT = Meaning(
    ServerError,
    "The standby cancelled the query to apply changes of its primary: set hot_standby_feedback = on, raise "
    "max_standby_streaming_delay, or back up the primary.",
)
_LOCK_MEMORY = Meaning(
    ServerError, "Raise max_locks_per_transaction on the server (it needs a restart); pantry-tui doctor says to what."
)

_ENCODING = Meaning(
    ServerError,
    "A text is not valid, or has no equivalent, in the encoding it was asked for. Formats json and csv are UTF-8: back such a "
    "database up in format sql, which keeps its bytes, and restore into the encoding of the source.",
)

_TOO_LARGE = Meaning(
    ServerError,
    "A value or row is larger than the server can send as text: 1 GB, and for bytea half of that, because text takes two "
    "characters a byte. Find it by its ctid (SELECT ctid FROM … WHERE octet_length(…) > 500000000), then move it to a large "
    "object or out of the database; --exclude-table backs up the other tables until then.",
)

_BY_STATE = {
    "22021": _ENCODING,
    "22P05": _ENCODING,
    "28P01": _AUTHENTICATION,
    "28000": _AUTHENTICATION,
    "3D000": _NO_DATABASE,
    "42501": _PRIVILEGE,
    "53100": _DISK_FULL,
    "53200": _LOCK_MEMORY,
    "53300": _TOO_MANY,
    "55P03": _LOCK_TIMEOUT,
    "57P01": _LOST,
    "57P02": _LOST,
    "57P03": _STARTING,
    "57P05": _LOST,
}

_TOO_LARGE_TEXT = re.compile(r"invalid memory alloc request size|cannot enlarge string buffer", re.IGNORECASE)
_LOST_TEXT = (
    r"server closed the connection unexpectedly|connection to server was lost|terminating connection|"
    r"could not (receive data from|send data to) server|SSL SYSCALL error|SSL error: unexpected eof|"
    r"connection (is|was) (closed|lost)|Connection reset by peer|Broken pipe"
)
_UNREACHABLE_TEXT = (
    r"Connection refused|connection to server .* failed: No such file|timeout expired|failed to resolve|"
    r"could not translate host name|name or service not known|Temporary failure in name resolution|"
    r"No route to host|Network is unreachable|(Operation|Connection) timed out|is the server running"
)

# First match wins: the specific before the general.
_BY_TEXT = [
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (r"No space left on device|Disk quota exceeded|out of disk|file system is full", _DISK_FULL),
        (r"conflict with recovery", _STANDBY_CONFLICT),
        # pg_dump's --lock-wait-timeout is a statement timeout around LOCK TABLE
        (r"due to lock timeout|could not obtain lock|due to statement timeout[\s\S]*LOCK TABLE", _LOCK_TIMEOUT),
        (r"row-level security policy|row_security", _ROW_SECURITY),
        (r"permission denied (for|to) |must be superuser|must be owner of", _PRIVILEGE),
        (r"unsupported startup parameter|prepared statement .* (does not exist|already exists)", _POOLER),
        (r"too many (connections|clients)|remaining connection slots are reserved|MaxClientsInSessionMode", _TOO_MANY),
        (r"authentication failed|no pg_hba\.conf entry|no password supplied|certificate", _AUTHENTICATION),
        (r"role .* (does not exist|is not permitted to log in)|tenant or user not found", _AUTHENTICATION),
        (r'database "([^\n]*|[^"]*)" does not exist|is not currently accepting connections', _NO_DATABASE),
        (r"the database system is (starting|shutting|in recovery|not yet accepting)", _STARTING),
        (r"out of shared memory", _LOCK_MEMORY),
        (_LOST_TEXT, _LOST),
        (_UNREACHABLE_TEXT, _UNREACHABLE),
    )
]


def meaning_of_state(sqlstate: str, text: str) -> Meaning | None:
    """What an SQLSTATE means, None when it has no class of its own."""
    if sqlstate == "42501" and "row-level security" in text:
        return _ROW_SECURITY
    if sqlstate in ("40001", "57014", "40P01") and "conflict with recovery" in text:
        return _STANDBY_CONFLICT
    if sqlstate in ("XX000", "54000") and _TOO_LARGE_TEXT.search(text):
        return _TOO_LARGE
    if sqlstate in _BY_STATE:
        return _BY_STATE[sqlstate]
    return _LOST if sqlstate.startswith("08") else None


def meaning_of_text(text: str) -> Meaning | None:
    """What the text of libpq or a client tool means, None when it is not known."""
    return next((meaning for pattern, meaning in _BY_TEXT if pattern.search(text)), None)
