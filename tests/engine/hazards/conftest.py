"""A database there and back: backed up, restored, its definitions and content compared by means of others."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from pantry_tui.models import DatabaseTarget, RepositoryTarget, RestoreResult
from tests.engine.backup.taking import Taken, take
from tests.engine.recovery.restoring import restore
from tests.servers import Row, TestServer

# What differs between two runs of the same pg_dump: the key of \restrict.
_RUN = re.compile(r"^\\(un)?restrict .*$", re.MULTILINE)


class Trip(NamedTuple):
    """What a database was, its backup, and what a restore made of that."""

    server: TestServer
    source: DatabaseTarget
    taken: Taken
    new: DatabaseTarget
    result: RestoreResult

    def execute(self, query: str) -> list[Row]:
        """Runs statements in the restored database."""
        return self.server.execute(self.new, query)

    def comes_back(self, query: str) -> list[Row]:
        """The rows of a query in the restored database, which are those in the source."""
        rows = self.execute(query)
        assert rows == self.server.execute(self.source, query)
        return rows


ThereAndBack = Callable[[str], Awaitable[Trip]]


def definitions(server: TestServer, target: DatabaseTarget) -> str:
    """Every definition of a database, as pg_dump writes it."""
    command = [str(server.client_tools / "pg_dump"), "--schema-only", f"--dbname={target.conninfo}"]
    done = subprocess.run(command, capture_output=True, check=True)
    return _RUN.sub("", done.stdout.decode())


async def there_and_back_on(server: TestServer, repository: RepositoryTarget, statements: str) -> Trip:
    """Makes a database of these statements, backs it up and restores it; both must be equal."""
    source = server.create_database(template="template0", encoding="UTF8", locale="C")
    server.psql(source, statements.encode())
    taken = await take(source, repository)
    new = server.drop_after_test(f"{source.name} came back")
    result = await restore(new, repository, backup_id=taken.summary.id)
    assert result.validation.equal
    assert definitions(server, new) == definitions(server, source)
    return Trip(server, source, taken, new, result)


@pytest.fixture
def there_and_back(any_server: TestServer, repository: RepositoryTarget) -> ThereAndBack:
    """`there_and_back_on` both servers."""

    async def go(statements: str) -> Trip:
        return await there_and_back_on(any_server, repository, statements)

    return go
