"""A dump from an unknown hand gets nowhere: not by what it says, and not by what its code does."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.artifact.foreign.opening import ForeignFile
from pantry_tui.artifact.foreign.script import inspect, script_of
from pantry_tui.errors import PantryError, PrivilegeError, RefusedError, RestoreError
from pantry_tui.events import Event, PhaseStarted
from pantry_tui.recovery.foreign.session import Session
from tests.engine.recovery.foreign import ROLE, dumped, make_role, restore_dump, written
from tests.engine.recovery.restoring import databases
from tests.servers import TestServer

NEW = "hostile"


@pytest.fixture(autouse=True)
def _nothing_is_left(any_server: TestServer) -> Iterator[None]:
    make_role(any_server)
    yield
    left = [name for name in databases(any_server) if name.startswith(NEW)]
    for name in left:
        any_server.drop_database(name)
    assert not left


def cluster(server: TestServer) -> list[tuple[object, ...]]:
    """What a dump could have changed outside of its database."""
    return [
        *server.execute("postgres", "SELECT a.oid, a.* FROM pg_authid a ORDER BY 1"),
        *server.execute(
            "postgres", "SELECT s.setdatabase, s.setrole, s.setconfig FROM pg_db_role_setting s ORDER BY 1, 2"
        ),
        *server.execute("postgres", "SELECT m.roleid, m.member FROM pg_auth_members m ORDER BY 1, 2"),
        *server.execute("postgres", "SELECT d.datname, d.datacl::text FROM pg_database d ORDER BY 1"),
    ]


@pytest.mark.parametrize(
    "statement",
    ["COPY t FROM PROGRAM 'touch {proof}';", "COPY t TO '{proof}';", "\\! touch {proof}", "SELECT 1 \\g |touch {proof}",
     "ALTER SYSTEM SET archive_command = 'touch {proof}';", "CREATE ROLE evil SUPERUSER;", "\\connect postgres",
     "SELECT lo_export(1, '{proof}');", "LOAD '{proof}';", "\\copy t to program 'touch {proof}'", "\\o {proof}",
     "DROP DATABASE postgres;"],
)  # fmt: skip
async def test_before_anything_has_run(any_server: TestServer, tmp_path: Path, statement: str) -> None:
    """Also where what is refused is the very last line: nothing is created, nothing connected to for it."""
    proof = tmp_path / "proof"
    before, phases = cluster(any_server), list[str]()

    def hear(event: Event) -> None:
        phases.extend([event.phase] if isinstance(event, PhaseStarted) else [])

    script = "CREATE TABLE t (a text);\nINSERT INTO t VALUES ('x');\n" + statement.format(proof=proof) + "\n"
    with pytest.raises(RefusedError, match=r"theirs.sql, line 3: "):
        await restore_dump(written(tmp_path, script), any_server.target(NEW, role=ROLE), hear)
    assert phases == ["inspect"]
    assert not proof.exists()
    assert cluster(any_server) == before


CODE = {
    "at once": "DO $do$ BEGIN EXECUTE $x$…$x$; END $do$;",
    "in a subtransaction": "DO $do$ BEGIN BEGIN EXECUTE $x$…$x$; EXCEPTION WHEN OTHERS THEN NULL; END; END $do$;",
    "deferred to the commit": """CREATE TABLE t (a int);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN EXECUTE $x$…$x$; RETURN new; END $f$;
        CREATE CONSTRAINT TRIGGER f AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();
        INSERT INTO t VALUES (1);""",
    "deferred again": """CREATE TABLE t (a int);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN
            IF new.a = 1 THEN SET CONSTRAINTS ALL DEFERRED; INSERT INTO public.t VALUES (2);
            ELSE EXECUTE $x$…$x$; END IF; RETURN new; END $f$;
        CREATE CONSTRAINT TRIGGER f AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();
        INSERT INTO t VALUES (1);""",
    "when a held cursor is read": """
        CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN EXECUTE $x$…$x$; RETURN 1; END $f$;
        DO $do$ BEGIN EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT public.f()'; END $do$;""",
}


