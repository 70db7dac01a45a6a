"""Drills: a backup is proven, or found wanting, and nothing of the rehearsal stays."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.artifact.signing_key import signing_key
from pantry_tui.artifact.trusted import trusted_file
from pantry_tui.errors import (
    ClientToolError,
    DiskFullError,
    KeyMissingError,
    PantryError,
    PrivilegeError,
    ServerUnreachableError,
    UntrustedSignerError,
    UsageError,
    WrongKeyError,
)
from pantry_tui.events import Event, ignore
from pantry_tui.models import (
    BackupFormat,
    BackupKind,
    DatabaseTarget,
    DrillPlace,
    DrillRequest,
    DrillResult,
    RepositoryTarget,
    Unlocking,
)
from pantry_tui.postgres.private import PrivateServer
from pantry_tui.recovery.drill import drill_backup
from pantry_tui.recovery.rehearsal import FOLDER, remove_abandoned
from pantry_tui.repository.local import ProofRecord
from tests.engine.backup.taking import Taken, data_directory_of, opened, take
from tests.engine.recovery.restoring import damage, databases, rewrite_manifest
from tests.engine.recovery.test_failures import at_phase
from tests.servers import TestServer

ID = "20261123T020000Z-000000"
KEY, OTHER = X25519Identity.generate(), X25519Identity.generate()
RESTORING = ["check", "create", "pre-data", "rows", "post-data", "verify", "analyze"]
KILLED_AT_ROWS = """
import asyncio, os, signal, sys
from pantry_tui.events import PhaseStarted
from pantry_tui.models import DrillRequest
from pantry_tui.recovery.drill import drill_backup

