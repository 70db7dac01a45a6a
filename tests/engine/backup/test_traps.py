"""Ways in which dumps go wrong without an error, each made to happen."""

from __future__ import annotations

from typing import Any

import pytest

from pantry_tui.errors import PrivilegeError
from pantry_tui.models import RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from tests.engine.backup.taking import name_of, take
from tests.engine.backup.test_round_trip import restored
from tests.servers import TestServer


async def test_inheritance_children_are_copied_once(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TABLE parent (i int, note text); CREATE TABLE child (extra int) INHERITS (parent);"
        "INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3)",
    )
    taken = await take(target, repository)
    assert (taken.rows("public.parent"), taken.rows("public.child")) == (1, 1)
    assert restored(server, taken) == server.fingerprint(target)


async def test_archive_holds_sequences_large_objects_and_views(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(
        target,
        "CREATE SEQUENCE counter START 40; SELECT nextval('counter'), nextval('counter');"
        "CREATE SEQUENCE fresh; CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v int, double int GENERATED ALWAYS AS"
        " (v * 2) STORED); INSERT INTO t (v) VALUES (5), (6);"
        "CREATE MATERIALIZED VIEW m AS SELECT sum(v) AS total FROM t;"
        "CREATE MATERIALIZED VIEW unpopulated AS SELECT 1 AS i WITH NO DATA; SELECT lo_from_bytea(4711, '\\xdeadbeef')",
    )
    taken = await take(target, repository)
    after = restored(any_server, taken)
    assert after == any_server.fingerprint(target)
    assert after["sequences"]["public.counter"][-2:] == ["41", "True"]
    assert after["sequences"]["public.fresh"][-2:] == ["1", "False"]
    assert list(after["large_objects"]) == ["4711"]
    assert {state.name: (state.last_value, state.is_called) for state in taken.manifest.sequences} == {
        "counter": (41, True),
        "fresh": (1, False),
        "t_id_seq": (2, True),
    }


async def test_swapped_values_change_the_fingerprint(server: TestServer, repository: RepositoryTarget) -> None:
    """The record hash alone is linear: most swaps of values between rows would go unseen."""
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT i AS a, i * 7 AS b FROM generate_series(1, 200) i")
    before = (await take(target, repository)).fingerprint("public.t")
    for left, right in ((1, 2), (50, 150), (199, 200)):
        server.execute(
            target,
            f"UPDATE t SET b = CASE a WHEN {left} THEN {right * 7} ELSE {left * 7} END WHERE a IN ({left}, {right})",
        )
        swapped = (await take(target, repository)).fingerprint("public.t")
        assert swapped != before
        server.execute(target, "UPDATE t SET b = a * 7")
    assert (await take(target, repository)).fingerprint("public.t") == before


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("numeric", "1.0", "1.00"),
        ("float8", "'0'", "'-0'"),
        ("text", "'NULL'", "NULL"),
        ("text[]", "'{a,b}'", "'[0:1]={a,b}'"),
        ("jsonb", "'{\"a\": 1}'", "'{\"a\": 1.0}'"),
        ("json", "'{\"a\":1}'", "'{\"a\": 1}'"),
        ("interval", "'1 month'", "'30 days'"),
        ("char(5)", "'a'", "'b'"),
    ],
)
async def test_near_twins_have_different_fingerprints(
    server: TestServer, repository: RepositoryTarget, column: str, one: str, other: str
) -> None:
    target = server.create_database()
    server.execute(target, f"CREATE TABLE a (v {column}); CREATE TABLE b (v {column})")
    server.execute(target, f"INSERT INTO a VALUES ({one}), (NULL); INSERT INTO b VALUES ({other}), (NULL)")
    taken = await take(target, repository)
    assert taken.fingerprint("public.a") != taken.fingerprint("public.b")


async def test_fingerprints_do_not_depend_on_where_rows_lie(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TYPE mood AS ENUM ('sad', 'fine'); CREATE TABLE a (i int, m mood, n numeric);"
        "INSERT INTO a SELECT i, CASE i % 2 WHEN 0 THEN 'sad' ELSE 'fine' END::mood, i / 3.0 FROM generate_series(1, 500) i;"
        "CREATE TABLE b (n numeric, m mood, i int); INSERT INTO b SELECT n, m, i FROM a ORDER BY random()",
    )
    taken = await take(target, repository)
    assert taken.fingerprint("public.a") == taken.fingerprint("public.b")


