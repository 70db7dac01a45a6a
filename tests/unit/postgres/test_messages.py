"""What servers say at the door, and what it means."""

from __future__ import annotations

import pytest

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
from pantry_tui.postgres.messages import meaning_of_state, meaning_of_text


@pytest.mark.parametrize(
    ("text", "kind", "remedy"),
    [
        ('FATAL:  password authentication failed for user "u"', AuthenticationError, "pgpass"),
        ("fe_sendauth: no password supplied", AuthenticationError, "pgpass"),
        ('FATAL:  no pg_hba.conf entry for host "h", user "u"', AuthenticationError, "pg_hba"),
        ('FATAL:  role "u" does not exist', AuthenticationError, "role"),
        ("FATAL:  Tenant or user not found", AuthenticationError, "role"),
        ('FATAL:  database "x" does not exist', DatabaseMissingError, "name"),
        ("FATAL:  sorry, too many clients already", TooManyConnectionsError, "max_connections"),
        (
            "FATAL:  remaining connection slots are reserved for roles with SUPERUSER",
            TooManyConnectionsError,
            "max_connections",
        ),
        ('FATAL:  too many connections for role "u"', TooManyConnectionsError, "CONNECTION LIMIT"),
        ("FATAL:  the database system is starting up", ServerUnreachableError, "again"),
        ("ERROR:  unsupported startup parameter: options", ServerError, "5432, not 6543"),
        ('ERROR:  prepared statement "s1" does not exist', ServerError, "pooler"),
        ("connection timeout expired", ServerUnreachableError, "firewall"),
        ("failed to resolve host 'x': [Errno -2] Name or service not known", ServerUnreachableError, "host"),
        ("SSL SYSCALL error: EOF detected", ConnectionLostError, "network"),
        ("ERROR:  out of shared memory", ServerError, "max_locks_per_transaction"),
        ("ERROR:  canceling statement due to conflict with recovery", ServerError, "hot_standby_feedback"),
    ],
)
def test_text(text: str, kind: type[PantryError], remedy: str) -> None:
    meaning = meaning_of_text(f'connection to server at "h" failed: {text}')
    assert meaning is not None
    assert meaning.error is kind
    assert remedy in meaning.remedy


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("28P01", AuthenticationError),
        ("3D000", DatabaseMissingError),
        ("42501", PrivilegeError),
        ("53100", DiskFullError),
        ("55P03", LockTimeoutError),
        ("57P01", ConnectionLostError),
        ("08006", ConnectionLostError),
        ("53300", TooManyConnectionsError),
    ],
)
def test_state(state: str, kind: type[PantryError]) -> None:
    meaning = meaning_of_state(state, "")
    assert meaning is not None
    assert meaning.error is kind


def test_row_security_is_told_from_a_missing_grant() -> None:
    meaning = meaning_of_state("42501", 'query would be affected by row-level security policy for table "t"')
    assert meaning is not None
    assert "BYPASSRLS" in meaning.remedy


def test_a_value_too_large_for_text_is_told_from_other_errors() -> None:
    meaning = meaning_of_state("XX000", "ERROR:  invalid memory alloc request size 1258291203")
    assert meaning is not None
    assert "octet_length" in meaning.remedy
    assert meaning_of_state("XX000", "cache lookup failed for relation 1") is None


def test_what_has_no_class_has_no_meaning() -> None:
    assert meaning_of_state("22012", "division by zero") is None
    assert meaning_of_text("division by zero") is None
