"""What must start fast does not load what is slow to load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPORT = "import sys; sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))"


def loaded_after(code: str, place: Path) -> set[str]:
    """The top-level packages that a fresh interpreter holds after ``code``."""
    outcome = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "BACKUP_DIR": str(place / "backups"),
            "DATA_DIR": str(place / "data"),
        },
    )
    assert outcome.returncode == 0, outcome.stderr
    return set(outcome.stderr.rsplit("\n", 1)[-1].split())


def command(*arguments: str) -> str:
    return f"from pantry_tui.cli.main import main\nassert main({list(arguments)!r}) in (0, None)"


def test_the_library_is_light(tmp_path: Path) -> None:
    loaded = loaded_after("import pantry_tui", tmp_path)

    assert "pantry_tui" in loaded
    assert not {"textual", "rich", "aiohttp", "psycopg", "obstore"} & loaded


@pytest.mark.parametrize("heavy", ["textual", "screens", "obstore"])
def test_listing_backups_does_not_load_the_application(tmp_path: Path, heavy: str) -> None:
    loaded = loaded_after(command("backup", "list"), tmp_path)

    assert "pantry_tui" in loaded
    assert heavy not in loaded


def test_listing_backups_needs_no_keys(tmp_path: Path) -> None:
    assert "cryptography" not in loaded_after(command("backup", "list"), tmp_path)


def test_listing_backups_needs_no_server_of_either_kind(tmp_path: Path) -> None:
    assert not {"aiohttp", "psycopg"} & loaded_after(command("backup", "list"), tmp_path)
