"""Policies of retention as they are configured: sizes, and which of them is for whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.config import Config, load_config
from pantry_tui.config.keeping import bytes_of
from pantry_tui.models import RetentionPolicy, ScopedPolicy

CONFIGURED = """
[retention]
days = 14
max_size = "1.5 TB"
timezone = "Europe/Berlin"

[databases.crm]
host = "db"

[databases.crm.retention]
count = 5
after_backup = false
"""
GENERAL = RetentionPolicy(days=14, max_bytes=1_500_000_000_000, timezone="Europe/Berlin")
OWN = RetentionPolicy(count=5)


def load(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load_config(file, {"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("text", "size"),
    [("500 GB", 500 * 10**9), ("500GiB", 500 << 30), ("2 kB", 2000), ("2 KiB", 2048), ("0.5 MiB", 1 << 19)],
)
def test_sizes(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "500", "GB", "-1 GB", "0 GB", "1e9 GB", "1 gb", "1 GB ", "1 XB", "١ GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        bytes_of(text)


def test_a_database_has_its_own_in_place_of_the_general_one(tmp_path: Path) -> None:
    config = load(tmp_path, CONFIGURED)
    assert config.retention_policies({}) == (
        ScopedPolicy(policy=OWN, database="crm", schedule=""),
        ScopedPolicy(policy=GENERAL, schedule=""),
    )
    assert config.retention_after_backup("crm") is None
    assert config.retention_after_backup("other") == GENERAL


def test_schedules_come_first_and_where_unknown_their_backups_are_left_alone(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    hourly = RetentionPolicy(count=24)
    assert config.retention_policies({"hourly": hourly}) == (
        ScopedPolicy(policy=hourly, schedule="hourly"),
        ScopedPolicy(policy=RetentionPolicy(), schedule=""),
    )
    assert config.retention_after_backup("crm") is None
