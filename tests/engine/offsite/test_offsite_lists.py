"""Lists of backups in a store cost requests by their number, and nothing when nothing has changed."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from pantry_tui.artifact.manifest import encode_manifest
from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import StorageError, StoreUnreachableError
from pantry_tui.models import RepositoryTarget
from pantry_tui.repository.ids import new_backup_id
from pantry_tui.repository.objects.repository import ObjectRepository
from pantry_tui.repository.objects.store import Store
from pantry_tui.repository.opening import open_repository
from tests.stores import Fault, Proxy, S3Server, keys_of, refuses
from tests.unit.repository.samples import NOON, manifest_of


def fill(s3: S3Server, target: RepositoryTarget, count: int) -> list[str]:
    """Puts so many manifests there; returns their ids, the newest first."""
    ids = [new_backup_id("daily", NOON + timedelta(hours=hour)) for hour in range(count)]
    path = f"/{target.location.removeprefix('s3://')}/backups"

    def put(backup_id: str) -> int:
        return s3.ask("PUT", f"{path}/{backup_id}/manifest.json", encode_manifest(manifest_of(backup_id)))[0]

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(put, ids)) == {200}
    return ids[::-1]


def asked(proxy: Proxy) -> Counter[str]:
    """The requests since the last time, by what they were."""
    found = Counter("LIST" if "list-type" in seen.path else seen.method for seen in proxy.seen)
    proxy.seen.clear()
    return found


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_a_catalog_is_made_of_a_bucket(
    s3: S3Server, offsite: RepositoryTarget, proxy: Proxy, tmp_path: Path, count: int
) -> None:
    ids = fill(s3, offsite, count)
    pages = -(-count // 1000)
    with Catalog(tmp_path) as catalog:
        assert catalog.rebuild([open_repository(offsite)]).backups == count
        made = asked(proxy)
        assert (made["GET"], made["HEAD"], made["LIST"] <= 2 * pages + 2) == (count, 0, True)
        catalog.refresh(open_repository(offsite))
        again = asked(proxy)
        assert (again["GET"], again["HEAD"] <= 1, again["LIST"] <= 2 * pages + 2) == (0, True, True)
        assert [each.id for each in catalog.backups(repository=offsite.location)] == ids


def test_a_store_that_is_away_empties_no_list(
    s3: S3Server, offsite: RepositoryTarget, proxy: Proxy, tmp_path: Path
) -> None:
    fill(s3, offsite, 3)
    with Catalog(tmp_path) as catalog:
        catalog.refresh(open_repository(offsite))
        proxy.faults = [Fault(refuses(503, "SlowDown"), method="GET", times=99)]
        with pytest.raises(StoreUnreachableError):
            catalog.refresh(open_repository(offsite))
        assert len(catalog.backups(repository=offsite.location)) == 3


def test_only_what_was_left_for_a_day_is_a_leftover(s3: S3Server, offsite: RepositoryTarget) -> None:
    prefix = f"/{offsite.location.removeprefix('s3://')}"
    [begun] = [new_backup_id("daily", NOON)]
    s3.ask("PUT", f"{prefix}/data/{begun}/crm.sql.gz/000000-{'0' * 64}", b"rows")
    repository = open_repository(offsite)
    assert isinstance(repository, ObjectRepository)
    assert (repository.ids(), repository.leftovers()) == ([], [])
    later = max(entry.modified_ns for entry in repository.store.entries("data/")) + 90_000 * 10**9
    assert repository.unfinished(now_ns=later) == [begun]
    assert repository.clean_leftovers(now_ns=later) == [f"data/{begun}"]
    assert keys_of(s3, offsite.location.split("/")[2]) == []


def test_no_keys_at_all(offsite: RepositoryTarget, proxy: Proxy) -> None:
    assert offsite.store is not None
    role = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/there/is/none"}
    proxy.faults = [Fault(refuses(403, "AccessDenied"), method="GET", times=9)]
    with pytest.raises(StorageError) as caught:
        list(Store(offsite, offsite.store, role).entries("backups/"))
    assert "no keys were found: set access_key" in (caught.value.remedy or "")
