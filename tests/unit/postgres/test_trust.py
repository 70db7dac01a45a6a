"""Programs that somebody else could have put there, or could change, are not run."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from pantry_tui.postgres.trust import why_not_run

STRANGER = pwd.getpwnam("nobody").pw_uid
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in DIR/bin that only we can change; tmp_path itself is below a sticky /tmp."""
    directory = tmp_path / "installed" / "bin"
    directory.mkdir(parents=True)
    file = directory / "pg_dump"
    file.write_text("#!/bin/sh\n")
    for path in (tmp_path / "installed", directory, file):
        path.chmod(0o755)
    return file


def test_what_is_ours_and_what_the_system_has(program: Path) -> None:
    assert why_not_run(program) is None
    assert why_not_run(Path("/bin/sh")) is None


@pytest.mark.parametrize("which", ["installed", "installed/bin", "installed/bin/pg_dump"])
@as_root
def test_one_of_another_user(tmp_path: Path, program: Path, which: str) -> None:
    os.chown(tmp_path / which, STRANGER, -1)
    assert why_not_run(program) == f"{tmp_path / which} belongs to nobody, not to root"


@pytest.mark.parametrize("which", ["installed", "installed/bin", "installed/bin/pg_dump"])
def test_one_that_everybody_can_write_to(tmp_path: Path, program: Path, which: str) -> None:
    (tmp_path / which).chmod(0o777)
    assert why_not_run(program) == f"everybody can write to {tmp_path / which}"


@as_root
def test_one_that_a_group_can_write_to(program: Path) -> None:
    os.chown(program.parent, -1, pwd.getpwnam("nobody").pw_gid)
    program.parent.chmod(0o775)
    assert why_not_run(program) == f"the group nogroup can write to {program.parent}"


@as_root
def test_the_group_of_root_alone_is_nobody_else(program: Path) -> None:
    program.parent.chmod(0o775)
    assert why_not_run(program) is None


def test_sticky_directories_above_are_fine_but_not_around(program: Path) -> None:
    program.parent.parent.chmod(0o1777)
    assert why_not_run(program) is None
    program.parent.chmod(0o1777)
    assert why_not_run(program) == f"everybody can write to {program.parent}"


@as_root
def test_what_others_put_into_a_sticky_directory(tmp_path: Path, program: Path) -> None:
    """As in /tmp/postgres/bin/pg_dump, with all of it root's own but the first directory."""
    (tmp_path / "installed").chmod(0o1777)
    os.chown(program.parent, STRANGER, -1)
    assert why_not_run(program) == f"{program.parent} belongs to nobody, not to root"


def test_links_are_followed_through_every_directory(tmp_path: Path, program: Path) -> None:
    link = tmp_path / "linked"
    link.symlink_to("installed/../installed/bin")
    assert why_not_run(link / "pg_dump") is None
    (tmp_path / "installed").chmod(0o777)
    assert why_not_run(link / "pg_dump") == f"everybody can write to {tmp_path / 'installed'}"


def test_a_directory_that_links_to_the_program(tmp_path: Path, program: Path) -> None:
    alternatives = tmp_path / "alternatives"
    alternatives.mkdir()
    (alternatives / "pg_dump").symlink_to(program)
    alternatives.chmod(0o755)
    assert why_not_run(alternatives / "pg_dump") is None
    alternatives.chmod(0o1777)
    assert why_not_run(alternatives / "pg_dump") == f"everybody can write to {alternatives}"


@as_root
def test_links_of_another_user(tmp_path: Path, program: Path) -> None:
    link = tmp_path / "linked"
    link.symlink_to(program.parent)
    os.chown(link, STRANGER, -1, follow_symlinks=False)
    assert why_not_run(link / "pg_dump") == f"{link} belongs to nobody, not to root"


def test_links_without_an_end_and_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    assert why_not_run(tmp_path / "a") == f"{tmp_path / 'a'} is a link without an end"
    absent = tmp_path / "absent" / "pg_dump"
    assert why_not_run(absent) == f"{absent.parent} cannot be looked at: No such file or directory"