def listen(event):
    if isinstance(event, PhaseStarted) and event.phase == "rows":
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(drill_backup(DrillRequest.from_json(sys.stdin.read()), listen))
"""


@pytest.fixture
def source(server: TestServer) -> DatabaseTarget:
    source = server.create_database()
    server.execute(
        source,
        "CREATE TABLE t (id serial PRIMARY KEY, v text); CREATE TABLE u (t int REFERENCES t);"
        "INSERT INTO t (v) SELECT md5(i::text) FROM generate_series(1, 3000) i; INSERT INTO u VALUES (1)",
    )
    return source


@pytest.fixture
def private(repository: RepositoryTarget) -> PrivateServer:
    """The server that a drill starts, to look for what it left."""
    return PrivateServer(Path(data_directory_of(repository)) / FOLDER / ID)


@pytest.fixture(autouse=True)
def _nothing_left(server: TestServer, private: PrivateServer, repository: RepositoryTarget) -> Iterator[None]:
    before = databases(server)
    yield
    assert {name for name in databases(server) if "_drill" in name} == {name for name in before if "_drill" in name}
    assert not private.running
    assert [path for path in (private.home, private.socket_directory) if path.exists()] == []
    folder = Path(data_directory_of(repository)) / FOLDER
    assert not folder.exists() or [path.name for path in folder.iterdir()] == [".lock"]


def drill_request(
    repository: RepositoryTarget,
    *,
    server: DatabaseTarget | None = None,
    unlocking: Unlocking = Unlocking(),  # noqa: B008  # frozen
    data_directory: str | None = None,
    rto_seconds: float | None = None,
) -> DrillRequest:
    return DrillRequest(
        repository=repository,
        backup_id="latest",
        where=DrillPlace.PRIVATE if server is None else DrillPlace.SERVER,
        server=server,
        rto_seconds=rto_seconds,
        jobs=2,
        unlocking=unlocking,
        drill_id=ID,
        data_directory=data_directory or data_directory_of(repository),
    )


async def drill(
    repository: RepositoryTarget,
    *,
    server: DatabaseTarget | None = None,
    unlocking: Unlocking = Unlocking(),  # noqa: B008  # frozen
    data_directory: str | None = None,
    rto_seconds: float | None = None,
    on_event: Callable[[Event], None] = ignore,
) -> DrillResult:
    request = drill_request(
        repository, server=server, unlocking=unlocking, data_directory=data_directory, rto_seconds=rto_seconds
    )
    return await drill_backup(request, on_event)


def proofs(taken: Taken, repository: RepositoryTarget) -> list[ProofRecord]:
    return [record for record in opened(repository).records(taken.summary.id) if isinstance(record, ProofRecord)]


async def test_on_a_private_server(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, private: PrivateServer
) -> None:
    taken = await take(source, repository)
    seen: list[bool] = []
    result = await drill(
        repository, rto_seconds=7200.0, on_event=at_phase("rows", lambda: seen.append(private.running))
    )
    assert seen == [True]
    assert (result.ok, result.failure, result.recorded, result.id) == (True, None, True, taken.summary.id)
    assert (result.tables, result.rows, result.where) == (2, 3001, DrillPlace.PRIVATE)
    assert (result.constraints_validated, result.sequences_compared) == (2, 1)
    assert list(result.phases) == ["server", *RESTORING, "finish"]
    assert result.total_seconds == pytest.approx(sum(result.phases.values()), abs=0.02)
    assert (result.rto_seconds, result.rto_met) == (7200.0, True)
    [proof] = proofs(taken, repository)
    assert (proof.kind, proof.ok, proof.at) == ("drill", True, result.finished_at)
    assert (proof.details["rows"], proof.details["where"]) == (3001, "private")
    assert proof.details["phases"] == result.phases
    summary = opened(repository).summary(taken.summary.id)
    assert (summary.proven_at, summary.drilled_at, summary.drilled) == (result.finished_at, result.finished_at, True)


async def test_the_private_server_is_of_the_sources_release(
    any_server: TestServer, repository: RepositoryTarget
) -> None:
    source = any_server.load_corpus("pagila")
    await take(source, repository)
    result = await drill(repository)
    assert (result.ok, result.failure) == (True, None)
    assert (result.server_version or "").split(".")[0] == str(any_server.version_num // 10_000)


async def test_beside_the_database(server: TestServer, repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository)
    seen: list[set[str]] = []
    result = await drill(
        repository,
        server=source,
        rto_seconds=0.0,
        on_event=at_phase("verify", lambda: seen.append({name for name in databases(server) if "_drill" in name})),
    )
    [[name]] = seen
    assert name.startswith(f"{taken.manifest.source.name}_drill.unverified-")
    assert (result.ok, result.rows, result.where, result.rto_met) == (True, 3001, DrillPlace.SERVER, False)
    assert list(result.phases) == ["server", *RESTORING]
    assert [proof.kind for proof in proofs(taken, repository)] == ["drill"]


@pytest.mark.parametrize(
    ("kind", "rows_format", "rows"),
    [
        (BackupKind.SCHEMA, BackupFormat.SQL, 0),
        (BackupKind.FULL, BackupFormat.JSON, 3001),
        (BackupKind.FULL, BackupFormat.CSV, 3001),
    ],
)
async def test_every_kind_and_format(
    repository: RepositoryTarget, source: DatabaseTarget, kind: BackupKind, rows_format: BackupFormat, rows: int
) -> None:
    await take(source, repository, kind=kind, rows_format=rows_format)
    result = await drill(repository, server=source)
    assert (result.ok, result.tables, result.rows) == (True, 2, rows)


async def test_rows_alone_are_refused(repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository, kind=BackupKind.DATA)
    with pytest.raises(UsageError, match="rows alone"):
        await drill(repository)
    assert proofs(taken, repository) == []


@pytest.mark.parametrize("role", ["artifact", "archive", "globals"])
async def test_a_damaged_backup_fails_and_that_is_recorded(
    repository: RepositoryTarget, source: DatabaseTarget, role: str
) -> None:
    taken = await take(source, repository)
    damage(taken.directory / taken.manifest.file(role).name, 100)
    result = await drill(repository, rto_seconds=7200.0)
    assert (result.ok, result.recorded, result.rto_met) == (False, True, False)
    assert result.failure is not None
    assert (result.failure.code, result.failure.exit_status) == ("backup_damaged", 22)
    [proof] = proofs(taken, repository)
    assert (proof.kind, proof.ok, proof.details["failure"]["code"]) == ("drill", False, "backup_damaged")
    summary = opened(repository).summary(taken.summary.id)
    assert (summary.proven_at, summary.drilled) == (None, False)


async def test_a_result_that_differs_fails_and_is_dropped(repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository)
    tables = [msgspec.structs.replace(table, fingerprint="1") for table in taken.manifest.tables]
    rewrite_manifest(taken.directory, msgspec.structs.replace(taken.manifest, tables=tuple(tables)))
    result = await drill(repository, server=source)
    assert result.failure is not None
    assert result.failure.code == "verification_failed"
    assert "inspection" not in (result.failure.remedy or "")
    assert list(result.phases)[-1] == "verify"
    assert [proof.ok for proof in proofs(taken, repository)] == [False]


@pytest.fixture
def owned(server: TestServer, source: DatabaseTarget) -> Iterator[DatabaseTarget]:
    """The database with roles in it that a new server does not have."""
    owner = '"Owner; of ""t"""'
    server.execute(
        source,
        f"CREATE ROLE {owner} BYPASSRLS PASSWORD 'secret'; CREATE ROLE drill_readers; GRANT drill_readers TO {owner};"
        f"ALTER TABLE t OWNER TO {owner}; GRANT SELECT ON t TO drill_readers",
    )
    yield source
    server.drop_database(source.name)
    server.execute("postgres", f"DROP ROLE {owner}; DROP ROLE drill_readers")


