"""Real backups: signed by whoever took them, restored only by those who trust that signer."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import MANIFEST_NAME
from pantry_tui.artifact.signing_key import keys_directory, signing_key
from pantry_tui.artifact.trusted import trusted_file
from pantry_tui.backup.validate import validate_backup
from pantry_tui.errors import BackupDamagedError, ConfigError, RefusedError, UntrustedSignerError, UsageError
from pantry_tui.events import Event, Logged, Warned, ignore
from pantry_tui.models import DatabaseTarget, RepositoryTarget, Unlocking, ValidateRequest, ValidationResult
from pantry_tui.repository.handed_over import HandedOver
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.stored_manifest import SIGNATURE_NAME
from tests.engine.backup.taking import Taken, data_directory_of, opened, take
from tests.engine.command_line import CommandLine
from tests.engine.recovery.restoring import databases, restore
from tests.servers import TestServer
from tests.unit.repository.samples import every_changed_byte

NEW = "of a signed backup"


@pytest.fixture
def source(server: TestServer) -> DatabaseTarget:
    source = server.create_database()
    server.execute(source, "CREATE TABLE t AS SELECT generate_series(1, 100) AS i")
    return source


@pytest.fixture
async def taken(source: DatabaseTarget, repository: RepositoryTarget) -> Taken:
    return await take(source, repository)


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    """The data directory of another machine, which has signed things before."""
    signing_key(tmp_path / "elsewhere")
    return str(tmp_path / "elsewhere")


@pytest.fixture(autouse=True)
def _no_rest(server: TestServer) -> Iterator[None]:
    yield
    assert not {name for name in databases(server) if name.startswith(NEW)} - {NEW}


def signer_of(repository: RepositoryTarget) -> str:
    return signing_key(data_directory_of(repository)).signer.fingerprint


async def examine(
    repository: RepositoryTarget,
    events: list[Event] | None = None,
    *,
    backup_id: str = "latest",
    data_directory: str | None = None,
) -> ValidationResult:
    request = ValidateRequest(
        repository=repository, backup_id=backup_id, data_directory=data_directory or data_directory_of(repository)
    )
    return await validate_backup(request, ignore if events is None else events.append)


async def test_the_signer_is_named(repository: RepositoryTarget, taken: Taken) -> None:
    (told,) = [event.message for event in taken.events if isinstance(event, Logged) and "signed" in event.message]
    assert signer_of(repository) in told
    assert (await examine(repository)).signer == signer_of(repository)
    assert opened(repository).signature_problems() == []


@pytest.mark.parametrize(("name", "step"), [(MANIFEST_NAME, 7), (SIGNATURE_NAME, 1)])
async def test_no_restore_begins_with_a_changed_byte(
    server: TestServer, repository: RepositoryTarget, taken: Taken, name: str, step: int
) -> None:
    for _ in every_changed_byte(taken.directory / name, step=step):
        with pytest.raises(BackupDamagedError):
            await restore(server.target(NEW), repository, trust=("unsigned", signer_of(repository)))
    assert NEW not in databases(server)


@pytest.mark.parametrize(("name", "step"), [(MANIFEST_NAME, 211), (SIGNATURE_NAME, 23)])
async def test_validation_finds_changed_bytes(repository: RepositoryTarget, taken: Taken, name: str, step: int) -> None:
    for at in every_changed_byte(taken.directory / name, step=step):
        try:
            found = await examine(repository)
        except BackupDamagedError:
            continue  # no manifest at all any more
        assert not found.valid, f"byte {at} of {name}"
        assert found.signer is None
    assert (await examine(repository)).valid


async def test_a_manifest_of_another_backup(
    server: TestServer, repository: RepositoryTarget, source: DatabaseTarget, taken: Taken
) -> None:
    other = await take(source, repository)
    for name in (MANIFEST_NAME, SIGNATURE_NAME):
        shutil.copyfile(taken.directory / name, other.directory / name)
        with pytest.raises(BackupDamagedError):
            await restore(server.target(NEW), repository, backup_id=other.summary.id)
    with pytest.raises(BackupDamagedError, match="is the manifest of another backup"):
        await examine(repository, backup_id=other.summary.id)


async def test_without_its_signature_a_backup_is_restored_only_when_asked_for(
    server: TestServer, repository: RepositoryTarget, taken: Taken
) -> None:
    (taken.directory / SIGNATURE_NAME).unlink()
    found = await examine(repository)
    assert not found.valid
    assert any("has no signature" in problem for problem in found.problems)
    for trust in ((), (signer_of(repository),)):
        with pytest.raises(UntrustedSignerError, match="has no signature"):
            await restore(server.target(NEW), repository, trust=trust)
    result = await restore(server.drop_after_test(NEW), repository, trust=("unsigned",))
    assert result.validation.equal


async def test_another_machine_has_to_trust_the_signer(
    server: TestServer, repository: RepositoryTarget, taken: Taken, elsewhere: str
) -> None:
    known = signer_of(repository)
    for trust in ((), ("unsigned",), (signing_key(elsewhere).signer.fingerprint,)):
        with pytest.raises(UntrustedSignerError, match=re.escape(known)) as refused:
            await restore(server.target(NEW), repository, trust=trust, data_directory=elsewhere)
        assert f"--trust {known}" in str(refused.value.remedy)
    result = await restore(server.drop_after_test(NEW), repository, trust=(known,), data_directory=elsewhere)
    assert result.validation.equal
    assert LocalRepository(repository, elsewhere).summary(taken.summary.id).proven_at is not None
    assert opened(repository).summary(taken.summary.id).proven_at is None, "a stranger's proof"


async def test_a_stranger_is_named_and_no_damage(repository: RepositoryTarget, taken: Taken, elsewhere: str) -> None:
    events: list[Event] = []
    found = await examine(repository, events, data_directory=elsewhere)
    assert (found.valid, found.signer) == (True, signer_of(repository))
    first, second = [event.message for event in events if isinstance(event, Warned)]
    assert signer_of(repository) in first
    assert "archive.dump was hashed, but not parsed: nobody who is trusted" in second
    trusted_file(elsewhere).write_text(f"{signer_of(repository)}\n")
    events.clear()
    assert (await examine(repository, events, data_directory=elsewhere)).valid
    assert not [event for event in events if isinstance(event, Warned)]


async def test_what_is_no_fingerprint_is_no_reason_to_look_further(
    server: TestServer, repository: RepositoryTarget, taken: Taken
) -> None:
    with pytest.raises(UsageError, match="is no fingerprint"):
        await restore(server.target(NEW), repository, trust=("SHA256:abc",))


@pytest.mark.parametrize("spoil", ["readable", "damaged", "writable"])
async def test_a_key_that_cannot_be_used_stops_the_backup_before_anything(
    repository: RepositoryTarget, tmp_path: Path, spoil: str
) -> None:
    keys = keys_directory(data_directory_of(repository))
    if spoil == "writable":
        keys.mkdir(parents=True)
        keys.chmod(0o777)
    else:
        signing_key(data_directory_of(repository))
        key = keys / "signing.key"
        key.chmod(0o644) if spoil == "readable" else key.write_bytes(b"x")
    nowhere = DatabaseTarget(name="crm", conninfo=f"host={tmp_path} dbname=crm")
    with pytest.raises((ConfigError, RefusedError)):
        await take(nowhere, repository)
    assert not Path(repository.location).exists()


async def test_a_worker_reads_the_manifest_that_was_checked(repository: RepositoryTarget, taken: Taken) -> None:
    backup = HandedOver.of(taken.manifest, repository, Unlocking())
    assert backup.manifest() == taken.manifest
    file = taken.directory / MANIFEST_NAME
    file.write_bytes(file.read_bytes().replace(b'"nightly"', b'"another"'))
    with pytest.raises(BackupDamagedError, match="was exchanged while"):
        backup.manifest()


class TestCommandLine:
    @pytest.fixture
    def cli(self, tmp_path: Path, source: DatabaseTarget) -> Iterator[CommandLine]:
        command_line = CommandLine(tmp_path, source)
        yield command_line
        command_line.end_runner()

    def test_a_restore_on_another_machine(self, server: TestServer, cli: CommandLine, elsewhere: str) -> None:
        made = cli.json("backup", "create", "-n", "daily")
        known = cli.json("key", "show")["signer"]
        assert cli.json("backup", "validate", "latest")["signer"] == known
        target = server.drop_after_test(NEW)
        ask = ("recovery", "execute", made["id"], "--target", NEW, "--yes")
        refused = cli.run(*ask, "--json", DATA_DIR=elsewhere)
        assert refused.status == 7
        assert (refused.json()["error"]["code"], known in refused.json()["error"]["remedy"]) == (
            "untrusted_signer",
            True,
        )
        assert cli.run(*ask, "--trust", "abc", DATA_DIR=elsewhere).status == 2
        assert cli.run(*ask, "--trust", known, DATA_DIR=elsewhere).status == 0
        assert server.execute(target, "SELECT count(*) FROM t") == [(100,)]
        trail = (Path(elsewhere) / "audit.jsonl").read_text()
        assert f'"trust":["{known}"]' in trail

    def test_the_catalog_tells_of_removed_backups(self, cli: CommandLine) -> None:
        made = [cli.json("backup", "create", "-n", name)["id"] for name in ("one", "two", "three")]
        cli.succeed("backup", "delete", made[0], "--yes")
        assert cli.json("catalog", "check") == {"sound": True, "problems": []}
        shutil.rmtree(cli.repository / made[1])
        cli.succeed("catalog", "rebuild")
        checked = cli.run("catalog", "check", "--json")
        assert checked.status == 20
        (problem,) = checked.json()["problems"]
        assert problem.startswith(f"backup {made[1]} is gone, and this program did not delete it")
        assert cli.json("catalog", "rebuild", "--force")["forgotten"] == [made[1]]
        assert cli.json("catalog", "check") == {"sound": True, "problems": []}