@pytest.mark.parametrize(
    "statement",
    [
        f"ALTER ROLE {ROLE} PASSWORD 'mine'",
        f"ALTER ROLE {ROLE} SET search_path = evil",
        "ALTER DATABASE other_of_ours SET search_path = evil",
        "GRANT ALL ON DATABASE other_of_ours TO PUBLIC",
        "COMMENT ON DATABASE other_of_ours IS 'evil'",
    ],
)
@pytest.mark.parametrize(
    "code", ["at once", "in a subtransaction", "deferred to the commit", "deferred again", "when a held cursor is read"]
)
async def test_code_that_writes_outside(any_server: TestServer, tmp_path: Path, statement: str, code: str) -> None:
    """What the role may do to itself and to what else it owns is seen before the commit, and never comes to be."""
    any_server.create_database("other_of_ours", owner=ROLE)
    before = cluster(any_server)
    script = CODE[code].replace("…", statement) + "\n"
    held = code == "when a held cursor is read"
    target = any_server.target(NEW, role=ROLE)
    if held:  # the cursor is closed unread
        await restore_dump(written(tmp_path, script), target)
        any_server.drop_database(NEW)
    else:
        said = "is pending" if code == "deferred again" else "code of the dump wrote outside of its database: to pg_"
        with pytest.raises(RefusedError, match=said):
            await restore_dump(written(tmp_path, script), target)
    assert cluster(any_server) == before


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {proof}'''; END $$;", "external program"),
        (
            "DO $$ BEGIN EXECUTE 'ALTER SYSTEM SET work_mem = 1'; END $$;",
            "ALTER SYSTEM cannot",
        ),
        ("DO $$ BEGIN PERFORM lo_export(lo_create(0), '{proof}'); END $$;", "permission denied for function lo_export"),
        ("DO $$ BEGIN EXECUTE 'CREATE ROLE evil'; END $$;", "permission denied to create role"),
        ("DO $$ BEGIN EXECUTE 'SET ROLE postgres'; END $$;", "permission denied to set role"),
        (
            "DO $$ BEGIN EXECUTE 'RESET SESSION AUTHORIZATION; SET SESSION AUTHORIZATION postgres'; END $$;",
            "permission denied",
        ),
        ("DO $$ BEGIN COMMIT; END $$;", "invalid transaction termination"),
        ("SELECT set_config('standard_conforming_strings', 'off', false);", "this changed standard_conforming_strings"),
        ("CREATE FUNCTION f() RETURNS int AS '{proof}', 'x' LANGUAGE c;", "permission denied for language c"),
        (
            "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();",
            "permission denied to create event trigger",
        ),
    ],
)
async def test_what_the_server_refuses_the_role(
    any_server: TestServer, tmp_path: Path, script: str, message: str
) -> None:
    proof, before = tmp_path / "proof", cluster(any_server)
    with pytest.raises(RestoreError) as caught:
        await restore_dump(
            written(tmp_path, f"SELECT 1;\n{script.replace('{proof}', str(proof))}\n"),
            any_server.target(NEW, role=ROLE),
        )
    assert caught.value.message.startswith("theirs.sql, line 2: ")
    assert message in caught.value.message
    assert not proof.exists()
    assert cluster(any_server) == before


async def test_two_statements_in_one_message(
    any_server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the lexer ever be deceived, the server refuses what would be smuggled."""
    monkeypatch.setattr("pantry_tui.artifact.foreign.lexer._ROUTINE", re.compile(b".*"))
    script = "SELECT 1 AS begin; ROLLBACK; CREATE TABLE evil (); SELECT 1 AS end;\n"
    with pytest.raises(RestoreError, match="cannot insert multiple commands into a prepared statement"):
        await restore_dump(written(tmp_path, script), any_server.target(NEW, role=ROLE))


async def test_roles_that_could_do_harm(any_server: TestServer, tmp_path: Path) -> None:
    path = written(tmp_path, "SELECT 1;")
    make = (
        "CREATE ROLE harmful_super LOGIN SUPERUSER; CREATE ROLE harmful_maker LOGIN CREATEROLE CREATEDB;"
        "CREATE ROLE harmful_member LOGIN CREATEDB; GRANT pg_execute_server_program TO harmful_member;"
        "CREATE ROLE harmful_heir LOGIN CREATEDB NOINHERIT; GRANT harmful_super TO harmful_heir;"
        "CREATE ROLE harmful_copier LOGIN REPLICATION CREATEDB"
    )
    any_server.execute("postgres", make)
    roles = {
        "harmful_super": "role harmful_super is a superuser",
        "harmful_maker": "role harmful_maker is allowed to make roles",
        "harmful_member": "role harmful_member is a member of pg_execute_server_program",
        "harmful_heir": "role harmful_heir is a member of harmful_super, which is a superuser",
        "harmful_copier": "role harmful_copier is allowed to read everything by replication",
    }
    try:
        for role, message in roles.items():
            with pytest.raises(PrivilegeError, match=message) as caught:
                await restore_dump(path, any_server.target(NEW, role=role))
            assert 'CREATE DATABASE "hostile" OWNER dump_reader TEMPLATE template0' in (caught.value.remedy or "")
    finally:
        any_server.execute("postgres", "; ".join(f"DROP ROLE {role}" for role in reversed(roles)))


async def test_databases_that_are_not_the_roles_own(any_server: TestServer, tmp_path: Path) -> None:
    path, theirs = written(tmp_path, "SELECT 1;"), any_server.create_database()
    with pytest.raises(RestoreError, match=f"does not belong to role {ROLE}"):
        await restore_dump(path, any_server.target(theirs.name, role=ROLE))
    any_server.execute("postgres", "CREATE ROLE without_createdb LOGIN")
    try:
        with pytest.raises(PrivilegeError, match="role without_createdb may not create database hostile"):
            await restore_dump(path, any_server.target(NEW, role="without_createdb"))
    finally:
        any_server.execute("postgres", "DROP ROLE without_createdb")


async def test_a_result_of_any_size_is_thrown_away_as_it_comes(any_server: TestServer, tmp_path: Path) -> None:
    script = "SELECT repeat('x', 1000) FROM generate_series(1, 100000);\n"
    target = any_server.target(NEW, role=ROLE)
    before = _peak()
    await restore_dump(written(tmp_path, script), target)
    assert _peak() - before < 50_000
    any_server.drop_database(NEW)


def _peak() -> int:
    """The most memory that this process ever had, in KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


async def test_cancelled_in_the_middle(any_server: TestServer, tmp_path: Path) -> None:
    running = asyncio.Event()

    def hear(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "run":
            running.set()

    script = "CREATE TABLE t (a int);\nSELECT pg_sleep(600);\n"
    task = asyncio.create_task(restore_dump(written(tmp_path, script), any_server.target(NEW, role=ROLE), hear))
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_when_it_is_committed(
    any_server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is done, and says so: nobody is told that the database is as empty as before."""
    loop = asyncio.get_running_loop()
    commit, committed, gone_on = Session.commit, asyncio.Event(), threading.Event()

    def late(session: Session) -> None:
        commit(session)
        loop.call_soon_threadsafe(committed.set)
        assert gone_on.wait(30.0)

    monkeypatch.setattr(Session, "commit", late)
    target = any_server.create_database("committed_dump", owner=ROLE)
    work = asyncio.create_task(
        restore_dump(written(tmp_path, "CREATE TABLE t (a int);\n"), any_server.target(target.name, role=ROLE))
    )
    await committed.wait()
    work.cancel()
    loop.call_soon(gone_on.set)
    assert (await work).target == "committed_dump"
    assert any_server.execute(target, "SELECT count(*) FROM t") == [(0,)]


async def test_a_file_that_changes_between_the_readings(any_server: TestServer, tmp_path: Path) -> None:
    path = written(tmp_path, "SELECT 1;\n")

    def hear(event: Event) -> None:
        if isinstance(event, PhaseStarted) and event.phase == "create":
            written(tmp_path, "SELECT 2;\n")

    with pytest.raises(RestoreError, match="is not what it was a moment ago"):
        await restore_dump(path, any_server.target(NEW, role=ROLE), hear)


async def test_no_changed_byte_of_an_archive_is_more_than_an_error(any_server: TestServer, tmp_path: Path) -> None:
    """Crafted archives: whatever the reader makes of one, it ends in an error of this program's, or as a dump like others."""
    source = any_server.create_database()
    any_server.execute(source, "CREATE TABLE t AS SELECT 'a' AS v; SELECT lo_from_bytea(0, '\\x00')")
    whole = dumped(any_server, source, tmp_path / "whole", "-Fc").read_bytes()
    path, read = tmp_path / "changed", 0
    for place in range(5, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :])
        try:
            await asyncio.to_thread(_inspect, path)
            read += 1
        except PantryError:
            continue
    assert 0 < read < len(whole)


def _inspect(path: Path) -> None:
    inspect(script_of(ForeignFile.at(path)), threading.Event(), lambda: None)
