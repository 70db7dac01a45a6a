"""What of a dump is refused, with its line, and how the rest is treated."""

from __future__ import annotations

import threading

import pytest

from pantry_tui.artifact.foreign.inspection import FILE_FUNCTIONS, Treatment, Way, script_encoding, table_of, treatment
from pantry_tui.artifact.foreign.lexer import Lexer
from pantry_tui.artifact.foreign.script import Inspected, Script, inspect
from pantry_tui.artifact.foreign.statement import Statement
from pantry_tui.errors import BackupDamagedError, RefusedError

UNSAFE_ENCODING = "the script is in an encoding whose characters may hold quotes; take it with pg_dump --encoding=UTF8"
END = b"\n--\n-- PostgreSQL database dump complete\n--\n"


def place(line: int) -> str:
    return f"dump.sql, line {line}"


def inspected(script: bytes) -> Inspected:
    return inspect(Script(lambda: iter([script]), place), threading.Event(), lambda: None)


def statement(text: bytes) -> Statement:
    return next(Lexer(iter([text + b";"]), place, FILE_FUNCTIONS).statements())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("COPY t FROM PROGRAM 'id'", "COPY … PROGRAM runs a program on the server"),
        ("COPY t (a) TO PROGRAM 'sh'", "COPY … PROGRAM runs a program on the server"),
        ("COPY (SELECT 1) TO PROGRAM 'sh'", "COPY … PROGRAM runs a program on the server"),
        ("copy t from /* x */ program $$sh$$ with (format csv)", "COPY … PROGRAM runs a program on the server"),
        ("COPY t FROM '/etc/passwd'", "COPY from or to a file of the server, or out of the database"),
        ("COPY stdin FROM '/etc/passwd'", "COPY from or to a file of the server, or out of the database"),
        ("COPY t TO '/tmp/x'", "COPY from or to a file of the server, or out of the database"),
        ("COPY t TO STDOUT", "COPY from or to a file of the server, or out of the database"),
        ("COPY t FROM stdin WITH (FORMAT csv)", "COPY with options that pg_dump does not write"),
        ("COPY t FROM stdin WHERE a > 1", "COPY with options that pg_dump does not write"),
        ("ALTER SYSTEM SET archive_command = 'sh'", "it changes the server's own configuration"),
        ("CREATE DATABASE x", "it is about a database, not about what is in this one"),
        ("DROP DATABASE x", "it is about a database, not about what is in this one"),
        ("ALTER DATABASE x SET search_path = 'y'", "it is about a database, not about what is in this one"),
        ("CREATE TABLESPACE x LOCATION '/x'", "it is about a tablespace, not about what is in this one"),
        ("COMMENT ON DATABASE x IS 'y'", "it is about a database, not about what is in this database"),
        ("GRANT ALL ON DATABASE x TO PUBLIC", "it is about a database, not about what is in this database"),
        ("GRANT SET ON PARAMETER x TO PUBLIC", "it is about a parameter, not about what is in this database"),
        ("SECURITY LABEL ON ROLE x IS 'y'", "it is about a role, not about what is in this database"),
        ("CREATE ROLE x SUPERUSER", "it is about a role"),
        ("ALTER USER postgres PASSWORD 'x'", "it is about a role"),
        ("ALTER ROLE CURRENT_USER SET search_path = x", "it is about a role"),
        ("DROP GROUP x", "it is about a role"),
        ("GRANT pg_execute_server_program TO x", "it grants one role to another"),
        ("REVOKE a, b FROM c", "it grants one role to another"),
        ("DROP OWNED BY x", "it is about all that a role owns"),
        ("LOAD 'x'", "a statement that no dump needs"),
        ("REASSIGN OWNED BY x TO y", "a statement that no dump needs"),
        ("VACUUM", "a statement that no dump needs"),
        ("ROLLBACK", "a statement that no dump needs"),
        ("PREPARE TRANSACTION 'x'", "a statement that no dump needs"),
        ("NOTIFY x", "a statement that no dump needs"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "a statement that no dump needs"),
        ("COMMIT PREPARED 'x'", "it prepares or chains transactions"),
        ("COMMIT AND CHAIN", "it prepares or chains transactions"),
        ("SELECT pg_catalog.lo_import('/etc/passwd')", "it calls lo_import, for files of the server"),
        ("SELECT (\"lo_export\"(1, '/tmp/x'))", "it calls lo_export, for files of the server"),
        ("CREATE TABLE t AS SELECT pg_read_file('x')", "it calls pg_read_file, for files of the server"),
        ("SET client_encoding = 'SJIS'", UNSAFE_ENCODING),
        ("SET SESSION client_encoding TO gb18030", UNSAFE_ENCODING),
    ],
)  # fmt: skip
def test_refusals_name_the_line_and_what_was_found(text: str, reason: str) -> None:
    script = f"-- a dump\nSET statement_timeout = 0;\n\n{text};\n".encode() + END
    with pytest.raises(RefusedError) as caught:
        inspected(script)
    assert caught.value.message == f"dump.sql, line 4: {reason}: {text}"
    assert "no part of the dump was run" in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY public.program (from_, stdin) FROM stdin", Treatment(Way.COPY)),
        ("SELECT pg_catalog.setval('s', 1, true)", Treatment(Way.RUN)),
        ("DO $$ BEGIN EXECUTE 'ALTER SYSTEM SET x = 1'; END $$", Treatment(Way.RUN)),
        ("CREATE USER MAPPING FOR x SERVER y", Treatment(Way.RUN)),
        ("CREATE FUNCTION lo_import_all() RETURNS int AS 'lo_import(1)' LANGUAGE sql", Treatment(Way.RUN)),
        ("REVOKE ALL ON FUNCTION pg_catalog.lo_import(text) FROM x", Treatment(Way.GRANT, grantees=("x",))),
        ("BEGIN", Treatment(Way.TRANSACTION)),
        ("COMMIT", Treatment(Way.TRANSACTION)),
        ("SET ROLE x", Treatment(Way.AUTHORIZATION)),
        ("SET SESSION ROLE x", Treatment(Way.AUTHORIZATION)),
        ("SET SESSION AUTHORIZATION 'x'", Treatment(Way.AUTHORIZATION)),
        ("SET LOCAL SESSION AUTHORIZATION x", Treatment(Way.AUTHORIZATION)),
        ("RESET ROLE", Treatment(Way.AUTHORIZATION)),
        ("RESET SESSION AUTHORIZATION", Treatment(Way.AUTHORIZATION)),
        ("SET transaction_timeout = 0", Treatment(Way.SETTING)),
        ("COMMENT ON EXTENSION plpgsql IS 'x'", Treatment(Way.COMMENT)),
        ("ALTER TABLE owner OWNER TO \"My \"\"Role\"", Treatment(Way.OWNER, ('My "Role',))),
        ("ALTER FUNCTION f(a text) OWNER TO Bob", Treatment(Way.OWNER, ("bob",))),
        ("ALTER SCHEMA s OWNER TO CURRENT_USER", Treatment(Way.OWNER)),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA s GRANT SELECT ON TABLES TO b",
         Treatment(Way.OWNER, ("a",), ("b",))),
        ("GRANT SELECT,INSERT(a, b) ON TABLE t TO PUBLIC, \"B\", c WITH GRANT OPTION",
         Treatment(Way.GRANT, grantees=("B", "c"))),
        ("SELECT pg_catalog.lo_unlink('4711')", Treatment(Way.DROP)),
        ("REVOKE ALL ON SCHEMA public FROM GROUP x CASCADE", Treatment(Way.GRANT, grantees=("x",))),
        ("CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql", Treatment(Way.LANGUAGE)),
        ("ALTER PROCEDURAL LANGUAGE plpgsql OWNER TO postgres", Treatment(Way.LANGUAGE)),
        ("CREATE LANGUAGE plperl", Treatment(Way.RUN)),
        ("ALTER TABLE ONLY a.b DISABLE TRIGGER ALL", Treatment(Way.DISABLE_TRIGGERS)),
        ("ALTER TABLE b ENABLE TRIGGER ALL", Treatment(Way.ENABLE_TRIGGERS)),
        ("ALTER TABLE b ENABLE ALWAYS TRIGGER x", Treatment(Way.RUN)),
        ("DROP TABLE x", Treatment(Way.DROP)),
        ("ALTER TABLE ONLY x DROP CONSTRAINT y", Treatment(Way.DROP)),
        ("ALTER TABLE x ADD CONSTRAINT y CHECK (a > 1)", Treatment(Way.RUN)),
    ],
)  # fmt: skip
def test_treatment(text: str, expected: Treatment) -> None:
    assert treatment(statement(text.encode()), place) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY film (a) FROM stdin", "film"),
        ('INSERT INTO Public."T" VALUES (1)', 'public."T"'),
        ("ALTER TABLE IF EXISTS ONLY a.b DISABLE TRIGGER ALL", "a.b"),
    ],
)
def test_names_of_tables(text: str, expected: str) -> None:
    assert table_of(statement(text.encode()).words) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SET client_encoding = 'LATIN1'", "LATIN1"),
        ("SET LOCAL client_encoding TO utf8", "UTF8"),
        ("SET x = 'LATIN1'", None),
    ],
)
def test_encoding(text: str, expected: str | None) -> None:
    assert script_encoding(statement(text.encode()).words) == expected


def test_a_dump_without_its_end_mark() -> None:
    script = b"CREATE TABLE t (a int);\n"
    with pytest.raises(BackupDamagedError) as caught:
        inspected(script)
    assert "line 2" in caught.value.message
    assert "-- PostgreSQL database dump complete" in caught.value.message


def test_what_is_found() -> None:
    found = inspected(b"SET client_encoding = 'LATIN1';\nCOPY t FROM stdin;\n1\n2\n\\.\nSELECT 1;\n" + END)
    assert (found.encoding, found.statements, found.lines) == ("LATIN1", 3, 2)
