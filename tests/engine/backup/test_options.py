"""Backups packed in other ways, of the schema or the rows alone, of some tables."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pantry_tui.backup.peek import peek_table
from pantry_tui.backup.validate import validate_backup
from pantry_tui.errors import (
    DatabaseMissingError,
    NotFoundError,
    RestoreError,
    TargetNotEmptyError,
    UsageError,
    VerificationError,
)
from pantry_tui.events import Warned, ignore
from pantry_tui.models import (
    BackupKind,
    BackupSelection,
    Compression,
    DatabaseTarget,
    RepositoryTarget,
    ValidateRequest,
    ValidationResult,
)
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import Taken, data_directory_of, take
from tests.engine.recovery.restoring import restore
from tests.servers import TestServer

SCHEMA = """
CREATE SCHEMA a; CREATE SCHEMA b; CREATE TYPE b.mood AS ENUM ('good', 'bad');
CREATE TABLE a.people (id serial PRIMARY KEY, mood b.mood, name text);
CREATE TABLE a.visits (id serial PRIMARY KEY, person int NOT NULL REFERENCES a.people, at date);
CREATE TABLE b.log (id int GENERATED ALWAYS AS IDENTITY, line text);
CREATE TABLE b."Odd|name*" (i int); CREATE TABLE public.seen (i int);
CREATE VIEW a.recent AS SELECT * FROM a.visits; CREATE MATERIALIZED VIEW b.counts AS SELECT count(*) FROM a.people;
CREATE FUNCTION b.answer() RETURNS int LANGUAGE sql AS 'SELECT 42';
INSERT INTO a.people (mood, name) SELECT 'good', 'person ' || i FROM generate_series(1, 100) i;
INSERT INTO a.visits (person, at) SELECT i, '2026-01-01' FROM generate_series(1, 100) i;
INSERT INTO b.log (line) SELECT 'line ' || i FROM generate_series(1, 1000) i;
INSERT INTO b."Odd|name*" VALUES (1); INSERT INTO public.seen VALUES (1); SELECT lo_create(0);
REFRESH MATERIALIZED VIEW b.counts;
"""


@pytest.fixture
def source(any_server: TestServer) -> DatabaseTarget:
    source = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(source, SCHEMA.encode())
    return source


async def validated(taken: Taken, repository: RepositoryTarget) -> ValidationResult:
    return await validate_backup(
        ValidateRequest(
            repository=repository, backup_id=taken.summary.id, data_directory=data_directory_of(repository)
        ),
        ignore,
    )


def tables_of(taken: Taken) -> set[str]:
    return {table.qualified_name for table in taken.manifest.tables}


@pytest.mark.parametrize("compression", list(Compression))
async def test_every_compression_comes_back_equal(
    any_server: TestServer, repository: RepositoryTarget, compression: Compression
) -> None:
    source = any_server.load_corpus("pagila")
    taken = await take(source, repository, compression=compression)
    suffix = {Compression.GZIP: ".sql.gz", Compression.ZSTD: ".sql.zst", Compression.NONE: ".sql"}[compression]
    assert taken.manifest.file("artifact").name == f"nightly{suffix}"
    assert (await validated(taken, repository)).problems == ()
    by_hand = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(by_hand, taken.document)
    assert any_server.fingerprint(by_hand) == any_server.fingerprint(source)
    new = any_server.drop_after_test("compression")
    assert (await restore(new, repository)).validation.equal
    assert any_server.fingerprint(new) == any_server.fingerprint(source)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="the zstd program is not installed")
async def test_zstd_is_read_by_its_own_program(server: TestServer, repository: RepositoryTarget) -> None:
    taken = await take(server.load_corpus("pagila"), repository, compression=Compression.ZSTD)
    artifact = taken.directory / taken.manifest.file("artifact").name
    unpacked = subprocess.run(["zstd", "-dc", artifact], check=True, capture_output=True).stdout
    assert unpacked == taken.document


@pytest.mark.parametrize("compression", [Compression.ZSTD, Compression.NONE])
async def test_a_changed_byte_is_found(
    server: TestServer, repository: RepositoryTarget, compression: Compression
) -> None:
    taken = await take(server.load_corpus("pagila"), repository, compression=compression)
    artifact = taken.directory / taken.manifest.file("artifact").name
    whole = artifact.read_bytes()
    for offset in range(0, len(whole), len(whole) // 12):
        artifact.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
        assert not (await validated(taken, repository)).valid
    artifact.write_bytes(whole[:-1])
    assert not (await validated(taken, repository)).valid


async def test_schema_alone(any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository, kind=BackupKind.SCHEMA)
    assert (taken.summary.tables, taken.summary.rows, taken.manifest.sequences) == (5, 0, ())
    assert "positions.bin" not in {file.name for file in taken.manifest.files}
    with pytest.raises(NotFoundError, match="is of the schema alone: it holds no rows"):
        await peek_table(repository, taken.manifest.id, "a.people")
    assert (await validated(taken, repository)).problems == ()
    new = any_server.drop_after_test("schema")
    assert (await restore(new, repository)).validation.equal
    assert any_server.execute(new, "SELECT count(*) FROM a.people") == [(0,)]
    query = "SELECT conname::text FROM pg_constraint WHERE contype = 'f'"
    assert any_server.execute(new, query) == [("visits_person_fkey",)]
    by_hand = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.psql(by_hand, taken.document)
    assert any_server.fingerprint(by_hand) == any_server.fingerprint(new)


class TestRowsAlone:
    async def taken(self, server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> Taken:
        server.execute(source, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
        taken = await take(source, repository, kind=BackupKind.DATA)
        assert b"CREATE" not in taken.document
        assert (await validated(taken, repository)).problems == ()
        return taken

    async def schema(self, server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> DatabaseTarget:
        await take(source, repository, kind=BackupKind.SCHEMA)
        new = server.drop_after_test("rows")
        await restore(new, repository)
        return new

    async def test_go_into_the_tables_that_are_there(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        new = await self.schema(any_server, repository, source)
        any_server.psql(
            new,
            b"CREATE FUNCTION a.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.name := 'changed'; RETURN NEW; END$$;"
            b"CREATE TRIGGER note BEFORE INSERT ON a.people FOR EACH ROW EXECUTE FUNCTION a.note();"
            b"ALTER TABLE a.people ENABLE ALWAYS TRIGGER note;"
            b"COMMENT ON CONSTRAINT visits_person_fkey ON a.visits IS 'who';",
        )
        taken = await self.taken(any_server, repository, source)
        result = await restore(new, repository, backup_id=taken.summary.id)
        assert result.validation.equal
        assert {table.verified for table in result.tables} == {"fingerprint"}
        assert any_server.fingerprint(new)["tables"] == any_server.fingerprint(source)["tables"]
        assert any_server.fingerprint(new)["sequences"] == any_server.fingerprint(source)["sequences"]
        assert any_server.execute(new, "SELECT * FROM b.counts") == [(100,)]
        query = "SELECT tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
        assert any_server.execute(new, query) == [("A",)]
        query = "SELECT convalidated, obj_description(oid) FROM pg_constraint WHERE contype = 'f'"
        assert any_server.execute(new, query) == [(True, "who")]

    async def test_psql_loads_them_too(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        new = await self.schema(any_server, repository, source)
        taken = await self.taken(any_server, repository, source)
        any_server.psql(new, taken.document)
        assert any_server.fingerprint(new)["tables"] == any_server.fingerprint(source)["tables"]

    async def test_tables_must_be_there_and_empty(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        new = await self.schema(any_server, repository, source)
        taken = await self.taken(any_server, repository, source)
        with pytest.raises(DatabaseMissingError) as missing:
            await restore(any_server.drop_after_test("nowhere"), repository, backup_id=taken.summary.id)
        assert "schema" in str(missing.value.remedy)
        any_server.execute(new, "INSERT INTO public.seen VALUES (7)")
        with pytest.raises(TargetNotEmptyError, match=r"public\.seen"):
            await restore(new, repository, backup_id=taken.summary.id)
        assert any_server.execute(new, "SELECT count(*) FROM a.people") == [(0,)]
        any_server.execute(new, "DROP TABLE public.seen")
        with pytest.raises(RestoreError, match=r"has no table .*public\.seen"):
            await restore(new, repository, backup_id=taken.summary.id)
        result = await restore(new, repository, backup_id=taken.summary.id, tables=("a.visits", "a.people"))
        assert [table.name for table in result.tables] == ["people", "visits"]
        assert any_server.execute(new, "SELECT count(*) FROM a.visits") == [(100,)]

    async def test_rows_that_break_a_key_leave_everything_as_it_was(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        new = await self.schema(any_server, repository, source)
        taken = await self.taken(any_server, repository, source)
        with pytest.raises(RestoreError):
            await restore(new, repository, backup_id=taken.summary.id, tables=("a.visits",))
        assert any_server.execute(new, "SELECT count(*) FROM a.visits") == [(0,)]
        query = "SELECT convalidated FROM pg_constraint WHERE contype = 'f'"
        assert any_server.execute(new, query) == [(True,)]

    async def test_keys_in_a_circle_are_told(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        any_server.psql(source, b"ALTER TABLE a.people ADD COLUMN last int REFERENCES a.visits;")
        new = await self.schema(any_server, repository, source)
        taken = await self.taken(any_server, repository, source)
        assert any("a.people, a.visits" in warning for warning in taken.manifest.warnings)
        assert (await restore(new, repository, backup_id=taken.summary.id)).validation.equal


class TestSelection:
    async def both_ways(
        self, server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, selection: BackupSelection
    ) -> tuple[Taken, DatabaseTarget]:
        taken = await take(source, repository, selection=selection)
        assert (await validated(taken, repository)).problems == ()
        new = server.drop_after_test(f"selection {len(LocalRepository(repository).ids())}")
        assert (await restore(new, repository)).validation.equal
        by_hand = server.create_database(template="template0", encoding="UTF8", locale="C")
        server.psql(by_hand, taken.document)
        assert server.fingerprint(by_hand) == server.fingerprint(new)
        return taken, new

    async def test_one_table_with_what_it_needs(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        taken, new = await self.both_ways(any_server, repository, source, BackupSelection(tables=("a.visit?",)))
        assert tables_of(taken) == {"a.visits"}
        assert taken.manifest.left_out == ("fk constraint a.visits visits_person_fkey (refers to table a.people)",)
        assert taken.manifest.large_objects == 0
        assert [(state.schema, state.name) for state in taken.manifest.sequences] == [("a", "visits_id_seq")]
        query = "SELECT relname::text FROM pg_class WHERE relnamespace = 'a'::regnamespace AND relkind = 'r'"
        assert any_server.execute(new, query) == [("visits",)]

    async def test_a_type_comes_with_its_table(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        taken, _ = await self.both_ways(any_server, repository, source, BackupSelection(tables=("a.people",)))
        assert tables_of(taken) == {"a.people"}
        assert taken.manifest.left_out == ()

    async def test_some_left_out(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        selection = BackupSelection(exclude_tables=("a.people", "b.log"))
        taken, new = await self.both_ways(any_server, repository, source, selection)
        assert tables_of(taken) == {"a.visits", "b.Odd|name*", "public.seen"}
        assert set(taken.manifest.left_out) == {
            "fk constraint a.visits visits_person_fkey (refers to table a.people)",
            "materialized view b.counts (refers to table a.people)",
        }
        assert taken.manifest.large_objects == 1
        assert any_server.execute(new, "SELECT count(*) FROM a.recent") == [(100,)]
        assert b"person 1" not in (taken.directory / "archive.dump").read_bytes()

    async def test_a_schema_with_everything_in_it(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        selection = BackupSelection(schemas=("b",), exclude_tables=("b.log",))
        taken, new = await self.both_ways(any_server, repository, source, selection)
        assert tables_of(taken) == {"b.Odd|name*"}
        assert any_server.execute(new, "SELECT b.answer()") == [(42,)]

    async def test_a_schema_left_out(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        taken, _ = await self.both_ways(any_server, repository, source, BackupSelection(exclude_schemas=("a",)))
        assert tables_of(taken) == {"b.log", "b.Odd|name*", "public.seen"}

    async def test_heirs_bring_their_parents_definition(
        self, any_server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        any_server.psql(
            source, b"CREATE TABLE b.heir (more text) INHERITS (b.log); INSERT INTO b.heir VALUES (1, 'x', 'y');"
        )
        for selection in (BackupSelection(tables=("b.heir",)), BackupSelection(exclude_tables=("b.log",))):
            taken, new = await self.both_ways(any_server, repository, source, selection)
            assert "b.log" not in tables_of(taken)
            assert any_server.execute(new, "SELECT count(*) FROM b.log") == [(1,)]

    @pytest.mark.parametrize(
        ("pattern", "tables"),
        [
            ('b."Odd|name*"', {"b.Odd|name*"}),
            ("b.odd*", set()),
            ("B.LOG", {"b.log"}),
            ("(a|b).*", {"a.people", "a.visits", "b.log", "b.Odd|name*"}),
            ("seen", {"public.seen"}),
            ("log", set()),
            ("*.[lv]*", {"a.visits", "b.log"}),
        ],
    )
    async def test_patterns_mean_what_pg_dump_takes_them_for(
        self, server: TestServer, repository: RepositoryTarget, pattern: str, tables: set[str]
    ) -> None:
        source = server.create_database()
        server.psql(source, SCHEMA.encode())
        if not tables:
            with pytest.raises(NotFoundError, match="matches"):
                await take(source, repository, selection=BackupSelection(tables=(pattern,)))
        else:
            assert tables_of(await take(source, repository, selection=BackupSelection(tables=(pattern,)))) == tables
        program = f"{server.client_tools}/pg_dump"
        dump = [program, "-Fp", "--data-only", "-B", f"--table={pattern}", f"--dbname={source.conninfo}"]
        stock = subprocess.run(dump, capture_output=True, text=True, check=False)
        assert stock.stdout.count("\nCOPY ") == len(tables)

    async def test_what_excludes_nothing_is_told(
        self, server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
    ) -> None:
        taken = await take(source, repository, selection=BackupSelection(exclude_tables=("a.missing",)))
        assert any(isinstance(event, Warned) and "a.missing" in event.message for event in taken.events)
        assert taken.summary.tables == 5

    @pytest.mark.parametrize("pattern", ['a."open', "(", "a.b.c.d", "elsewhere.a.people", "a."])
    async def test_what_is_no_pattern(self, server: TestServer, repository: RepositoryTarget, pattern: str) -> None:
        source = server.create_database()
        server.execute(source, "CREATE TABLE t (i int)")
        with pytest.raises(UsageError, match=r"pattern|quote"):
            await take(source, repository, selection=BackupSelection(tables=(pattern,)))


async def test_batches_bound_the_rows_of_a_segment(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT i, 'row ' || i AS text FROM generate_series(1, 10000) i")
    taken = await take(source, repository, batch_size=3000)
    segments = [segment for segment in taken.manifest.segments if segment.section == "rows"]
    assert [segment.rows for segment in segments] == [3000, 3000, 3000, 1000]
    assert (await validated(taken, repository)).problems == ()
    new = server.drop_after_test("batches")
    assert (await restore(new, repository)).validation.equal
    with pytest.raises(UsageError, match="batch"):
        await take(source, repository, batch_size=0)


class TestReviewed:
    """Cases that went wrong once."""

    async def test_rows_of_one_table_leave_the_sequences_of_others(
        self, server: TestServer, repository: RepositoryTarget
    ) -> None:
        source = server.create_database()
        server.psql(
            source,
            b"CREATE TABLE p (id serial, v int); CREATE TABLE q (id serial, v int);"
            b"INSERT INTO p (v) SELECT 1 FROM generate_series(1, 5); INSERT INTO q (v) SELECT 1 FROM generate_series(1, 5);"
            b"CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM q;",
        )
        taken = await take(source, repository, kind=BackupKind.DATA)
        new = server.create_database()
        server.psql(
            new,
            b"CREATE TABLE p (id serial, v int); CREATE TABLE q (id serial, v int); SELECT setval('q_id_seq', 1000);",
        )
        result = await restore(new, repository, backup_id=taken.summary.id, tables=("public.p",))
        assert result.validation.sequences_compared == 1
        assert server.execute(new, "SELECT nextval('p_id_seq'), nextval('q_id_seq')") == [(6, 1001)]

    async def test_rows_of_some_tables_need_no_view_of_others(
        self, server: TestServer, repository: RepositoryTarget
    ) -> None:
        source = server.create_database()
        server.psql(
            source,
            b"CREATE TABLE p AS SELECT 1 AS i; CREATE TABLE q (i int); CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM q;",
        )
        taken = await take(source, repository, kind=BackupKind.DATA, selection=BackupSelection(tables=("public.p",)))
        new = server.create_database()
        server.psql(new, b"CREATE TABLE p (i int);")
        assert (await restore(new, repository, backup_id=taken.summary.id)).validation.equal

    async def test_a_failed_comparison_leaves_the_sequences(
        self, server: TestServer, repository: RepositoryTarget
    ) -> None:
        source, new = server.create_database(), server.create_database()
        server.psql(
            source,
            b"CREATE TYPE v AS (v numeric); CREATE TABLE p (id serial, v v); INSERT INTO p (v) VALUES (ROW(1.5));",
        )
        server.psql(
            new,
            b"CREATE TYPE v AS (v numeric(10, 0)); CREATE TABLE p (id serial, v v); SELECT setval('p_id_seq', 500);",
        )
        taken = await take(source, repository, kind=BackupKind.DATA)
        with pytest.raises(VerificationError):
            await restore(new, repository, backup_id=taken.summary.id)
        assert server.execute(new, "SELECT (SELECT count(*) FROM p), nextval('p_id_seq')") == [(0, 501)]

    async def test_a_table_brings_what_its_type_needs_of_one_left_out(
        self, server: TestServer, repository: RepositoryTarget
    ) -> None:
        source = server.create_database()
        server.psql(
            source,
            b"CREATE TABLE a (i int); CREATE TYPE ty AS (x a); CREATE TABLE b (c ty, n int); INSERT INTO b (n) VALUES (1);"
            b"INSERT INTO a VALUES (1);",
        )
        taken = await take(source, repository, selection=BackupSelection(exclude_tables=("public.a",)))
        assert (tables_of(taken), taken.manifest.left_out) == ({"public.b"}, ())
        new = server.drop_after_test("typed")
        assert (await restore(new, repository)).validation.equal
        assert server.execute(new, "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)") == [(0, 1)]

    async def test_triggers_of_partitions_keep_their_state(
        self, any_server: TestServer, repository: RepositoryTarget
    ) -> None:
        schema = (
            b"CREATE TABLE log (i int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
            b" $$BEGIN INSERT INTO public.log VALUES (NEW.i); RETURN NEW; END$$;"
            b"CREATE TABLE p (i int) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9);"
            b"CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (9) TO (99);"
            b"CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION f();"
        )
        source, new = any_server.create_database(), any_server.create_database()
        any_server.psql(source, schema + b"ALTER TABLE p DISABLE TRIGGER t; INSERT INTO p VALUES (1), (10);")
        any_server.psql(new, schema + b"ALTER TABLE p2 ENABLE ALWAYS TRIGGER t; ALTER TABLE p1 DISABLE TRIGGER t;")
        states = "SELECT tgrelid::regclass::text, tgenabled::text FROM pg_trigger WHERE tgname = 't' ORDER BY 1"
        before = any_server.execute(new, states)
        taken = await take(source, repository, kind=BackupKind.DATA)
        assert (await restore(new, repository, backup_id=taken.summary.id)).validation.equal
        assert any_server.execute(new, "SELECT count(*) FROM log") == [(0,)]
        assert any_server.execute(new, states) == before
