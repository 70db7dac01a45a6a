"""The configuration page says what the program accepts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pantry_tui.config import EncryptionSettings, load_config
from pantry_tui.config.reference import tables, with_tables

ENCRYPTION = Path(__file__).resolve().parents[3] / "docs" / "encryption.md"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"


def test_the_tables_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run: python -m pantry_tui.config.reference docs/configuration.md"
    assert tables() in page
    assert "| `max_jobs` | a whole number of jobs from 1 to 64 | `3` |" in page


def test_the_example_is_valid(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert tomllib.loads(found[1])
    file = tmp_path / "config.toml"
    file.write_text(found[1], encoding="utf-8")
    file.chmod(0o600)
    (tmp_path / "crm").write_text("s3cret")
    config = load_config(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert config.database_target().environment["PGPASSWORD"] == "s3cret"
    assert config.database_target("billing").conninfo == "service='billing'"
    assert config.repository_target().name == "near"


def test_the_examples_about_encryption_are_valid(tmp_path: Path) -> None:
    examples = re.findall(r"```toml\n(.*?)```", ENCRYPTION.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        file = tmp_path / "config.toml"
        file.write_text(example, encoding="utf-8")
        file.chmod(0o600)
        assert load_config(file, {}).encryption != EncryptionSettings()


@pytest.mark.parametrize("name", ["DATABASE_URL", "SUPABASE_DB_URL", "BACKUP_DIR", "DATA_DIR", "PANTRY_CONFIG"])
def test_every_variable_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")
