"""The tests' own servers clean up after a test."""

from __future__ import annotations

import psycopg
import pytest

from tests.servers import TestServer

DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname !~ '^corpus_' ORDER BY 1"


def test_databases_and_connections_end_with_the_test(server: TestServer) -> None:
    before = server.execute("postgres", DATABASES)
    with server.tidy():
        made = server.create_database()
        server.create_database('named by "somebody\'s" test', template="template0", encoding="LATIN1", locale="C")
        server.execute("postgres", 'CREATE DATABASE "by a restore"')
        server.drop_after_test("by a restore")
        stranger = psycopg.connect(made.conninfo)
        connection = server.connect(made)
        assert len(server.execute("postgres", DATABASES)) == len(before) + 3

    assert connection.closed
    assert server.execute("postgres", DATABASES) == before
    with pytest.raises(psycopg.OperationalError):
        stranger.execute("SELECT 1")
    stranger.close()


def test_a_database_of_a_role(server: TestServer) -> None:
    made = server.create_database()
    server.execute(made, "CREATE ROLE visitor LOGIN")
    try:
        with server.connect(server.target(made.name, role="visitor")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("visitor",)
    finally:
        server.execute(made, "DROP ROLE visitor")


def test_a_failing_script_shows_what_psql_said(server: TestServer) -> None:
    with pytest.raises(AssertionError, match="division by zero"):
        server.psql("postgres", b"SELECT 1/0;")