async def test_roles_come_with_the_backup(repository: RepositoryTarget, owned: DatabaseTarget) -> None:
    await take(owned, repository)
    result = await drill(repository)
    assert (result.ok, [warning for warning in result.warnings if "role" in warning]) == (True, [])


async def test_a_backup_that_lost_its_roles(repository: RepositoryTarget, owned: DatabaseTarget) -> None:
    taken = await take(owned, repository)
    (taken.directory / taken.manifest.file("globals").name).unlink()
    result = await drill(repository)
    assert result.failure is not None
    assert result.failure.code == "restore_failed"
    assert 'no role Owner; of "t", drill_readers' in result.failure.message
    assert "--on server" in (result.failure.remedy or "")
    assert [proof.ok for proof in proofs(taken, repository)] == [False]


async def test_an_encrypted_backup_needs_its_identity(repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository, recipients=(KEY.recipient.text,))
    with pytest.raises(KeyMissingError):
        await drill(repository)
    with pytest.raises(WrongKeyError):
        await drill(repository, unlocking=Unlocking(identities=(OTHER.secret_text,)))
    assert proofs(taken, repository) == []
    assert (await drill(repository, unlocking=Unlocking(identities=(KEY.secret_text,)))).ok
    assert [proof.ok for proof in proofs(taken, repository)] == [True]


async def test_a_stranger_drills_nothing_unasked(
    repository: RepositoryTarget, source: DatabaseTarget, tmp_path: Path
) -> None:
    await take(source, repository)
    with pytest.raises(UntrustedSignerError):
        await drill(repository, data_directory=str(tmp_path / "elsewhere"))


async def test_a_proof_from_another_machine(
    repository: RepositoryTarget, source: DatabaseTarget, tmp_path: Path
) -> None:
    taken = await take(source, repository)
    copy = RepositoryTarget(name="copy", location=str(tmp_path / "copy"))
    shutil.copytree(repository.location, copy.location)
    elsewhere = tmp_path / "elsewhere"
    stranger, own = signing_key(elsewhere).signer, signing_key(data_directory_of(repository)).signer
    trust(elsewhere, own.fingerprint)
    result = await drill(copy, server=source, data_directory=str(elsewhere))

    [proof] = Path(copy.location).glob("*/drill-*.json")
    shutil.copy(proof, taken.directory)
    assert opened(repository).summary(taken.summary.id).proven_at is None
    trust(Path(data_directory_of(repository)), stranger.fingerprint)
    assert opened(repository).summary(taken.summary.id).proven_at == result.finished_at


