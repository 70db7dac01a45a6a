"""Keys given by the configuration."""

from __future__ import annotations

import msgspec
import pytest

from pantry_tui.errors import ConfigError
from screens.application import PantryApp
from screens.keymap import require_known_commands
from tests.tui.driver import driving
from tests.tui.stand_in import StandIn, make_backup, make_config


async def test_a_command_has_the_key_that_the_configuration_gives_it() -> None:
    config = msgspec.structs.replace(make_config(), keys={"backup.create": "f2", "table.down": "n", "app.help": "?,f9"})
    async with driving(
        PantryApp(config, connect=StandIn([make_backup(1), make_backup(2)]).connect, area="backups")
    ) as driver:
        await driver.sees("2 backups", "f2 Back up")
        await driver.press("B", "j")
        await driver.on("BackupsScreen")
        await driver.press("n")
        assert driver.app.screen.query_one("#list").cursor_row == 1  # type: ignore[attr-defined]
        await driver.press("f9")
        await driver.on("Help")
        await driver.sees("f2", "Back up")
        await driver.press("escape", "f2")
        await driver.on("NewBackup")


def test_a_command_that_does_not_exist_is_named() -> None:
    config = msgspec.structs.replace(make_config(), keys={"backup.creat": "f2"}, path="/etc/pantry-tui/config.toml")

    with pytest.raises(ConfigError, match=r"names 'backup\.creat'") as caught:
        require_known_commands(config)
    assert caught.value.remedy == "Did you mean backup.create?"
