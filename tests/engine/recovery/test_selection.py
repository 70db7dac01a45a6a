"""Restoring some tables: what comes with them, what is left out, and that nothing else is read."""

from __future__ import annotations

import pytest

from pantry_tui.artifact.content import Content
from pantry_tui.artifact.toc import read_toc
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from tests.engine.backup.taking import opened, take
from tests.engine.recovery.restoring import damage, restore
from tests.servers import TestServer

SCHEMA = """
CREATE SCHEMA a; CREATE TYPE a.mood AS ENUM ('good', 'bad'); CREATE DOMAIN a.positive AS int CHECK (VALUE > 0);
CREATE SEQUENCE a.shared START 100;
CREATE TABLE a.parent (id serial PRIMARY KEY, m a.mood DEFAULT 'good', p a.positive, s int DEFAULT nextval('a.shared'),
    number int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE a.child (parent int REFERENCES a.parent, x int CHECK (x >= 0), v text);
CREATE INDEX child_x ON a.child (x); COMMENT ON TABLE a.child IS 'the children'; COMMENT ON INDEX a.child_x IS 'by x';
GRANT SELECT ON a.child TO PUBLIC; CREATE STATISTICS a.figures ON parent, x FROM a.child;
CREATE FUNCTION a.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER note BEFORE INSERT ON a.child FOR EACH ROW EXECUTE FUNCTION a.note();
ALTER TABLE a.child ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON a.child USING (x > 0); CREATE POLICY wide ON a.child USING (x > (SELECT count(*) FROM a.parent));
CREATE TABLE a.heir (more text) INHERITS (a.child);
CREATE TABLE a.parts (i int PRIMARY KEY) PARTITION BY RANGE (i);
CREATE TABLE a.low PARTITION OF a.parts FOR VALUES FROM (0) TO (100);
CREATE TABLE a.high PARTITION OF a.parts FOR VALUES FROM (100) TO (200);
CREATE VIEW a.seen AS SELECT * FROM a.child; CREATE TABLE a."odd name" (i int); CREATE TABLE a.odd ("name" int);
CREATE TABLE a.loose (i int DEFAULT nextval('a.parent_id_seq'));
CREATE INDEX ON a."odd name" (i);
INSERT INTO a.parent (p) SELECT i FROM generate_series(1, 50) i;
INSERT INTO a.child SELECT i, i, md5(i::text) FROM generate_series(1, 50) i; INSERT INTO a.heir VALUES (99, 5, 'x', 'y');
INSERT INTO a.parts SELECT generate_series(0, 199); INSERT INTO a."odd name" VALUES (7); INSERT INTO a.odd VALUES (8);
"""


@pytest.fixture
def source(any_server: TestServer) -> DatabaseTarget:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(source, SCHEMA.encode())
    return source


async def _restored(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, *tables: str
) -> tuple[DatabaseTarget, tuple[str, ...]]:
    await take(source, repository)
    new = server.drop_after_test("selection")
    result = await restore(new, repository, tables=tables)
    assert [f"{table.schema}.{table.name}" for table in result.tables] == sorted(tables)
    assert result.validation.equal
    return new, result.left_out


def _relations(server: TestServer, database: DatabaseTarget) -> set[str]:
    query = (
        "SELECT relkind::text || ' ' || relname FROM pg_class"
        " WHERE relnamespace = 'a'::regnamespace AND relkind NOT IN ('t', 'c')"
    )
    return {name for (name,) in server.execute(database, query)}


