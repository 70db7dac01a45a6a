"""Dumps that others made come back as psql would restore them, or not at all."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pantry_tui.errors import (
    BackupDamagedError,
    NotFoundError,
    PantryError,
    RestoreError,
    TargetNotEmptyError,
    UsageError,
)
from pantry_tui.models import DatabaseTarget, ForeignRestoreResult, RepositoryTarget
from tests.engine.backup.taking import take
from tests.engine.recovery.foreign import END, ROLE, dumped, make_role, restore_dump, written
from tests.engine.recovery.restoring import databases
from tests.servers import TestServer

SCHEMA = r"""
CREATE TABLE "odd "" name" ("a b" text, n numeric, e int[], CHECK (n <> 0));
INSERT INTO "odd "" name" VALUES (E'\\.\n\\x\t''', 1.50, '{1,NULL}'), (NULL, 'NaN', NULL), ('$$;--', -1, '{}');
CREATE TABLE parent (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text UNIQUE);
CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE,
    doubled int GENERATED ALWAYS AS (2) STORED);
INSERT INTO parent (v) SELECT md5(g::text) FROM generate_series(1, 200) g;
INSERT INTO child (parent) SELECT id FROM parent;
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE parts (k int, t text) PARTITION BY LIST (k);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT g % 3, 'x' FROM generate_series(1, 30) g;
CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN a > 0 THEN a ELSE 0 END * 2; END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $_$ BEGIN new.v := new.v || ';'; RETURN new; END $_$;
CREATE TRIGGER touch BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW both_tables AS SELECT p.v, c.id FROM parent p JOIN child c ON c.parent = p.id;
CREATE RULE ignored AS ON DELETE TO both_tables DO INSTEAD (SELECT 1; SELECT 2);
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM child;
COMMENT ON TABLE parent IS 'it''s; here';
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON parent USING (id > 0);
GRANT SELECT ON parent TO PUBLIC;
SELECT lo_from_bytea(4711, decode(repeat('00ff275c', 20000), 'hex')), lo_create(4712);
COMMENT ON LARGE OBJECT 4711 IS 'large';
"""
PROVISO = "nothing was there to compare the result with"


@pytest.fixture(autouse=True)
def _role(any_server: TestServer) -> None:
    make_role(any_server)


@pytest.fixture
def source(any_server: TestServer) -> DatabaseTarget:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(source, SCHEMA.encode())
    return source


def new_database(server: TestServer) -> DatabaseTarget:
    """A name that is not there yet, for the plain role."""
    name = f"theirs_{len(databases(server))}"
    server.drop_after_test(name)
    return server.target(name, role=ROLE)


def content(server: TestServer, target: DatabaseTarget) -> dict[str, Any]:
    """The judge's figures of a database whose objects all belong to the superuser, as those of the source do."""
    server.execute(target.name, f"REASSIGN OWNED BY {ROLE} TO postgres")
    return server.fingerprint(target.name)


def rows_of(result: ForeignRestoreResult) -> dict[str, int]:
    return {f"{table.schema}.{table.name}": table.inserted for table in result.tables}


@pytest.mark.parametrize(
    "options",
    [("-Fp",), ("-Fp", "--inserts", "--rows-per-insert=7"), ("-Fp", "-E", "LATIN1"), ("-Fp", "--clean", "--if-exists"),
     ("-Fp", "--clean"), ("-Fp", "--use-set-session-authorization"), ("-Fp", "--quote-all-identifiers"),
     ("-Fc",), ("-Fc", "-Z0"), ("-Fc", "--inserts"), ("-Fc", "--load-via-partition-root")],
    ids=" ".join,
)  # fmt: skip
async def test_a_dump_of_pg_dump(
    any_server: TestServer, source: DatabaseTarget, tmp_path: Path, options: tuple[str, ...]
) -> None:
    target = new_database(any_server)
    result = await restore_dump(dumped(any_server, source, tmp_path / "dump", *options), target)
    assert content(any_server, target) == any_server.fingerprint(source)
    assert (result.status, result.created_database, result.validation.performed) == ("unverified", True, False)
    assert sum(rows_of(result).values()) == 434
    assert any(PROVISO in warning for warning in result.warnings)
    assert {name for name in databases(any_server) if name.startswith(f"{target.name}.")} == set()


