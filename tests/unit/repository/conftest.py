"""A repository of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.repository.local import LocalRepository
from tests.unit.repository.samples import local_repository


@pytest.fixture
def local(tmp_path: Path) -> LocalRepository:
    return local_repository(tmp_path / "backups")
