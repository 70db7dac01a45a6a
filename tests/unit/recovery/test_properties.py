"""pg_dump's statements about a database, made to be about another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from pantry_tui.artifact.environment import may_be_secret, preloaded_libraries
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.recovery.properties import database_statements, hidden, renamed, split_statements

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def dumped_literal(value: str) -> str:
    """A value as pg_dump writes it."""
    doubled = value.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in value else f"'{doubled}'"


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), TEXT, TEXT)
def test_names_and_values_stay_what_they_are(settings: list[tuple[str, str]], old: str, new: str) -> None:
    def statements(database: str) -> list[str]:
        name = sql.Identifier(database).as_string()
        return [
            f"ALTER ROLE {sql.Identifier(role).as_string()} IN DATABASE {name} SET x TO {dumped_literal(value)};"
            for role, value in settings
        ]

    split = split_statements("\n".join(statements(old)) + "\n")
    assert split == statements(old)
    assert [renamed(statement, new) for statement in split] == statements(new)


def test_grants_by_another_role_stay_together() -> None:
    grants = (
        "GRANT CONNECT ON DATABASE crm TO a WITH GRANT OPTION;\nSET SESSION AUTHORIZATION a;\n"
        "GRANT CONNECT ON DATABASE crm TO b;\nRESET SESSION AUTHORIZATION;\n"
    )
    toc = [
        TocEntry(
            1, 0, 0, "DATABASE PROPERTIES", "pre-data", "", "crm", "o", "", "ALTER DATABASE crm SET a TO '1';\n", ()
        ),
        TocEntry(2, 0, 0, "ACL", "none", "", "DATABASE crm", "o", "", grants, ()),
        TocEntry(3, 0, 0, "ACL", "none", "public", "TABLE crm", "o", "", "GRANT SELECT ON TABLE crm TO a;\n", ()),
        TocEntry(4, 0, 0, "DATABASE", "pre-data", "", "crm", "o", "", "CREATE DATABASE crm;\n", ()),
    ]
    assert [statement.parts for statement in database_statements(toc, "x")] == [
        ('GRANT CONNECT ON DATABASE "x" TO a WITH GRANT OPTION;',),
        ("SET SESSION AUTHORIZATION a;", 'GRANT CONNECT ON DATABASE "x" TO b;', "RESET SESSION AUTHORIZATION;"),
        ("ALTER DATABASE \"x\" SET a TO '1';",),
    ]


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("app.settings.jwt_secret", "x", True),
        ("app.api_key", "x", True),
        ("primary_conninfo", "x", True),
        ("archive_command", "x", True),
        ("pgrst.db_uri", "postgres://u:pw@host/db", True),
        ("password_encryption", "scram-sha-256", False),
        ("work_mem", "4MB", False),
        ("search_path", "keys, public", False),
    ],
)
def test_what_may_be_secret(name: str, value: str, *, secret: bool) -> None:
    assert may_be_secret(name, value) is secret
    statement = f"ALTER DATABASE crm SET {sql.Identifier(name).as_string()} TO '{value}';"
    assert (value not in hidden(statement).partition(" TO ")[2]) is secret


def test_a_name_does_not_bring_a_secret_to_light() -> None:
    statement = "ALTER ROLE \"a SET work_mem TO 'b'\" IN DATABASE crm SET \"app.token\" TO 'x', 'y';"
    assert hidden(statement) == "ALTER ROLE \"a SET work_mem TO 'b'\" IN DATABASE crm SET \"app.token\" TO '***';"


def test_preloaded_libraries() -> None:
    settings = {"shared_preload_libraries": 'pg_cron, "$libdir/plugins/a.so"', "session_preload_libraries": None}
    assert preloaded_libraries(settings) == {"pg_cron", "a"}