async def test_packed_by_zstd(any_server: TestServer, source: DatabaseTarget, tmp_path: Path) -> None:
    if any_server.version_num < 160000:
        pytest.skip("pg_dump packs by zstd since release 16")
    target = new_database(any_server)
    await restore_dump(dumped(any_server, source, tmp_path / "dump", "-Fc", "-Z", "zstd:3"), target)
    assert content(any_server, target) == any_server.fingerprint(source)


@pytest.mark.parametrize("options", [("-Fp",), ("-Fc",)], ids=" ".join)
async def test_pagila(any_server: TestServer, tmp_path: Path, options: tuple[str, ...]) -> None:
    source, target = any_server.load_corpus("pagila"), new_database(any_server)
    await restore_dump(dumped(any_server, source, tmp_path / "dump", *options), target)
    assert content(any_server, target) == any_server.fingerprint(source)


async def test_pagila_as_it_is_given_away(any_server: TestServer, corpus: Path) -> None:
    """Of release 8.4, definitions and rows one behind the other, with all triggers disabled meanwhile."""
    source, target = any_server.load_corpus("pagila"), new_database(any_server)
    result = await restore_dump(corpus / "pagila.sql.gz", target)
    assert content(any_server, target) == any_server.fingerprint(source)
    assert rows_of(result)["public.rental"] == 16044
    assert result.rows_sent == 46273
    assert any("40 foreign keys were put aside" in warning for warning in result.warnings)


async def test_an_export_of_ours(any_server: TestServer, source: DatabaseTarget, repository: RepositoryTarget) -> None:
    taken, target = await take(source, repository), new_database(any_server)
    document = taken.directory.parent.parent / "export.sql.zst"
    document.write_bytes(zstandard.compress(taken.document))
    result = await restore_dump(document, target)
    assert content(any_server, target) == any_server.fingerprint(source)
    assert not any("end line" in warning for warning in result.warnings)
    document.write_bytes(zstandard.compress(taken.document.replace(b"434 rows", b"435 rows")))
    result = await restore_dump(document, new_database(any_server))
    assert any("says 435 rows; 434 were restored" in warning for warning in result.warnings)


async def test_an_export_of_ours_that_is_cut_behind_any_section(
    any_server: TestServer, source: DatabaseTarget, repository: RepositoryTarget, tmp_path: Path
) -> None:
    """Each section ends with pg_dump's end mark, which the document's own first line says is not the last."""
    document = (await take(source, repository)).document
    rows = document.index(b'COPY "public".')
    for end in (
        rows,
        document.index(b"\n\\.\n", rows),
        document.index(b"CREATE POLICY"),
        document.rindex(b"-- pantry-tui"),
    ):
        path = tmp_path / "cut.sql"
        path.write_bytes(document[:end])
        with pytest.raises(BackupDamagedError, match=r"cut off|without the line that pg_dump writes last"):
            await restore_dump(path, any_server.target("never made", role=ROLE))


TRICKY = r"""
SET standard_conforming_strings = off;
CREATE TABLE t (n serial, v text);
INSERT INTO t (v) VALUES ('a\'b;'), (E'c\\' || '\\d'), ('e'
  'f\n;'), (E'g\'' -- it's
  'h\';'), (N'i\';'), ($$j;\$$), ($a$k$b$;$b$$a$);
SET standard_conforming_strings = on;
INSERT INTO t (v) VALUES ('a\'), (E'c\\' /* ; */ || '\\d'), ('e'
  'f\n;'), (E'g\'' -- it's;
  'h;'), (U&'i\0041;'), (B'101'::text), ('"' || $$';$$);
CREATE TABLE "semi;colon" (a int, "b'" text); COMMENT ON TABLE "semi;colon" IS 'x' /* /* nested; */ ; */;
CREATE RULE r AS ON UPDATE TO t DO ALSO (INSERT INTO t (v) VALUES ('x;'); DELETE FROM t WHERE v = ')');
CREATE FUNCTION f(a$b$ int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a$b$ > 1 THEN 2 END; END;
COPY "semi;colon" ("b'") FROM stdin;
\\.
 \\.
'; DROP TABLE t;
\.
COPY t (v) FROM stdin;
last
\.
"""


