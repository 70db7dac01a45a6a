"""Hazards of group G of docs/hazards.md: names, files, processes."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pantry_tui.models import RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

# A function for everything that a session calls by a plain name, each of which says that it was called.
SHADOWS = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.betray() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'a function of the user ran'; END$$;
CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT evil.betray()';
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT evil.betray()';
CREATE FUNCTION evil.pg_backend_pid() RETURNS text LANGUAGE sql AS 'SELECT evil.betray()';
CREATE FUNCTION evil.lo_get(oid) RETURNS text LANGUAGE sql AS 'SELECT evil.betray()';
CREATE FUNCTION evil.same(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT evil.betray() IS NULL';
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.same);
CREATE FUNCTION evil.same(text, text) RETURNS bool LANGUAGE sql AS 'SELECT evil.betray() IS NULL';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.same);
CREATE TABLE public.t AS SELECT i, 'x'::text AS v FROM generate_series(1, 10) i;
"""


async def test_functions_in_the_search_path_are_never_called(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    source = any_server.create_database()
    any_server.psql(source, SHADOWS.encode())
    role = "hazard_lured"
    any_server.execute("postgres", f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} SUPERUSER LOGIN")
    any_server.execute("postgres", f"ALTER ROLE {role} SET search_path = evil, pg_catalog, public")
    try:
        with pytest.raises(psycopg.errors.RaiseException):
            any_server.execute(any_server.target(source.name, role=role), "SELECT 'a'::text = 'b'::text")
        taken = await take(any_server.target(source.name, role=role), repository)
        new = any_server.drop_after_test("not lured")
        assert (await restore(any_server.target(new.name, role=role), repository)).validation.equal
        any_server.drop_database(new.name)
    finally:
        any_server.execute("postgres", f"DROP ROLE {role}")
    assert taken.rows("public.t") == 10


async def test_names_cannot_give_psql_commands(
    any_server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    proof = tmp_path / "was here"
    name = f"x\n\\! touch '{proof}'\n\\q\n--"[:63]
    connection = any_server.connect(source)
    for hostile in (f"x\n\\! touch {tmp_path}/a\n", "y\n\\q\n", name):
        cut = hostile.encode()[:63].decode(errors="ignore")
        statement = sql.SQL("CREATE TABLE {} ({} text); INSERT INTO {} VALUES ({})")
        connection.execute(
            statement.format(sql.Identifier(cut), sql.Identifier(cut), sql.Identifier(cut), sql.Literal(hostile))
        )
        connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(cut), sql.Literal(hostile)))
    taken = await take(source, repository)
    by_hand = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(by_hand, taken.document)
    assert any_server.fingerprint(by_hand) == any_server.fingerprint(source)
    assert list(tmp_path.glob("a*")) + list(tmp_path.glob("was*")) == []
