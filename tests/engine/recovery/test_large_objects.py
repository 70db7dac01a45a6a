"""What large objects hold is compared after a restore, and not their number alone."""

from __future__ import annotations

import msgspec
import pytest

from pantry_tui.errors import VerificationError
from pantry_tui.events import Event, Logged
from pantry_tui.models import DatabaseTarget, RepositoryTarget
from pantry_tui.postgres.large_objects import large_objects_fingerprint
from pantry_tui.recovery.database import writable_session
from tests.engine.backup.taking import Taken, take
from tests.engine.recovery.restoring import restore, rewrite_manifest
from tests.servers import TestServer

PIECE = 1 << 20
# None, shorter than a piece, exactly one, more than two; and one with a hole.
OBJECTS = f"""
SELECT lo_create(1001);
SELECT lo_from_bytea(1002, convert_to('short', 'UTF8'));
SELECT lo_from_bytea(1003, convert_to(repeat('x', {PIECE}), 'UTF8'));
SELECT lo_from_bytea(1004, convert_to(repeat('y', {2 * PIECE + 5}), 'UTF8'));
SELECT lo_create(1005); SELECT lo_put(1005, {PIECE + 7}, convert_to('behind a hole', 'UTF8'));
"""


async def fingerprint(target: DatabaseTarget) -> str:
    async with await writable_session(target) as connection:
        return await large_objects_fingerprint(connection)


@pytest.fixture
def source(any_server: TestServer) -> DatabaseTarget:
    source = any_server.create_database()
    any_server.execute(source, OBJECTS)
    return source


async def test_every_change_is_another_fingerprint(server: TestServer) -> None:
    source = server.create_database()
    assert await fingerprint(source) == "0"
    server.execute(source, OBJECTS)
    found = [await fingerprint(source)]
    for change in (
        "SELECT lo_put(1002, 4, convert_to('T', 'UTF8'))",
        f"SELECT lo_put(1004, {2 * PIECE + 4}, convert_to('z', 'UTF8'))",
        "SELECT lo_put(1005, 0, convert_to('a', 'UTF8'))",
        "SELECT lo_unlink(1001), lo_create(1006)",
        f"SELECT lo_truncate(lo_open(1003, 131072), {PIECE - 1})",
    ):
        server.execute(source, change)
        found.append(await fingerprint(source))
    assert len(set(found)) == len(found)


async def test_what_they_hold_comes_back(
    any_server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
) -> None:
    taken = await take(source, repository)
    assert taken.manifest.large_objects_fingerprint == await fingerprint(source)
    said: list[Event] = []
    into = any_server.drop_after_test(f"{source.name}_new")
    result = await restore(into, repository, on_event=said.append)
    assert (result.validation.equal, result.warnings) == (True, ())
    assert "5 large objects hold what they held" in [each.message for each in said if isinstance(each, Logged)]


def changed(taken: Taken, fingerprint: str | None) -> None:
    manifest = msgspec.structs.replace(taken.manifest, large_objects_fingerprint=fingerprint)
    rewrite_manifest(taken.directory, manifest)


async def test_another_content_is_a_difference(server: TestServer, repository: RepositoryTarget) -> None:
    source = server.create_database()
    server.execute(source, OBJECTS)
    changed(await take(source, repository), "4711")
    server.drop_after_test(f"{source.name}_new")
    with pytest.raises(VerificationError, match="5 large objects do not hold, or are not numbered, as in the backup"):
        await restore(server.target(f"{source.name}_new"), repository)


@pytest.mark.slow
async def test_a_backup_of_an_earlier_version_says_their_number_alone(
    server: TestServer, repository: RepositoryTarget
) -> None:
    source = server.create_database()
    server.execute(source, OBJECTS)
    changed(await take(source, repository), None)
    result = await restore(server.drop_after_test(f"{source.name}_new"), repository)
    assert any("compared by their number alone" in warning for warning in result.warnings)
