"""What cannot be a base, and what makes a server's history another one."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from pantry_tui.artifact.age import X25519Identity
from pantry_tui.artifact.manifest import Manifest, SnapshotPosition
from pantry_tui.backup.run import BackupRun
from pantry_tui.backup.service import ATTEMPTS
from pantry_tui.errors import BackupDamagedError, BaseUnusableError, LockTimeoutError, RefusedError, UsageError
from pantry_tui.events import Event, PhaseStarted
from pantry_tui.models import BackupFormat, BackupKind, BackupSelection, DatabaseTarget, RepositoryTarget
from pantry_tui.postgres.changed import FARTHEST
from tests.engine.backup.taking import Taken, name_of, opened, take
from tests.engine.recovery.restoring import damage, rewrite_manifest
from tests.servers import TestServer

RECIPIENT = X25519Identity.generate().recipient.text
INCREMENTAL = BackupKind.INCREMENTAL


@pytest.fixture
def source(server: TestServer) -> DatabaseTarget:
    target = server.create_database()
    server.execute(target, "CREATE TABLE t AS SELECT g AS a, 'row ' || g AS b FROM generate_series(1, 3000) g")
    return target


async def refused(source: DatabaseTarget, repository: RepositoryTarget, base: Taken) -> str:
    """Why this is no base; and that it is not chosen either."""
    with pytest.raises(BaseUnusableError) as named:
        await take(source, repository, kind=INCREMENTAL, base=base.summary.id)
    with pytest.raises(BaseUnusableError):
        await take(source, repository, kind=INCREMENTAL)
    return named.value.message


class TestBases:
    async def test_none_is_there(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        with pytest.raises(BaseUnusableError, match=f"no full backup of {name_of(source)}"):
            await take(source, repository, kind=INCREMENTAL)
        assert opened(repository).ids() == []

    async def test_full_one_is_taken_instead_where_that_is_asked(
        self, source: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        taken = await take(source, repository, kind=INCREMENTAL, or_full=True)
        assert taken.summary.kind is BackupKind.FULL
        assert taken.manifest.warnings[0].startswith("full instead of incremental: there is no full backup")
        second = await take(source, repository, kind=INCREMENTAL, or_full=True)
        assert (second.summary.kind, second.summary.base) == (INCREMENTAL, taken.summary.id)

    async def test_without_fingerprints(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository, fingerprints=False)
        assert "without fingerprints" in await refused(source, repository, base)

    async def test_another_format(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository, rows_format=BackupFormat.JSON)
        assert "format json" in await refused(source, repository, base)

    async def test_rows_alone(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository, kind=BackupKind.DATA)
        assert "it is data" in await refused(source, repository, base)

    async def test_another_incremental(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        await take(source, repository)
        delta = await take(source, repository, kind=INCREMENTAL)
        with pytest.raises(BaseUnusableError, match="builds on a full one"):
            await take(source, repository, kind=INCREMENTAL, base=delta.summary.id)

    async def test_encrypted_otherwise(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository, recipients=(RECIPIENT,))
        assert "it is encrypted" in await refused(source, repository, base)

    async def test_another_selection_is_not_chosen(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository, selection=BackupSelection(exclude_tables=("nothing_*",)))
        with pytest.raises(BaseUnusableError) as error:
            await take(source, repository, kind=INCREMENTAL)
        assert "another selection" in (error.value.detail or "")
        delta = await take(source, repository, kind=INCREMENTAL, base=base.summary.id)
        assert delta.summary.base == base.summary.id

    async def test_database_of_that_name_that_was_dropped(
        self, server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        base = await take(source, repository)
        name = name_of(source)
        server.execute("postgres", f"DROP DATABASE {name}")
        server.execute("postgres", f"CREATE DATABASE {name}")
        assert "dropped since" in await refused(source, repository, base)

    async def test_file_that_is_missing(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository)
        (base.directory / base.manifest.file("artifact").name).unlink()
        assert "is missing" in await refused(source, repository, base)

    async def test_positions_that_are_damaged(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository)
        damage(base.directory / base.manifest.file("positions").name, 5)
        with pytest.raises(BackupDamagedError, match="positions"):
            await take(source, repository, kind=INCREMENTAL, base=base.summary.id)

    async def test_why_each_was_not_chosen_is_told(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository)
        damage(base.directory / base.manifest.file("positions").name, 5)
        with pytest.raises(BaseUnusableError) as error:
            await take(source, repository, kind=INCREMENTAL)
        assert base.summary.id in (error.value.detail or "")

    async def test_base_that_is_deleted_meanwhile(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        base = await take(source, repository)

        def delete(event: Event) -> None:
            if isinstance(event, PhaseStarted) and event.phase == "storing" and base.directory.exists():
                opened(repository).delete(base.summary.id, by="test", force=True)

        with pytest.raises(BaseUnusableError, match="deleted or exchanged during the backup"):
            await take(source, repository, kind=INCREMENTAL, on_event=delete)
        assert opened(repository).ids() == []
        assert opened(repository).leftovers() == []

    async def test_full_one_instead_after_other_trouble(
        self, source: DatabaseTarget, repository: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run, failures = BackupRun.run, [LockTimeoutError("locked")] * (ATTEMPTS - 1)

        async def fail_first(self: BackupRun) -> Manifest:
            if failures:
                raise failures.pop()
            return await run(self)

        monkeypatch.setattr(BackupRun, "run", fail_first)
        taken = await take(source, repository, kind=INCREMENTAL, or_full=True)
        assert taken.summary.kind is BackupKind.FULL

    async def test_incremental_of_a_damaged_base_replaces_no_backup(
        self, source: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        base = await take(source, repository)
        await take(source, repository, kind=INCREMENTAL)
        good = await take(source, repository)
        (base.directory / base.manifest.file("artifact").name).unlink()
        with pytest.raises(RefusedError, match="last valid backup"):
            opened(repository).delete(good.summary.id, by="test")

    async def test_options_that_cannot_be(self, source: DatabaseTarget, repository: RepositoryTarget) -> None:
        with pytest.raises(UsageError, match="fingerprints"):
            await take(source, repository, kind=INCREMENTAL, fingerprints=False)
        with pytest.raises(UsageError, match="only an incremental"):
            await take(source, repository, base="latest")


class TestHistory:
    """A base whose manifest says what another history would have made it say."""

    @pytest.mark.parametrize(
        ("server_is", "snapshot_is", "said"),
        [
            ({"system_identifier": "1"}, {}, "another server"),
            ({"timeline": 7}, {}, "timeline 7"),
            ({}, {"insert_lsn": "FF/0"}, "log was at FF/0"),
            ({}, {"xmax": 2**40}, "transaction counter"),
            ({}, {"xmin": None}, "32 bits"),
        ],
        ids=["server", "timeline", "log", "counter", "wraparound"],
    )
    async def test_position_that_does_not_follow(
        self,
        source: DatabaseTarget,
        repository: RepositoryTarget,
        server_is: dict[str, object],
        snapshot_is: dict[str, object],
        said: str,
    ) -> None:
        base = await take(source, repository)
        manifest = base.manifest
        self.replace(
            base.directory,
            msgspec.structs.replace(
                manifest,
                server=msgspec.structs.replace(manifest.server, **server_is),
                snapshot=self.position(manifest.snapshot, snapshot_is),
            ),
        )
        assert said in await refused(source, repository, base)

    def position(self, snapshot: SnapshotPosition, changes: dict[str, object]) -> SnapshotPosition:
        if "xmin" in changes:  # so far back that 32 bits do not reach
            changes = {"xmin": snapshot.xmax - FARTHEST}
        return msgspec.structs.replace(snapshot, **changes)

    def replace(self, directory: Path, manifest: Manifest) -> None:
        rewrite_manifest(directory, manifest)

    async def test_rows_of_another_past(
        self, server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        """Rows older than the base that it has not got, or not so: its positions or fingerprints are made another's."""
        base = await take(source, repository)
        table = base.manifest.tables[0]
        wrong = msgspec.structs.replace(table.ranges[0], fingerprint="1")
        entry = msgspec.structs.replace(table, ranges=(wrong,), fingerprint="1")
        self.replace(base.directory, msgspec.structs.replace(base.manifest, tables=(entry,)))
        assert "diverged" in await refused(source, repository, base)
        fewer = msgspec.structs.replace(table.ranges[0], rows=2999)
        entry = msgspec.structs.replace(table, ranges=(fewer,))
        self.replace(base.directory, msgspec.structs.replace(base.manifest, tables=(entry,)))
        assert "diverged" in await refused(source, repository, base)
        assert opened(repository).ids() == [base.summary.id]

    async def test_row_where_the_base_has_none(
        self, server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
    ) -> None:
        smaller = server.create_database()
        server.execute(smaller, "CREATE TABLE t AS SELECT g AS a, 'row ' || g AS b FROM generate_series(1, 2900) g")
        base = await take(source, repository)
        other = await take(smaller, repository)
        range_of_other = other.manifest.tables[0].ranges[0]
        shutil.copy(other.directory / "positions.bin", base.directory / "positions.bin")
        table = msgspec.structs.replace(
            base.manifest.tables[0],
            ranges=(
                msgspec.structs.replace(
                    base.manifest.tables[0].ranges[0], positions_length=range_of_other.positions_length
                ),
            ),
        )
        files = tuple(
            other.manifest.file("positions") if file.role == "positions" else file for file in base.manifest.files
        )
        self.replace(base.directory, msgspec.structs.replace(base.manifest, tables=(table,), files=files))
        server.execute(source, "DELETE FROM t WHERE a < 500")
        assert "has none there" in await refused(source, repository, base)


async def test_host_without_identities_takes_incrementals(
    server: TestServer, source: DatabaseTarget, repository: RepositoryTarget
) -> None:
    base = await take(source, repository, recipients=(RECIPIENT,))
    server.execute(source, "UPDATE t SET b = NULL WHERE a % 9 = 0")
    delta = await take(source, repository, recipients=(RECIPIENT,), kind=INCREMENTAL)
    assert (delta.summary.base, delta.summary.encrypted) == (base.summary.id, True)
    assert 0 < delta.manifest.tables[0].own_rows < 3000