def trust(data_directory: Path, fingerprint: str) -> None:
    trusted_file(data_directory).write_text(f"{fingerprint} another machine\n")
    trusted_file(data_directory).chmod(0o600)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"extensions": {"postgis": "3.4"}}, ClientToolError, "lacks the extension postgis"),
        ({"raw_bytes": 10**18}, DiskFullError, "are free"),
    ],
    ids=["extension", "disk"],
)
async def test_a_private_server_that_cannot_do(
    repository: RepositoryTarget,
    source: DatabaseTarget,
    changes: dict[str, object],
    error: type[PantryError],
    said: str,
) -> None:
    taken = await take(source, repository)
    rewrite_manifest(taken.directory, msgspec.structs.replace(taken.manifest, **changes))
    with pytest.raises(error, match=said) as failure:
        await drill(repository)
    assert "--on server" in (failure.value.remedy or "")
    assert proofs(taken, repository) == []


async def test_no_release_that_is_new_enough(repository: RepositoryTarget, source: DatabaseTarget) -> None:
    taken = await take(source, repository)
    newer = msgspec.structs.replace(taken.manifest.server, version_num=990_001)
    rewrite_manifest(taken.directory, msgspec.structs.replace(taken.manifest, server=newer))
    with pytest.raises(ClientToolError, match="version 99 or newer") as failure:
        await drill(repository)
    assert "--on server" in (failure.value.remedy or "")


async def test_a_server_that_is_away_says_nothing_about_the_backup(
    repository: RepositoryTarget, source: DatabaseTarget, tmp_path: Path
) -> None:
    taken = await take(source, repository)
    away = DatabaseTarget(name="away", conninfo=f"host={tmp_path} dbname=away")
    with pytest.raises(ServerUnreachableError):
        await drill(repository, server=away)
    assert proofs(taken, repository) == []


async def test_a_role_that_may_not_create_databases_says_nothing_about_the_backup(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget
) -> None:
    taken = await take(source, repository)
    server.execute("postgres", "DROP ROLE IF EXISTS humble; CREATE ROLE humble LOGIN; GRANT postgres TO humble")
    try:
        with pytest.raises(PrivilegeError):
            await drill(repository, server=server.target(source.name, role="humble"))
    finally:
        server.execute("postgres", "DROP ROLE humble")
    assert proofs(taken, repository) == []


@pytest.mark.parametrize("on_server", [False, True], ids=["private", "server"])
@pytest.mark.parametrize("phase", ["server", "rows", "verify"])
async def test_cancelled(repository: RepositoryTarget, source: DatabaseTarget, phase: str, on_server: bool) -> None:
    taken = await take(source, repository)
    server = source if on_server else None
    task = asyncio.ensure_future(drill(repository, server=server, on_event=at_phase(phase, lambda: task.cancel())))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert proofs(taken, repository) == []


async def test_killed(repository: RepositoryTarget, source: DatabaseTarget, private: PrivateServer) -> None:
    taken = await take(source, repository)
    outcome = subprocess.run(
        [sys.executable, "-P", "-c", KILLED_AT_ROWS],
        input=drill_request(repository).to_json(),
        capture_output=True,
    )
    assert outcome.returncode == -signal.SIGKILL, outcome.stderr
    assert private.home.exists()
    remove_abandoned(Path(data_directory_of(repository)))
    assert not private.home.exists()
    assert proofs(taken, repository) == []


async def test_a_drill_at_work_is_not_taken_for_an_abandoned_one(
    repository: RepositoryTarget, source: DatabaseTarget, private: PrivateServer
) -> None:
    await take(source, repository)
    data_directory = Path(data_directory_of(repository))
    result = await drill(repository, on_event=at_phase("rows", lambda: remove_abandoned(data_directory)))
    assert result.ok
