"""Real limits of the operating system, and what is said when they are met."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.artifact.files import storage_error, storage_errors, write_all, write_atomically
from pantry_tui.catalog.catalog import Catalog
from pantry_tui.errors import DiskFullError, StorageError
from pantry_tui.repository.local import new_backup_id
from tests.unit.repository.samples import NOON, local_repository, publish_backup


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        write_all(file.fileno(), b"x" * (1 << 20))
    return filler


def test_a_full_disk_is_named_and_what_is_free_on_it(tiny_disk: Path) -> None:
    repository = local_repository(tiny_disk / "backups")
    kept = publish_backup(repository)
    filler = fill(tiny_disk)
    with pytest.raises(DiskFullError) as caught:
        publish_backup(repository)
    assert f"file system at {tiny_disk}, 0 bytes free" in caught.value.message
    assert "[Errno 28]" in str(caught.value.detail)
    assert repository.ids() == [kept]
    filler.unlink()
    repository.clean_leftovers()
    assert repository.problems(publish_backup(repository)) == []


def test_the_catalog_on_a_full_disk_stays_readable(tiny_disk: Path, tmp_path: Path) -> None:
    repository = local_repository(tmp_path / "backups")
    first = publish_backup(repository)
    with Catalog(tiny_disk / "data") as catalog:
        catalog.refresh(repository)
        filler = fill(tiny_disk)
        publish_backup(repository)
        with pytest.raises(DiskFullError):
            catalog.refresh(repository)
        assert [summary.id for summary in catalog.backups()] == [first]
        assert [summary.id for summary in Catalog(tiny_disk / "data").backups()] == [first]
        filler.unlink()
        catalog.refresh(repository)
        assert len(catalog.backups()) == 2
        assert catalog.problems == []


def test_a_limit_of_the_size_of_files(tmp_path: Path) -> None:
    repository = local_repository(tmp_path / "backups")
    staged = repository.begin(new_backup_id("daily", NOON))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    descriptor = staged.create("crm.sql.gz")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.raises(StorageError, match="File too large") as caught, storage_errors(staged.path, "writing rows"):
            write_all(descriptor, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        os.close(descriptor)
    assert "ulimit -f" in str(caught.value.remedy)
    repository.discard(staged)
    assert not staged.path.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_is_full_even_where_the_path_is_gone(number: int, tmp_path: Path) -> None:
    error = storage_error(OSError(number, os.strerror(number)), tmp_path / "a" / "b", "writing rows")
    assert isinstance(error, DiskFullError)
    assert "bytes free" in error.message


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.EIO, "disk's health"), (errno.EROFS, "read-only"), (errno.EACCES, "access")]
)
def test_other_errors_say_what_to_do(number: int, remedy: str) -> None:
    error = storage_error(OSError(number, os.strerror(number)), "/backups", "writing rows")
    assert type(error) is StorageError
    assert error.message == f"writing rows: /backups: {os.strerror(number)}"
    assert remedy in str(error.remedy)


def test_an_atomic_write_replaces_what_a_crash_left_beside(tmp_path: Path) -> None:
    (tmp_path / ".file.tmp").symlink_to(tmp_path / "elsewhere")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", [("backup", "create", "-n", "daily"), ("runner", "start"), ("runner",)])
def test_a_full_data_directory_is_named(tiny_disk: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tiny_disk / "data").mkdir(mode=0o700)
    fill(tiny_disk)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DATA_DIR": str(tiny_disk / "data"),
        "BACKUP_DIR": str(tmp_path / "backups"),
        "DATABASE_URL": f"postgresql:///none?host={tmp_path}",
    }
    argv = [sys.executable, "-P", "-m", "pantry_tui", *command]
    ended = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == DiskFullError.exit_status, ended.stderr
    assert f"the file system is full: {tiny_disk}/data" in ended.stderr
    assert "free space there" in ended.stderr
    assert "Ctrl+C" not in ended.stderr
