"""Backups are copied to other places whole, byte for byte, once, and go on where a copy was cut off."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from pantry_tui.errors import (
    BackupDamagedError,
    ConfigError,
    DiskFullError,
    RefusedError,
    StorageError,
    StoreAccessError,
    StoreUnreachableError,
    UntrustedSignerError,
    UsageError,
)
from pantry_tui.events import Event, Progress, Warned
from pantry_tui.models import CopyCheck, MarkRequest, RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from pantry_tui.repository.objects.receiving import Pace
from pantry_tui.repository.objects.store import Store
from tests.engine.offsite.copying import copied, files_of, opened, small_parts, without_pauses
from tests.stores import (
    Fault,
    Handler,
    Proxy,
    S3Server,
    changes_answer,
    changes_sent,
    cuts,
    cuts_answer,
    cuts_body,
    keys_of,
    refuses,
    target_at,
)
from tests.unit.repository.samples import CONTENT, NOON, WITH_TABLES, local_repository, publish_backup

ROWS = {"crm.sql.gz": bytes(range(256)) * 40, "archive.dump": b"PGDMP and so on"}  # 10,240 bytes and a few


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "repository")


@pytest.fixture
def usb(tmp_path: Path) -> RepositoryTarget:
    return RepositoryTarget(name="usb", location=str(tmp_path / "usb" / "backups"))


class TestAStore:
    async def test_a_copy_is_the_backup(self, local: LocalRepository, offsite: RepositoryTarget) -> None:
        made = publish_backup(local, content=WITH_TABLES)
        result = await copied(local, offsite, made)
        there = opened(offsite, local)
        assert there.ids() == [made]
        assert there.stored_manifest(made).data == local.stored_manifest(made).data
        assert there.trusted_manifest(made) == local.trusted_manifest(made)
        for name, data in WITH_TABLES.items():
            with there.open(made, name) as file:
                assert file.read(0, file.size + 1) == data
        assert (there.problems(made), there.oddities(made), there.signature_problems()) == ([], [], [])
        [done] = result.copied
        assert (done.sent_bytes, done.checked_bytes) == (sum(map(len, WITH_TABLES.values())),) * 2

    async def test_what_lies_where(self, local: LocalRepository, offsite: RepositoryTarget, s3: S3Server) -> None:
        made = publish_backup(local, content=WITH_TABLES)
        await copied(local, offsite)
        names = [key.removeprefix("hosts/one/") for key in keys_of(s3, offsite.location.split("/")[2])]
        small = [name.removeprefix(f"backups/{made}/") for name in names if name.startswith("backups/")]
        assert [name for name in small if not name.startswith("received-")] == ["manifest.json", "manifest.json.sig"]
        data = [name.removeprefix(f"data/{made}/") for name in names if name.startswith("data/")]
        assert [name.rpartition("/")[0] for name in data] == sorted(WITH_TABLES)
        assert len(names) == len(small) + len(data)

    async def test_files_of_many_parts(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = publish_backup(local, content=ROWS)
        with small_parts(monkeypatch, 1000):
            result = await copied(local, offsite, check=CopyCheck.ALL)
        assert result.copied[0].checked_bytes == sum(map(len, ROWS.values()))
        with opened(offsite, local).open(made, "crm.sql.gz") as file:
            for offset, length in ((0, 1), (999, 2), (1000, 1000), (2500, 4000), (10_239, 5), (10_240, 1)):
                assert file.read(offset, length) == ROWS["crm.sql.gz"][offset : offset + length]
            proxy.seen.clear()
            part = file.part(2000, 100)
            assert b"".join(part.read(at, 10) for at in range(2000, 2100, 10)) == ROWS["crm.sql.gz"][2000:2100]
            assert proxy.received("data/") == 100

    async def test_a_connection_that_ends_in_the_middle_of_an_answer(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy
    ) -> None:
        made = publish_backup(local, content=ROWS)
        await copied(local, offsite)
        proxy.faults = [
            Fault(cuts_body, method="GET", of=of, times=2) for of in ("crm.sql.gz/0", "manifest.json", "list-type")
        ]
        there = opened(offsite, local)
        assert there.manifest(there.resolve("latest")).id == made
        with there.open(made, "crm.sql.gz") as file:
            assert file.read(100, 9000) == ROWS["crm.sql.gz"][100:9100]
        assert [fault.times for fault in proxy.faults] == [0, 0, 0]

    async def test_what_is_asked_of_the_store(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy
    ) -> None:
        publish_backup(local)
        store = offsite.store
        assert store is not None
        wished = msgspec.structs.replace(store, storage_class="STANDARD_IA", encryption="aws:kms", kms_key="k1")
        await copied(local, msgspec.structs.replace(offsite, store=wished))
        puts = [seen for seen in proxy.seen if seen.method == "PUT"]
        assert {seen.headers["x-amz-server-side-encryption"] for seen in puts} == {"aws:kms"}
        assert {seen.headers["if-none-match"] for seen in puts} == {"*"}
        assert all("x-amz-checksum-sha256" in seen.headers for seen in puts)
        cheap = ["/data/" in seen.path for seen in puts if seen.headers.get("x-amz-storage-class") == "STANDARD_IA"]
        assert (cheap, len(puts) > len(cheap)) == ([True] * len(CONTENT), True)

    async def test_a_second_copy_sends_nothing(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy
    ) -> None:
        publish_backup(local)
        await copied(local, offsite)
        before = proxy.sent()
        result = await copied(local, offsite)
        assert (result.sent_bytes, proxy.sent()) == (0, before)
        assert result.copied[0].checked_bytes == sum(map(len, CONTENT.values()))

    async def test_it_goes_on_where_it_was_cut_off(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = publish_backup(local, content=ROWS)
        refusal = Fault(refuses(403, "AccessDenied"), of="data/", after=6, times=99)
        proxy.faults = [refusal]
        with small_parts(monkeypatch, 1000):
            with pytest.raises(StoreAccessError, match=r"writing s3://.*: offsite: this host may not"):
                await copied(local, offsite)
            assert opened(offsite, local).ids() == []
            there = proxy.sent("data/")
            proxy.faults = []
            result = await copied(local, offsite)
        assert there >= 6000
        assert result.sent_bytes == sum(map(len, ROWS.values())) - there
        assert opened(offsite, local).ids() == [made]

    async def test_one_that_is_cancelled_is_taken_up(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = publish_backup(local, content=ROWS)
        loop = asyncio.get_running_loop()

        def cancel(handler: Handler, body: bytes) -> None:
            loop.call_soon_threadsafe(task.cancel)
            handler.pass_on(body)

        proxy.faults = [Fault(cancel, of="data/", after=3)]
        with small_parts(monkeypatch, 100):
            task = asyncio.create_task(copied(local, offsite))
            with pytest.raises(asyncio.CancelledError):
                await task
            there = proxy.sent("data/")
            assert (opened(offsite, local).ids(), local.summary(made).copies) == ([], ())
            result = await copied(local, offsite)
        total = sum(map(len, ROWS.values()))
        assert (0 < there < total, result.sent_bytes) == (True, total - there)

    async def test_two_hosts_share_a_bucket(
        self, local: LocalRepository, offsite: RepositoryTarget, tmp_path: Path
    ) -> None:
        first = publish_backup(local)
        other = local_repository(tmp_path / "other" / "repository")
        second = publish_backup(other)
        elsewhere = msgspec.structs.replace(offsite, location=offsite.location.replace("hosts/one", "hosts/on"))
        await copied(local, offsite)
        await copied(other, elsewhere)
        assert (opened(offsite, local).ids(), opened(elsewhere, other).ids()) == ([first], [second])


def test_a_bandwidth_limit_spreads_what_is_sent() -> None:
    waits: list[float] = []

    class Line(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    pace, line = Pace(1000), Line()
    for _ in range(3):
        pace.wait(100_000, line)
    assert (waits[0], 99 < waits[1] <= 100, 199 < waits[2] <= 200) == (0.0, True, True)


class TestFaults:
    @pytest.mark.parametrize(
        "act",
        [cuts, cuts_answer, refuses(500, "InternalError"), refuses(503, "SlowDown")],
        ids=["cut", "answer lost", "500", "503"],
    )
    async def test_passing_ones_are_overcome(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy, act: object
    ) -> None:
        made = publish_backup(local)
        proxy.faults = [Fault(act, of=of) for of in ("crm.sql.gz/", "manifest.json")]  # type: ignore[arg-type]
        await copied(local, offsite)
        there = opened(offsite, local)
        assert (there.ids(), there.problems(made)) == ([made], [])

    async def test_a_store_that_stays_away_is_told_of_and_tried_again(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_pauses(monkeypatch)
        publish_backup(local)
        proxy.faults = [Fault(refuses(503, "SlowDown"), of="crm.sql.gz/", times=6)]
        events: list[Event] = []
        await copied(local, offsite, events=events)
        [warning] = [event.message for event in events if isinstance(event, Warned)]
        assert "cannot be used: it answers with a fault of its own; going on in 0 s (2 of 4)" in warning

    async def test_nobody_answers(
        self, local: LocalRepository, offsite: RepositoryTarget, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_pauses(monkeypatch)
        monkeypatch.setattr("pantry_tui.backup.copying.ATTEMPTS", 1)
        made = publish_backup(local)
        nowhere = target_at("http://127.0.0.1:9", "bucket")
        with pytest.raises(StoreUnreachableError, match="offsite cannot be used: the connection was refused"):
            await copied(local, nowhere)
        [copy] = local.summary(made).copies
        assert (copy.repository, copy.ok, copy.copied_at) == ("offsite", False, None)

    async def test_no_such_bucket(self, local: LocalRepository, proxy: Proxy, store_keys: None) -> None:
        publish_backup(local)
        nowhere = target_at(proxy.endpoint, "no-such-bucket-at-all")
        with pytest.raises(StorageError, match="there is no such bucket"):
            await copied(local, nowhere)
        with pytest.raises(StorageError, match="there is no such bucket"):
            opened(nowhere, local).ids()
        assert nowhere.store is not None
        with pytest.raises(StorageError, match="there is no such bucket"):
            Store(nowhere, nowhere.store).put_new("x", b"")

    async def test_a_certificate_authority_that_is_none(
        self, local: LocalRepository, bucket: str, tmp_path: Path
    ) -> None:
        publish_backup(local)
        (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
        for name in ("ca.pem", "missing.pem"):
            target = target_at("https://127.0.0.1:9", bucket, ca_file=str(tmp_path / name))
            with pytest.raises((ConfigError, StorageError), match=r"cannot be set up|certificate authority") as caught:
                await copied(local, target)
            assert caught.value.remedy

    @pytest.mark.parametrize(
        ("status", "code", "error", "says"),
        [
            (507, "InsufficientStorage", DiskFullError, "has no room left"),
            (403, "QuotaExceeded", DiskFullError, "has no room left"),
            (403, "RequestTimeTooSkewed", StoreAccessError, "clocks"),
            (403, "InvalidAccessKeyId", StoreAccessError, "credentials are not accepted"),
            (400, "ExpiredToken", StoreAccessError, "credentials have expired"),
            (400, "XAmzContentSHA256Mismatch", StorageError, "is not what was sent"),
            (501, "NotImplemented", StorageError, "lacks what this takes"),
        ],
    )
    async def test_lasting_ones_are_named(
        self,
        local: LocalRepository,
        offsite: RepositoryTarget,
        proxy: Proxy,
        status: int,
        code: str,
        error: type[StorageError],
        says: str,
    ) -> None:
        made = publish_backup(local)
        secret = "key AKIATESTKEY, secret a-very-secret-key"
        proxy.faults = [Fault(refuses(status, code, secret), of="data/", times=99)]
        with pytest.raises(error, match=says) as caught:
            await copied(local, offsite)
        told = f"{caught.value.message} {caught.value.remedy} {caught.value.detail}"
        assert (offsite.location in told, "a-very-secret-key" in told, "http://" in told) == (True, False, False)
        assert caught.value.remedy
        assert local.summary(made).copies[0].problem == caught.value.message

    async def test_bytes_that_change_on_the_way_are_found(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy
    ) -> None:
        publish_backup(local)
        proxy.faults = [Fault(changes_sent, of="crm.sql.gz/")]
        with pytest.raises(StorageError, match=r"not what was sent|is not what arrived|refuses"):
            await copied(local, offsite)
        assert opened(offsite, local).ids() == []

    async def test_bytes_that_change_in_the_store_are_found_when_it_is_copied_again(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy
    ) -> None:
        made = publish_backup(local)
        await copied(local, offsite)
        proxy.faults = [Fault(changes_answer, method="GET", of="crm.sql.gz/", times=99)]
        with pytest.raises(BackupDamagedError, match=r"crm.sql.gz.* is not what was sent"):
            await copied(local, offsite)
        [copy] = local.summary(made).copies
        assert (copy.ok, copy.words, copy.copied_at is not None) == (False, "doubtful", True)

    async def test_credentials_that_expire_are_asked_for_again(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy, tmp_path: Path
    ) -> None:
        publish_backup(local)
        for name, value in (("access", "AKIAOLD"), ("secret", "old")):
            (tmp_path / name).write_text(value)
            (tmp_path / name).chmod(0o600)
        assert offsite.store is not None
        access = msgspec.structs.replace(
            offsite.store, access_key=f"file:{tmp_path}/access", secret_key=f"file:{tmp_path}/secret"
        )

        def expire(handler: object, body: bytes) -> None:
            (tmp_path / "access").write_text("AKIANEW")
            refuses(400, "ExpiredToken")(handler, body)  # type: ignore[arg-type]

        proxy.faults = [Fault(expire, of="archive.dump/")]
        await copied(local, msgspec.structs.replace(offsite, store=access))
        used = [("AKIANEW" in seen.headers["authorization"]) for seen in proxy.seen]
        assert (used[0], used[-1]) == (False, True)


class TestProtection:
    async def test_a_damaged_backup_is_not_copied(self, local: LocalRepository, offsite: RepositoryTarget) -> None:
        made = publish_backup(local)
        (local.path(made) / "crm.sql.gz").write_bytes(b"x" * len(CONTENT["crm.sql.gz"]))
        with pytest.raises(BackupDamagedError, match=r"crm.sql.gz is not what was written: it is not copied"):
            await copied(local, offsite)
        assert opened(offsite, local).ids() == []

    async def test_nor_one_that_a_stranger_signed(
        self, local: LocalRepository, offsite: RepositoryTarget, tmp_path: Path
    ) -> None:
        stranger = local_repository(tmp_path / "theirs" / "repository")
        made = publish_backup(stranger)
        stranger.path(made).rename(tmp_path / "moved")
        local.prepare()
        (tmp_path / "moved").rename(local.directory / made)
        with pytest.raises(UntrustedSignerError):
            await copied(local, offsite)

    async def test_nor_to_the_same_place(self, local: LocalRepository) -> None:
        publish_backup(local)
        with pytest.raises(UsageError, match="another repository"):
            await copied(local, local.target)

    async def test_nor_over_another_backup(self, local: LocalRepository, offsite: RepositoryTarget) -> None:
        made = publish_backup(local)
        await copied(local, offsite)
        manifest = local.path(made) / "manifest.json"
        manifest.write_bytes(manifest.read_bytes() + b"\n")
        signature = local.authority.key.sign(manifest.read_bytes(), purpose="manifest")
        (local.path(made) / "manifest.json.sig").write_bytes(signature)
        with pytest.raises(RefusedError, match="has another backup of the id"):
            await copied(local, offsite)

    async def test_nor_what_was_deleted_there(self, local: LocalRepository, offsite: RepositoryTarget) -> None:
        made = publish_backup(local)
        await copied(local, offsite)
        opened(offsite, local).delete(made, by="anna", force=True)
        with pytest.raises(RefusedError, match="was deleted from the repository offsite on purpose"):
            await copied(local, offsite, made)
        assert (await copied(local, offsite, None)).copied == ()

    async def test_a_host_that_may_not_delete(
        self, local: LocalRepository, offsite: RepositoryTarget, proxy: Proxy, s3: S3Server
    ) -> None:
        made = publish_backup(local)
        proxy.faults = [Fault(refuses(403, "AccessDenied"), method=method, times=99) for method in ("DELETE", "POST")]
        await copied(local, offsite)
        there, bucket = opened(offsite, local), offsite.location.split("/")[2]
        before = keys_of(s3, bucket)
        with pytest.raises(StoreAccessError, match=r"removing .*manifest.json: offsite: this host may not"):
            there.delete(made, by="anna", force=True)
        assert (keys_of(s3, bucket), there.ids()) == (before, [made])


class TestALockedBucket:
    async def test_copies_are_made_and_a_deletion_only_hides(
        self, local: LocalRepository, proxy: Proxy, s3: S3Server, store_keys: None
    ) -> None:
        made = publish_backup(local)
        bucket = s3.make_bucket(locked=True)
        target = target_at(proxy.endpoint, bucket)
        await copied(local, target)
        there = opened(target, local)
        assert (there.ids(), there.problems(made)) == ([made], [])
        there.delete(made, by="anna", force=True)
        assert there.ids() == []
        status, listed = s3.ask("GET", f"/{bucket}?versions")
        assert (status, f"{made}/manifest.json</Key>".encode() in listed) == (200, True)


class TestManyBackups:
    async def test_all_that_are_missing(self, local: LocalRepository, offsite: RepositoryTarget) -> None:
        made = [publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in range(4)]
        await copied(local, offsite, made[1])
        events: list[Event] = []
        result = await copied(local, offsite, None, events=events)
        assert [each.backup_id for each in result.copied] == [made[0], made[2], made[3]]
        shares = [event.share for event in events if isinstance(event, Progress)]
        assert shares == sorted(shares)
        assert opened(offsite, local).ids() == made[::-1]
        assert opened(offsite, local).signature_problems() == []

    async def test_those_that_were_not_read_for_longest_are_read_again(
        self, local: LocalRepository, offsite: RepositoryTarget
    ) -> None:
        made = [publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in range(3)]
        await copied(local, offsite, None)
        await copied(local, offsite, made[0])
        result = await copied(local, offsite, None, recheck=2)
        assert [(each.backup_id, each.sent_bytes) for each in result.copied] == [(made[1], 0), (made[2], 0)]

    async def test_one_that_somebody_removes_there_is_missed(
        self, local: LocalRepository, offsite: RepositoryTarget
    ) -> None:
        made = [publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in range(3)]
        for each in made[1:]:  # the first one never was there
            await copied(local, offsite, each)
        assert opened(offsite, local).signature_problems() == []
        assert offsite.store is not None
        Store(offsite, offsite.store).remove([f"backups/{made[1]}/manifest.json"])
        [problem] = opened(offsite, local).signature_problems()
        assert f"backup {made[1]} is gone" in problem

    async def test_deleting_leaves_a_tombstone_and_nothing_else(
        self, local: LocalRepository, offsite: RepositoryTarget, s3: S3Server
    ) -> None:
        made = [publish_backup(local, at=NOON + timedelta(hours=hour)) for hour in range(2)]
        await copied(local, offsite, None)
        there = opened(offsite, local)
        there.mark(made[0], MarkRequest(pinned=True), by="anna")
        with pytest.raises(RefusedError, match="is pinned"):
            there.delete(made[0], by="anna")
        there.mark(made[0], MarkRequest(pinned=False), by="anna")
        there.delete(made[0], by="anna")
        assert [key for key in keys_of(s3, offsite.location.split("/")[2]) if made[0] in key] == [
            f"hosts/one/tombstones/{made[0]}.json"
        ]
        assert (there.ids(), there.signature_problems()) == ([made[1]], [])
        with pytest.raises(RefusedError, match="last valid backup"):
            there.delete(made[1], by="anna")


class TestADirectory:
    async def test_a_copy_is_the_backup_and_can_be_used_alone(
        self, local: LocalRepository, usb: RepositoryTarget
    ) -> None:
        made = publish_backup(local, content=WITH_TABLES)
        await copied(local, usb)
        there = opened(usb, local)
        assert isinstance(there, LocalRepository)
        assert files_of(there.path(made)) == files_of(local.path(made))
        assert (there.problems(made), there.oddities(made), there.signature_problems(), there.leftovers()) == (
            [],
            [],
            [],
            [],
        )
        assert there.summary(made).copied_from == "main"

    async def test_it_goes_on_where_it_was_cut_off(self, local: LocalRepository, usb: RepositoryTarget) -> None:
        made = publish_backup(local, content=ROWS)
        begun = Path(usb.location) / made
        begun.mkdir(parents=True, mode=0o700)
        Path(usb.location).chmod(0o700)
        (begun / "crm.sql.gz").write_bytes(ROWS["crm.sql.gz"])
        (begun / "archive.dump").write_bytes(b"PGDMP and")
        result = await copied(local, usb)
        assert result.sent_bytes == len(ROWS["archive.dump"])
        assert files_of(begun) == files_of(local.path(made))

    async def test_back_from_a_store(self, local: LocalRepository, offsite: RepositoryTarget, tmp_path: Path) -> None:
        made = publish_backup(local, content=WITH_TABLES)
        await copied(local, offsite)
        again = local_repository(tmp_path / "again", "again")
        await copied(local, again.target, made, out_of=offsite)
        assert files_of(again.path(made)) == files_of(local.path(made))