async def test_statements_are_cut_as_psql_cuts_them(any_server: TestServer, tmp_path: Path) -> None:
    psqls, ours = (
        any_server.create_database(template="template0", encoding="UTF8", locale="C"),
        new_database(any_server),
    )
    any_server.psql(psqls, TRICKY.encode())
    await restore_dump(written(tmp_path, TRICKY), ours)
    every = 'SELECT n::text, v FROM t UNION ALL SELECT \'x\', "b\'" FROM "semi;colon" ORDER BY 1, 2'
    assert any_server.execute(ours.name, every) == any_server.execute(psqls, every)
    assert any_server.execute(ours.name, every.replace("ORDER BY 1, 2", "")) != []
    assert content(any_server, ours) == any_server.fingerprint(psqls)


async def test_a_failed_statement_is_a_failed_restore(any_server: TestServer, tmp_path: Path) -> None:
    script = "CREATE TABLE t (a int PRIMARY KEY);\nCOPY t FROM stdin;\n1\n2\n1\n\\.\n\nSELECT 1;\n"
    with pytest.raises(RestoreError) as caught:
        await restore_dump(written(tmp_path, script), any_server.target("never made", role=ROLE))
    assert caught.value.message.startswith("theirs.sql, line 2: duplicate key value violates unique constraint")
    assert caught.value.message.endswith(": COPY t FROM stdin")
    assert "has been dropped" in (caught.value.remedy or "")
    assert not [name for name in databases(any_server) if name.startswith("never made")]


async def test_an_empty_database_of_the_role(any_server: TestServer, tmp_path: Path) -> None:
    """All of a dump or nothing of it, also where the database stays."""
    theirs = any_server.create_database(owner=ROLE)
    target = any_server.target(theirs.name, role=ROLE)
    bad = written(tmp_path, "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\nSELECT nonsense;\n", "bad.sql")
    with pytest.raises(
        RestoreError, match=r"bad.sql, line 3: column .nonsense. does not exist: SELECT nonsense"
    ) as caught:
        await restore_dump(bad, target)
    assert "as empty as before" in (caught.value.remedy or "")
    result = await restore_dump(written(tmp_path, "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n"), target)
    assert (result.created_database, rows_of(result)) == (False, {"public.t": 1})
    with pytest.raises(TargetNotEmptyError, match=r"1 table \(public.t\)"):
        await restore_dump(written(tmp_path, "SELECT 1;"), target)


async def test_rows_that_a_trigger_swallows(any_server: TestServer, tmp_path: Path) -> None:
    script = (
        "CREATE TABLE t (a int);\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';\n"
        "CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();\nCOPY t FROM stdin;\n1\n2\n\\.\n"
    )
    with pytest.raises(RestoreError, match="line 4: 2 rows were sent, the server took 0: COPY t FROM stdin"):
        await restore_dump(written(tmp_path, script), any_server.target("never made", role=ROLE))