async def test_settings_of_the_role_do_not_change_values(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    role = "careless"
    server.execute(
        target,
        "CREATE TABLE t AS SELECT 0.1::float8 + 0.2::float8 AS f, '2026-11-23'::date AS d, '1 day'::interval AS i,"
        " '\\x00ff'::bytea AS b, '2026-11-23 12:00+00'::timestamptz AS z",
    )
    server.execute("postgres", f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} SUPERUSER LOGIN")
    for setting in (
        "extra_float_digits = 0",
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'sql_standard'",
        "bytea_output = 'escape'",
        "timezone = 'Asia/Tokyo'",
        "search_path = 'nowhere'",
        "statement_timeout = '1s'",
        "row_security = on",
        "standard_conforming_strings = off",
    ):
        server.execute("postgres", f"ALTER ROLE {role} SET {setting}")
    try:
        careless = await take(server.target(name_of(target), role=role), repository)
        careful = await take(target, repository)
        assert b"0.30000000000000004\t2026-11-23\t1 day\t\\\\x00ff\t2026-11-23 12:00:00+00\n" in careless.document
        assert careless.fingerprint("public.t") == careful.fingerprint("public.t")
    finally:
        server.execute("postgres", f"DROP ROLE {role}")


async def test_row_level_security_is_an_error_not_fewer_rows(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    role = "watched"
    server.execute("postgres", f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")
    server.execute(
        target,
        f"CREATE TABLE t AS SELECT generate_series(1, 1000) AS i; GRANT SELECT ON t TO {role};"
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON t USING (i <= 100)",
    )
    try:
        with pytest.raises(PrivilegeError) as failure:
            await take(server.target(name_of(target), role=role), repository)
        assert "row-level security" in failure.value.message + str(failure.value.detail)
        assert "BYPASSRLS" in (failure.value.remedy or "")
        assert LocalRepository(repository).ids() == []
    finally:
        server.execute(target, f"DROP OWNED BY {role}")
        server.execute("postgres", f"DROP ROLE {role}")


async def test_missing_privilege_names_the_table(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    role = "stranger"
    server.execute("postgres", f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")
    server.execute(target, "CREATE TABLE payroll AS SELECT 1 AS i")
    try:
        with pytest.raises(PrivilegeError, match="payroll"):
            await take(server.target(name_of(target), role=role), repository)
    finally:
        server.execute("postgres", f"DROP ROLE {role}")


async def test_special_tables(any_server: TestServer, repository: RepositoryTarget) -> None:
    target = any_server.create_database(template="template0", encoding="UTF8", locale="C")
    any_server.execute(
        target,
        "CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;"
        "CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'grey'); CREATE TABLE spread (c colour, i int)"
        " PARTITION BY HASH (c);"
        "CREATE TABLE spread_0 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE spread_1 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO spread SELECT (enum_range(NULL::colour))[1 + i % 4], i FROM generate_series(1, 40) i;"
        "CREATE UNLOGGED TABLE scratch AS SELECT generate_series(1, 5) AS i;"
        "CREATE TABLE dropped (a int, b int, c int); INSERT INTO dropped VALUES (1, 2, 3); ALTER TABLE dropped DROP COLUMN b",
    )
    taken = await take(target, repository)
    carried = {table.name: table.carried_by for table in taken.manifest.tables}
    assert carried["spread_0"] == carried["spread_1"] == "archive"
    assert carried["nothing"] == "segments"
    assert taken.rows("public.nothing") == 2
    assert taken.summary.rows == 2 + 40 + 5 + 1
    assert {table.loaded_through for table in taken.manifest.tables if table.carried_by == "archive"} == {
        "public.spread"
    }
    assert leaves_together(restored(any_server, taken)) == leaves_together(any_server.fingerprint(target))


def leaves_together(fingerprint: dict[str, Any]) -> dict[str, Any]:
    """An enum hashes by its oid, which a restore changes: rows move between the leaves, none is lost."""
    leaves = [fingerprint["tables"].pop(f"public.spread_{number}") for number in range(2)]
    fingerprint["tables"]["public.spread"] = [sum(leaf[0] for leaf in leaves), sum(int(leaf[1]) for leaf in leaves)]
    return fingerprint


async def test_least_privilege_role_backs_up_everything(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.load_corpus("pagila")
    role = "backup_only"
    server.execute(
        "postgres",
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD 'hidden'; GRANT pg_read_all_data TO {role};"
        f"ALTER ROLE {role} SET default_transaction_read_only = on",
    )
    try:
        taken = await take(server.target(name_of(target), role=role), repository)
        assert restored(server, taken) == server.fingerprint(target)
        assert "SCRAM-SHA-256$" in (taken.directory / "globals.sql").read_text()
        assert taken.manifest.warnings == ()
    finally:
        server.execute("postgres", f"DROP ROLE {role}")


async def test_hash_partitions_by_an_expression_of_an_enum(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    server.execute(
        target,
        "CREATE TYPE colour AS ENUM ('red', 'green', 'blue'); CREATE TABLE spread (c colour, i int)"
        " PARTITION BY HASH ((COALESCE(c, 'red'::colour)));"
        "CREATE TABLE spread_0 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE spread_1 PARTITION OF spread FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "INSERT INTO spread SELECT (enum_range(NULL::colour))[1 + i % 3], i FROM generate_series(1, 60) i",
    )
    taken = await take(target, repository)
    assert leaves_together(restored(server, taken)) == leaves_together(server.fingerprint(target))


async def test_warnings_of_client_tools_are_kept(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.load_corpus("pagila")
    role = "no_subscriptions"
    server.execute(
        "postgres",
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN BYPASSRLS; GRANT pg_read_all_data TO {role}",
    )
    server.execute(
        target,
        "CREATE SUBSCRIPTION elsewhere CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE)",
    )
    try:
        taken = await take(server.target(name_of(target), role=role), repository)
        assert any("subscription" in warning for warning in taken.manifest.warnings)
    finally:
        server.execute(target, "DROP SUBSCRIPTION elsewhere")
        server.execute("postgres", f"DROP ROLE {role}")


async def test_what_a_person_should_know(server: TestServer, repository: RepositoryTarget) -> None:
    target = server.create_database()
    assert "the database has no tables" in (await take(target, repository)).manifest.warnings
    server.execute(
        target,
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE f (i int) SERVER s;"
        "CREATE TABLE prices (p money)",
    )
    warnings = "\n".join((await take(target, repository)).manifest.warnings)
    assert "foreign tables" in warnings
    assert "lc_monetary" in warnings
