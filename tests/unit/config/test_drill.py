"""`[drill]`, and the objectives of the tiers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.config import Config, load_config
from pantry_tui.config.restoring import NAME_BYTES, drill_name
from pantry_tui.config.settings import DrillSettings, Tier
from pantry_tui.errors import ConfigError


def load(place: Path, text: str) -> Config:
    file = place / "config.toml"
    file.write_text(text)
    file.chmod(0o600)
    return load_config(file, {"HOME": str(place)})


def test_where_private_servers_stand(tmp_path: Path) -> None:
    assert load(tmp_path, "").drill == DrillSettings()
    assert load(tmp_path, '[drill]\ndirectory = "/srv/drills"\n').drill.directory == "/srv/drills"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('directory = "drills"', "drill.directory must be an absolute path"),
        ("directory = 1", "drill.directory must be a directory"),
        ('place = "/srv"', "unknown key 'place'"),
    ],
)
def test_what_is_wrong(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[drill]\n{line}\n")
    assert said in caught.value.message


def test_objectives_of_the_tiers() -> None:
    assert [tier.rto_seconds / 3600 for tier in (Tier.CRITICAL, Tier.STANDARD, Tier.NON_CRITICAL)] == [2, 4, 8]


@pytest.mark.parametrize("database", ["crm", "d" * NAME_BYTES, "ä" * 31, "postgres"])
def test_the_database_of_a_drill_has_a_name_of_its_own(database: str) -> None:
    name = drill_name(database)
    assert name.endswith("_drill")
    assert len(name.encode()) <= NAME_BYTES
    assert database.startswith(name.removesuffix("_drill"))