async def test_parent_comes_with_types_sequences_and_its_key(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    new, left_out = await _restored(any_server, repository, source, "a.parent")
    assert _relations(any_server, new) == {
        "r parent", "S parent_id_seq", "S parent_number_seq", "S shared", "i parent_pkey"
    }  # fmt: skip
    assert left_out == ()
    insert = "INSERT INTO a.parent (p) VALUES (1) RETURNING id, m::text, s, number"
    assert any_server.execute(new, insert) == [(51, "good", 150, 51)]


async def test_child_leaves_out_what_refers_to_its_parent(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    new, left_out = await _restored(any_server, repository, source, "a.child")
    assert _relations(any_server, new) == {"r child", "i child_x"}
    assert left_out == (
        "fk constraint a.child child_parent_fkey (refers to table a.parent)",
        "policy a.child wide (refers to table a.parent)",
    )
    query = (
        "SELECT obj_description('a.child'::regclass), obj_description('a.child_x'::regclass),"
        " has_table_privilege('public', 'a.child', 'select')"
    )
    assert any_server.execute(new, query) == [("the children", "by x", True)]
    assert any_server.execute(new, "SELECT tgname::text FROM pg_trigger") == [("note",)]
    assert any_server.execute(new, "SELECT polname::text FROM pg_policy") == [("own",)]
    assert any_server.execute(new, "SELECT stxname::text FROM pg_statistic_ext") == [("figures",)]


async def test_both_sides_of_a_foreign_key_keep_it(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    new, left_out = await _restored(any_server, repository, source, "a.child", "a.parent")
    assert left_out == ()
    assert any_server.execute(new, "SELECT conname::text, convalidated FROM pg_constraint WHERE contype = 'f'") == [
        ("child_parent_fkey", True)
    ]


async def test_heir_brings_its_parent_without_rows(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    new, _ = await _restored(any_server, repository, source, "a.heir")
    assert any_server.execute(new, "SELECT count(*) FROM ONLY a.child") == [(0,)]
    assert any_server.execute(new, "SELECT v, more FROM a.heir") == [("x", "y")]


async def test_partition_comes_as_a_table_of_its_own(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    new, left_out = await _restored(any_server, repository, source, "a.high")
    assert _relations(any_server, new) == {"r high", "i high_pkey"}
    assert left_out == ("table attach a.high (refers to table a.parts)",)
    assert any_server.execute(new, "SELECT min(i), count(*) FROM a.high") == [(100, 100)]


async def test_partitioned_table_comes_with_its_partitions(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    extra = (
        "CREATE TABLE a.top PARTITION OF a.parts FOR VALUES FROM (200) TO (400) PARTITION BY RANGE (i);"
        "CREATE TABLE a.deep PARTITION OF a.top FOR VALUES FROM (200) TO (300); INSERT INTO a.parts VALUES (250);"
        "CREATE INDEX parts_i ON a.parts (i)"
    )
    any_server.execute(source, extra)
    await take(source, repository)
    new = any_server.drop_after_test("selection")
    result = await restore(new, repository, tables=("a.parts",))
    assert result.validation.equal
    assert result.left_out == ()
    assert [table.name for table in result.tables] == ["deep", "high", "low"]
    assert any_server.execute(new, "SELECT count(*), max(i) FROM a.parts") == [(201, 250)]
    query = "SELECT count(*) FROM pg_inherits WHERE inhparent IN ('a.parts'::regclass, 'a.parts_i'::regclass)"
    assert any_server.execute(new, query) == [(6,)]


async def test_rows_that_a_partitioned_table_spreads_anew(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    any_server.execute(
        source,
        "CREATE TABLE a.spread (m a.mood, i int) PARTITION BY HASH (m);"
        "CREATE TABLE a.even PARTITION OF a.spread FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE a.uneven PARTITION OF a.spread FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO a.spread VALUES ('good', 1), ('bad', 2)",
    )
    await take(source, repository)
    new = any_server.drop_after_test("selection")
    assert (await restore(new, repository, tables=('"a"."spread"',))).validation.equal
    assert any_server.execute(new, "SELECT m::text, i FROM a.spread ORDER BY i") == [("good", 1), ("bad", 2)]


async def test_names_with_spaces_are_not_mixed_up(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    new, left_out = await _restored(any_server, repository, source, "a.odd name")
    assert _relations(any_server, new) == {"r odd name", "i odd name_i_idx"}
    assert left_out == ()


async def test_default_by_the_sequence_of_another_table(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    new, _ = await _restored(any_server, repository, source, "a.loose")
    assert _relations(any_server, new) == {"r loose", "S parent_id_seq"}
    assert any_server.execute(new, "INSERT INTO a.loose DEFAULT VALUES RETURNING i") == [(51,)]


async def test_only_the_tables_own_segments_are_read(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.psql(source, SCHEMA.encode())
    taken = await take(source, repository)
    wanted = next(index for index, table in enumerate(taken.manifest.tables) if table.name == "child")
    artifact = taken.directory / taken.manifest.file("artifact").name
    for segment in taken.manifest.segments:
        if segment.table != wanted:
            damage(artifact, segment.offset, length=segment.length)
    new = server.drop_after_test("lone")
    result = await restore(new, repository, tables=("a.child",))
    assert result.validation.equal
    assert server.execute(new, "SELECT count(*) FROM a.child") == [(50,)]
    assert opened(repository).summary(taken.summary.id).proven_at is None


async def test_one_table_needs_only_the_roles_of_that_table(server: TestServer, repository: RepositoryTarget) -> None:
    server.execute("postgres", "DROP ROLE IF EXISTS leaver; CREATE ROLE leaver")
    source = server.create_database()
    server.execute(source, "CREATE TABLE t (i int); CREATE TABLE u (i int); ALTER TABLE t OWNER TO leaver")
    await take(source, repository)
    server.execute(source, "DROP OWNED BY leaver; DROP ROLE leaver")
    result = await restore(server.drop_after_test("roles"), repository, tables=("public.u",))
    assert result.validation.equal


async def test_table_of_contents_is_read_exactly(
    any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    taken = await take(source, repository)
    toc = read_toc(Content(taken.directory / "archive.dump"), "UTF8")
    tables = {entry.tag: entry for entry in toc if entry.kind == "TABLE"}
    assert {"odd name", "odd", "child", "parts"} <= tables.keys()
    (key,) = [entry for entry in toc if entry.kind == "FK CONSTRAINT"]
    assert {tables["child"].id, tables["parent"].id} <= set(key.depends_on)
    assert key.section == "post-data"
    assert key.statement.startswith("ALTER TABLE ONLY a.child\n    ADD CONSTRAINT child_parent_fkey")
    oids = {table.name: table.oid for table in taken.manifest.tables}
    assert {name: tables[name].oid for name in oids} == oids
