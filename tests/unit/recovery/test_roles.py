"""Roles out of pg_dumpall's globals: names and attributes, and nothing that the file would have the server do."""

from __future__ import annotations

import pytest
from psycopg import sql

from pantry_tui.recovery.roles import role_statements

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
