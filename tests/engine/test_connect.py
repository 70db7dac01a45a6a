"""Connections to real servers by libpq's rules, and their errors."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from pantry_tui.config import Config
from pantry_tui.errors import (
    AuthenticationError,
    ConnectionLostError,
    DatabaseMissingError,
    LockTimeoutError,
    PantryError,
    PrivilegeError,
    ServerError,
    ServerUnreachableError,
)
from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.connect import adopt_environment, child_environment, connect, conninfo, server_error
from pantry_tui.postgres.private import PrivateServer
from tests.servers import TestServer


def by_environment(server: TestServer, database: str, **more: str) -> DatabaseTarget:
    """The same server without any connection string."""
    address = {"PGHOST": str(server.private.socket_directory), "PGPORT": str(server.private.port)}
    user = psycopg.conninfo.conninfo_to_dict(server.target(database).conninfo)["user"]
    return DatabaseTarget(name=database, environment={**address, "PGUSER": str(user), "PGDATABASE": database, **more})


async def scalar(target: DatabaseTarget, query: str, dbname: str | None = None) -> object:
    async with await connect(target, application="test", dbname=dbname) as connection:
        row = await (await connection.execute(query.encode())).fetchone()
    return row[0] if row else None


async def test_the_connection_says_who_it_is(any_server: TestServer) -> None:
    target = any_server.create_database()
    assert await scalar(target, "SHOW application_name") == "pantry-tui test"
    assert await scalar(target, "SELECT current_database()") == target.name


@pytest.mark.parametrize(
    ("encoding", "spoken"),
    [
        ("UTF8", "UTF8"),
        ("LATIN1", "UTF8"),
        ("EUC_TW", "UTF8"),
        ("MULE_INTERNAL", "LATIN1"),
        ("SQL_ASCII", b"SQL_ASCII"),
    ],
)
async def test_every_encoding(server: TestServer, encoding: str, spoken: object) -> None:
    target = server.create_database(template="template0", encoding=encoding, lc_collate="C", lc_ctype="C")
    server.execute("postgres", f"ALTER DATABASE \"{target.name}\" SET client_encoding = 'SQL_ASCII'")
    assert await scalar(target, "SHOW client_encoding") == spoken


@pytest.mark.parametrize("name", ["a=b", "-f/tmp/x", "host=elsewhere", 'o\'brien \\ "x"', "Ümläut\nline", " blank "])
async def test_hostile_names_are_names(server: TestServer, name: str) -> None:
    target = server.create_database(name)
    assert await scalar(target, "SELECT current_database()") == name
    assert await scalar(server.target("postgres"), "SELECT current_database()", dbname=name) == name
    done = subprocess.run(
        [server.client_tools / "psql", "-XAtc", "SELECT 1", f"--dbname={conninfo(target, application='x')}"],
        env=child_environment(target),
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"1\n"


async def test_variables_alone_reach_a_server_and_leave_this_process_as_it_was(server: TestServer) -> None:
    before = dict(os.environ)
    target = by_environment(server, server.create_database().name)
    assert await scalar(target, "SELECT current_database()") == target.name
    assert dict(os.environ) == before


async def test_variables_of_this_process_do_not_count(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    target = by_environment(server, server.create_database().name)
    monkeypatch.setenv("PGHOST", "/nonexistent")
    monkeypatch.setenv("PGOPTIONS", "-c geqo=off")
    assert await scalar(target, "SHOW geqo") == "on"
    assert os.environ["PGHOST"] == "/nonexistent"
    assert "PGOPTIONS" not in child_environment(target)


async def test_several_servers_at_once(server: TestServer) -> None:
    targets = [by_environment(server, server.create_database().name) for _ in range(4)]
    found = await asyncio.gather(*(scalar(target, "SELECT current_database()") for target in targets))
    assert found == [target.name for target in targets]


async def test_a_service_file(server: TestServer, tmp_path: Path) -> None:
    target, file = server.create_database(), tmp_path / "services"
    lines = [f"{key}={value}" for key, value in psycopg.conninfo.conninfo_to_dict(target.conninfo).items()]
    file.write_text("\n".join(["[kitchen]", *lines]))
    variables = {"PGSERVICE": "kitchen", "PGSERVICEFILE": str(file)}
    by_service = Config(data_directory="/d", environment=variables).database_target()
    assert by_service.name == "kitchen"
    assert await scalar(by_service, "SELECT current_database()") == target.name


async def test_adopt_environment_is_exact(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGDATABASE", "none")
    monkeypatch.setenv("PGUSER", "none")
    monkeypatch.setenv("PGPORT", "1")
    target = by_environment(server, "postgres")
    adopt_environment(target)
    assert {name: value for name, value in os.environ.items() if name.startswith("PG")} == target.environment
    with psycopg.connect(conninfo(target, application="x")) as connection:
        assert connection.info.dbname == "postgres"


def test_a_child_gets_little_and_its_password() -> None:
    target = DatabaseTarget(name="x", conninfo="host=h", environment={"PGPASSWORD": "p", "LD_PRELOAD": "/x"})
    environment = child_environment(target)
    assert environment["PGPASSWORD"] == "p"
    assert environment["LC_ALL"] == "C"
    assert set(environment) <= {"PATH", "HOME", "TMPDIR", "KRB5CCNAME", "LC_ALL", "PGPASSWORD"}
    assert "password" not in conninfo(target, application="x")


async def test_a_role_that_may_not_log_in(server: TestServer) -> None:
    database = server.create_database()
    server.execute("postgres", "DROP ROLE IF EXISTS test_nologin; CREATE ROLE test_nologin NOLOGIN")
    with pytest.raises(AuthenticationError, match="not permitted to log in") as caught:
        await connect(server.target(database.name, role="test_nologin"), application="test")
    assert "pgpass" in (caught.value.remedy or "")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[DatabaseTarget]:
    """A server that wants a password from the role `ann`: s3cret."""
    with PrivateServer(tmp_path / "server") as private:
        owner = private.target("postgres")
        with psycopg.connect(owner.conninfo, autocommit=True) as connection:
            connection.execute("SET password_encryption = 'scram-sha-256'")
            connection.execute("CREATE ROLE ann LOGIN PASSWORD 's3cret'")
            (rules,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            file = Path(rules)
            file.write_text("local all ann scram-sha-256\n" + file.read_text())
            connection.execute("SELECT pg_reload_conf()")
        yield private.target("postgres", role="ann")


async def test_passwords(locked: DatabaseTarget, tmp_path: Path) -> None:
    pgpass = tmp_path / "pgpass"
    pgpass.write_text("*:*:*:ann:s3cret\n")
    pgpass.chmod(0o600)
    for environment in ({"PGPASSWORD": "s3cret"}, {"PGPASSFILE": str(pgpass)}):
        assert await scalar(msgspec.structs.replace(locked, environment=environment), "SELECT current_user") == "ann"
    host, port = (psycopg.conninfo.conninfo_to_dict(locked.conninfo)[key] for key in ("host", "port"))
    variables = {"DATABASE_URL": f"postgresql://ann:s3cret@/postgres?host={host}&port={port}"}
    by_url = Config(data_directory="/d", environment=variables).database_target()
    assert await scalar(by_url, "SELECT current_user") == "ann"
    for environment in ({"PGPASSWORD": "canary"}, {}):
        with pytest.raises(AuthenticationError, match="Cannot connect to postgres at socket") as caught:
            await connect(msgspec.structs.replace(locked, environment=environment), application="test")
        assert "canary" not in f"{caught.value.message} {caught.value.detail} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("host=127.0.0.1 port=1", "127.0.0.1, port 1: Connection refused"),
        ("host=localhost port=1", "localhost, port 1: Connection refused"),
        ("host=/nonexistent", "socket /nonexistent, port 5432: No such file"),
        ("host=nowhere.invalid", "nowhere.invalid, port 5432: .*not known"),
    ],
)
async def test_nobody_there(address: str, said: str) -> None:
    target = DatabaseTarget(name="crm", conninfo=address, environment={"PGPASSWORD": "canary"})
    with pytest.raises(ServerUnreachableError, match=f"Cannot reach the server of crm at {said}") as caught:
        await connect(target, application="test")
    assert "pg_isready" in (caught.value.remedy or "")


async def test_nobody_answers() -> None:
    """A listener that accepts and says nothing."""
    listener = await asyncio.start_server(lambda _reader, writer: silent.append(writer), "127.0.0.1", 0)
    silent: list[asyncio.StreamWriter] = []
    port = listener.sockets[0].getsockname()[1]
    target = DatabaseTarget(name="crm", conninfo=f"host=127.0.0.1 port={port}")
    try:
        with pytest.raises(ServerUnreachableError, match="timeout expired"):
            await connect(target, application="test", connect_timeout=2)
    finally:
        for writer in silent:
            writer.close()
        listener.close()
        await listener.wait_closed()


async def test_port_6543_is_explained() -> None:
    with pytest.raises(ServerUnreachableError) as caught:
        await connect(DatabaseTarget(name="crm", conninfo="host=127.0.0.1 port=6543"), application="test")
    assert "use port 5432" in (caught.value.remedy or "")


async def test_no_such_database(any_server: TestServer) -> None:
    with pytest.raises(DatabaseMissingError, match='database "Absent" does not exist'):
        await connect(any_server.target("Absent"), application="test")


async def test_a_database_that_is_full(server: TestServer) -> None:
    database = server.create_database()
    server.execute("postgres", "DROP ROLE IF EXISTS test_one; CREATE ROLE test_one LOGIN CONNECTION LIMIT 1")
    target = server.target(database.name, role="test_one")
    async with await connect(target, application="first"):
        with pytest.raises(ServerError, match="too many connections for role") as caught:
            await connect(target, application="second")
    assert "CONNECTION LIMIT" in (caught.value.remedy or "")


async def fails(target: DatabaseTarget, statement: str) -> PantryError:
    async with await connect(target, application="test") as connection:
        with pytest.raises(psycopg.Error) as caught:
            await connection.execute(statement.encode())
    return server_error(caught.value, doing="reading tables")


async def test_errors_of_statements(any_server: TestServer) -> None:
    target = any_server.create_database()
    any_server.execute(target, "CREATE TABLE t (); DROP ROLE IF EXISTS test_low; CREATE ROLE test_low LOGIN")
    low = any_server.target(target.name, role="test_low")
    denied = await fails(low, "SELECT FROM t")
    assert isinstance(denied, PrivilegeError)
    assert denied.message == "Reading tables failed: permission denied for table t"
    assert "SQLSTATE 42501" in (denied.detail or "")
    assert type(await fails(target, "SELECT 1/0")) is ServerError
    with any_server.connect(target, autocommit=False) as holder:
        holder.execute("LOCK TABLE t")
        assert isinstance(await fails(target, "BEGIN; LOCK TABLE t NOWAIT"), LockTimeoutError)
        holder.rollback()


@pytest.fixture
def disconnect(server: TestServer) -> Callable[[str], None]:
    def end(application: str) -> None:
        query = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = "
        server.execute("postgres", f"{query}'{application}'")

    return end


async def test_a_connection_that_is_cut(server: TestServer, disconnect: Callable[[str], None]) -> None:
    connection = await connect(server.create_database(), application="victim")
    disconnect("pantry-tui victim")
    with pytest.raises(psycopg.Error) as caught:
        await connection.execute("SELECT 1")
    assert isinstance(server_error(caught.value, doing="copying"), ConnectionLostError)
    with pytest.raises(psycopg.Error) as again:
        await connection.execute("SELECT 1")
    assert isinstance(server_error(again.value, doing="copying"), ConnectionLostError)
    await connection.close()


async def test_an_empty_variable_counts_as_unset(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    target = by_environment(server, server.create_database().name, PGCONNECT_TIMEOUT="")
    with monkeypatch.context() as patch:
        patch.setenv("PGCONNECT_TIMEOUT", "")
        patch.setenv("PGSSLMODE", "")
        async with await connect(target, application="test"):
            pass
        assert os.environ["PGSSLMODE"] == ""


async def test_short_password_hides_no_words_that_tell(server: TestServer) -> None:
    target = msgspec.structs.replace(server.target("nowhere"), environment={"PGPASSWORD": "o"})
    with pytest.raises(DatabaseMissingError):
        await connect(target, application="test")
