"""A catalog and a repository of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pantry_tui.catalog.catalog import Catalog
from tests.unit.catalog.reading import ReadingRepository


@pytest.fixture
def repository(tmp_path: Path) -> ReadingRepository:
    return ReadingRepository(tmp_path / "backups")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "data") as made:
        yield made
