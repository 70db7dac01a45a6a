"""The script of the documentation restores an incremental backup with nothing of this program on the path."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pantry_tui.models import RepositoryTarget
from pantry_tui.repository.local import LocalRepository
from tests.conftest import ROOT
from tests.engine.backup.taking import take
from tests.engine.incremental.test_rows import changed
from tests.servers import TestServer


def documented_script() -> str:
    found = re.search(r"```sh\n(#!/bin/sh\n.*?)```", (ROOT / "docs" / "incremental.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def written_out(base: Path, delta: Path, script: Path) -> bytes:
    script.write_text(documented_script())
    done = subprocess.run(["/bin/sh", script, base, delta], capture_output=True, check=True)
    assert not done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("awk") is None, reason="awk is not installed")
async def test_documented_script_restores_both(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    source, delta = await changed(server, repository)
    base = LocalRepository(repository).path(delta.summary.base or "")
    target = server.create_database()
    server.psql(target, written_out(base, delta.directory, tmp_path / "incremental.sh"))
    assert server.fingerprint(target) == server.fingerprint(source)


@pytest.mark.skipif(shutil.which("awk") is None, reason="awk is not installed")
async def test_documented_script_serves_an_empty_database_too(
    server: TestServer, repository: RepositoryTarget, tmp_path: Path
) -> None:
    source = server.create_database()
    base = await take(source, repository)
    server.execute(source, "CREATE TABLE t AS SELECT 1 AS a")
    delta = await take(source, repository, kind=base.manifest.kind.INCREMENTAL)
    target = server.create_database()
    server.psql(target, written_out(base.directory, delta.directory, tmp_path / "incremental.sh"))
    assert server.fingerprint(target) == server.fingerprint(source)


async def test_psql_does_not_take_an_incremental_alone(server: TestServer, repository: RepositoryTarget) -> None:
    _, delta = await changed(server, repository)
    with pytest.raises(AssertionError, match="without its base"):
        server.psql(server.create_database(), delta.document)
