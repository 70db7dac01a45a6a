"""A real pgbouncer before a test server, where one is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pantry_tui.models import DatabaseTarget
from pantry_tui.postgres.account import ServerAccount
from tests.servers import TestServer

PORT = 6432
_CONFIGURATION = """
[databases]
* = host={server} port={port} user=postgres

[pgbouncer]
listen_addr =
listen_port = {own_port}
unix_socket_dir = {directory}
auth_type = any
pool_mode = {mode}
logfile = {directory}/log
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pgbouncer(server: TestServer, mode: str) -> Iterator[Path]:
    """Runs one in that pool mode; yields the directory of its socket."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    account = ServerAccount.current()
    # not below pytest's own directory: when root runs the tests, the account that pgbouncer needs cannot enter that
    directory = Path(tempfile.mkdtemp(prefix="pantry-pooler-", dir="/tmp"))
    text = _CONFIGURATION.format(
        server=server.private.socket_directory, port=server.private.port, own_port=PORT, directory=directory, mode=mode
    )
    settings = directory / "pgbouncer.ini"
    settings.write_text(text)
    for owned in (directory, settings):  # whatever the umask of this process has become
        shutil.chown(owned, account.user, account.group)
    process = subprocess.Popen(
        [program, "-q", str(settings)],
        cwd=directory,
        user=account.user if account.switched else None,
        group=account.group if account.switched else None,
        extra_groups=[] if account.switched else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _wait(directory, process)
        yield directory
    finally:
        process.terminate()
        process.communicate()
        shutil.rmtree(directory)


def through(directory: Path, target: DatabaseTarget) -> DatabaseTarget:
    """The same database, reached through the pooler."""
    conninfo = psycopg.conninfo.make_conninfo(target.conninfo, host=str(directory), port=PORT)
    return DatabaseTarget(name=target.name, conninfo=conninfo, client_tools=target.client_tools)


def _wait(directory: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while not (directory / f".s.PGSQL.{PORT}").exists():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < until
        time.sleep(0.01)
