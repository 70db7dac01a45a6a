"""`[databases.NAME.assertions]`: what is no query is told when the file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pantry_tui.cli.config import configuration_values
from pantry_tui.config.settings import Tier
from pantry_tui.errors import ConfigError
from pantry_tui.models import Assertion
from tests.unit.config.test_drill import load

DATABASE = '[databases.crm]\ndbname = "crm"\n'


def test_they_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    queries = (
        "  select true",
        "-- why\nSELECT true",
        "/* a\nb */ WITH a AS (SELECT true) TABLE a",
        "(VALUES (true))",
        "TABLE all_is_well",
    )
    lines = [f'"rule {number}" = """{query}"""' for number, query in enumerate(queries)]
    text = f"{DATABASE}assertion_timeout_seconds = 5\n[databases.crm.assertions]\n" + "\n".join(lines)
    config = load(tmp_path, text)
    settings = config.databases["crm"]
    assert settings.asserted == tuple(
        Assertion(name=f"rule {number}", query=query) for number, query in enumerate(queries)
    )
    assert settings.assertion_timeout_seconds == 5
    shown = {key: value for key, value, _ in configuration_values(config)}
    assert shown["databases.crm.assertions.rule 4"] == "TABLE all_is_well"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('x = "DELETE FROM contacts"', "databases.crm.assertions.x is no query"),
        ('x = "selection"', "databases.crm.assertions.x is no query"),
        ('x = ""', "databases.crm.assertions.x is no query"),
        ("x = true", "databases.crm.assertions must be a table of names and queries"),
        ('"a\\nb" = "SELECT true"', "cannot be the name of an assertion"),
        ('"" = "SELECT true"', "cannot be the name of an assertion"),
    ],
)
def test_what_is_wrong(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"{DATABASE}[databases.crm.assertions]\n{line}\n")
    assert said in caught.value.message


def test_the_tiers_have_points_too() -> None:
    assert [tier.rpo_seconds / 3600 for tier in Tier] == [1, 4, 24]
