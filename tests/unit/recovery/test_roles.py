"""Roles out of pg_dumpall's globals: names and attributes, and nothing that the file would have the server do."""

from __future__ import annotations

import pytest
from psycopg import sql

from pantry_tui.errors import RestoreError
from pantry_tui.recovery.roles import missing_roles, role_statements

GLOBALS = """--
-- PostgreSQL database cluster dump
--

\\restrict Xyz
SET standard_conforming_strings = on;

CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT LOGIN;
CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER NOINHERIT LOGIN BYPASSRLS CONNECTION LIMIT 5 PASSWORD 'SCRAM-SHA-256$4096:a;b''c';
CREATE ROLE "Odd; ""role"" -- x";
ALTER ROLE "Odd; ""role"" -- x" WITH NOLOGIN PASSWORD E'x\\'; SUPERUSER; \\\\' ;
COMMENT ON ROLE app IS 'CREATE ROLE evil;';
ALTER ROLE app SET search_path TO 'a', 'b';
GRANT app TO "Odd; ""role"" -- x" WITH ADMIN OPTION GRANTED BY postgres;
GRANT SET ON PARAMETER work_mem TO app;
GRANT CREATE ON TABLESPACE fast TO app;
CREATE TABLESPACE fast OWNER app LOCATION '/srv/fast';
ALTER SYSTEM SET archive_command = 'true';
\\unrestrict Xyz
"""


def test_names_attributes_and_memberships_are_kept() -> None:
    assert [made.as_string() for made in role_statements(GLOBALS, besides="postgres")] == [
        'CREATE ROLE "app";',
        'ALTER ROLE "app" WITH NOSUPERUSER NOINHERIT LOGIN BYPASSRLS;',
        'CREATE ROLE "Odd; ""role"" -- x";',
        'ALTER ROLE "Odd; ""role"" -- x" WITH NOLOGIN;',
        'GRANT "app" TO "Odd; ""role"" -- x";',
    ]


@pytest.mark.parametrize(
    "document",
    [
        "",
        "CREATE ROLE unfinished",
        "CREATE ROLE postgres;",
        "CREATE ROLE a LOGIN;",
        "DROP ROLE a;",
        "-- CREATE ROLE a;",
    ],
)
def test_what_makes_no_role(document: str) -> None:
    assert role_statements(document, besides="postgres") == sql.Composed([])


def test_a_role_without_attributes() -> None:
    made = role_statements("ALTER ROLE a WITH PASSWORD 'SUPERUSER';", besides="postgres")
    assert made.as_string() == 'ALTER ROLE "a" WITH INHERIT;'


LIMITED = """
CREATE ROLE g;
CREATE ROLE m;
ALTER ROLE m WITH NOSUPERUSER LOGIN CONNECTION LIMIT 3 PASSWORD 'x' VALID UNTIL '2027-01-01 00:00:00+00';
GRANT g TO m WITH ADMIN OPTION, INHERIT FALSE, SET FALSE GRANTED BY postgres;
"""


@pytest.mark.parametrize(
    ("server_version", "membership"),
    [
        (170000, 'GRANT "g" TO "m" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'),
        (150000, 'GRANT "g" TO "m" WITH ADMIN OPTION, INHERIT FALSE, SET FALSE'),  # which it refuses
    ],
)
def test_what_limits_a_role_is_carried_over(server_version: int, membership: str) -> None:
    _, role = missing_roles(LIMITED, (), server_version)
    assert [made.as_string() for made in role.statements] == [
        'ALTER ROLE "m" WITH NOSUPERUSER',
        'ALTER ROLE "m" WITH LOGIN',
        'ALTER ROLE "m" WITH CONNECTION LIMIT 3',
        "ALTER ROLE \"m\" WITH VALID UNTIL '2027-01-01 00:00:00+00'",
        membership,
    ]
    assert role.wants_password


def test_memberships_of_release_16_fit_an_older_server_where_they_take_nothing_away() -> None:
    document = "CREATE ROLE m; GRANT g TO m WITH INHERIT TRUE GRANTED BY postgres;"
    (role,) = missing_roles(document, ("g",), 150000)
    assert [made.as_string() for made in role.statements] == ['GRANT "g" TO "m"']


@pytest.mark.parametrize("statement", ["ALTER ROLE m WITH LOGIN NOLATERTHAN 'x'", "GRANT g TO m WITH COLOUR TRUE"])
def test_what_is_not_known_is_refused(statement: str) -> None:
    with pytest.raises(RestoreError, match="gives role m something that is not known here: "):
        missing_roles(f"CREATE ROLE m; {statement};", (), 170000)
