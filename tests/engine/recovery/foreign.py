"""Dumps of others in tests: made by pg_dump or by hand, and restored as a role that is no superuser."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from pantry_tui.events import Event
from pantry_tui.models import DatabaseTarget, ForeignRestoreRequest, ForeignRestoreResult
from pantry_tui.recovery.foreign.service import restore_foreign
from tests.servers import TestServer

ROLE = "dump_reader"
END = "\n--\n-- PostgreSQL database dump complete\n--\n"


def make_role(server: TestServer) -> None:
    """The plain role, which tests of one server share."""
    found = server.execute("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'")
    if not found:
        server.execute("postgres", f"CREATE ROLE {ROLE} LOGIN CREATEDB")


def written(directory: Path, script: str, name: str = "theirs.sql") -> Path:
    """A script with the end mark of a whole one."""
    path = directory / name
    path.write_text(script + END, encoding="utf-8", newline="")
    return path


def dumped(server: TestServer, source: DatabaseTarget, path: Path, *options: str) -> Path:
    """What the server's own pg_dump makes of a database."""
    command = [str(server.client_tools / "pg_dump"), *options, f"--file={path}", f"--dbname={source.conninfo}"]
    subprocess.run(command, check=True)
    return path


async def restore_dump(
    path: Path, target: DatabaseTarget, on_event: Callable[[Event], None] = lambda event: None
) -> ForeignRestoreResult:
    """Restores a dump."""
    return await restore_foreign(ForeignRestoreRequest(path=str(path), target=target), on_event)