async def test_what_is_left_out_is_told(any_server: TestServer, tmp_path: Path) -> None:
    script = (
        "SET some_setting_of_tomorrow = 1;\nSET SESSION AUTHORIZATION 'postgres';\nCREATE TABLE t (a int);\n"
        "ALTER TABLE t OWNER TO nobody_here;\nALTER TABLE t OWNER TO postgres;\nGRANT ALL ON TABLE t TO nobody_here;\n"
        "COMMENT ON EXTENSION plpgsql IS 'x';\nDROP TABLE not_there;\nRESET SESSION AUTHORIZATION;\n"
    )
    target = new_database(any_server)
    result = await restore_dump(written(tmp_path, script), target)
    assert [warning for warning in result.warnings if PROVISO not in warning] == [
        "left out, as this server does not know it: SET some_setting_of_tomorrow = 1",
        "changes of the role are left out: everything belongs to the role that restores (2 statements)",
        "nothing is made in the name of role nobody_here, for which the restoring role may not act",
        "nothing is made in the name of role postgres, for which the restoring role may not act",
        "privileges of role nobody_here, which is not there, are left out",
        "comments that only the object's owner may make are left out",
        "statements that drop what is not there are left out",
        "the dump has no rows: it is one of definitions alone, or was cut off behind them",
    ]
    assert any_server.execute(target.name, "SELECT tableowner::text FROM pg_tables WHERE tablename = 't'") == [(ROLE,)]


async def test_the_encoding_is_that_of_the_dump(any_server: TestServer, tmp_path: Path) -> None:
    path = tmp_path / "latin.sql"
    path.write_bytes(
        f"SET client_encoding = 'LATIN1';\nCREATE TABLE t AS SELECT 'é'::text AS v;\n{END}".encode("latin-1")
    )
    target = new_database(any_server)
    await restore_dump(path, target)
    assert any_server.execute(target.name, "SELECT getdatabaseencoding()::text, v FROM t") == [("LATIN1", "é")]


@pytest.mark.parametrize("packing", ["gzip", "zstd", "members"])
async def test_every_truncation_of_a_packed_dump(any_server: TestServer, tmp_path: Path, packing: str) -> None:
    text = (
        "CREATE TABLE t (a int);\nCOPY t FROM stdin;\n" + "".join(f"{n}\n" for n in range(500)) + "\\.\n" + END
    ).encode()
    packed = {
        "gzip": gzip.compress(text),
        "zstd": zstandard.compress(text),
        "members": gzip.compress(text[:1000]) + gzip.compress(text[1000:]),
    }[packing]
    path, target = tmp_path / "dump", new_database(any_server)
    for length in [0, 1, 3, 10, *range(20, len(packed), 97), len(packed) - 9, len(packed) - 1]:
        path.write_bytes(packed[:length])
        with pytest.raises(PantryError) as caught:
            await restore_dump(path, target)
        assert isinstance(caught.value, BackupDamagedError), length
    path.write_bytes(packed)
    assert rows_of(await restore_dump(path, target)) == {"public.t": 500}


async def test_every_truncation_of_an_archive(any_server: TestServer, source: DatabaseTarget, tmp_path: Path) -> None:
    whole = dumped(any_server, source, tmp_path / "whole", "-Fc").read_bytes()
    path = tmp_path / "cut"
    for length in [*range(6, len(whole), 997), len(whole) - 5, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(BackupDamagedError, match="cut is cut off"):
            await restore_dump(path, any_server.target("never made", role=ROLE))
    path.write_bytes(whole + b"x")
    with pytest.raises(BackupDamagedError, match="has bytes behind its end"):
        await restore_dump(path, any_server.target("never made", role=ROLE))


async def test_what_is_no_dump(any_server: TestServer, tmp_path: Path) -> None:
    target = any_server.target("never made", role=ROLE)
    with pytest.raises(NotFoundError):
        await restore_dump(tmp_path / "not there", target)
    (tmp_path / "utf16.sql").write_text("SELECT 1;" + END, encoding="utf-16")
    (tmp_path / "sealed.sql").write_text("age-encryption.org/v1\n")
    for name, message in (("utf16.sql", "UTF-16"), ("sealed.sql", "is encrypted"), (".", "is a directory")):
        with pytest.raises(UsageError, match=message):
            await restore_dump(tmp_path / name, target)
    lz4 = bytearray(b"PGDMP\x01\x0f\x00\x04\x08\x01\x02")
    (tmp_path / "lz4.dump").write_bytes(lz4)
    with pytest.raises(UsageError, match="packed by lz4"):
        await restore_dump(tmp_path / "lz4.dump", target)
