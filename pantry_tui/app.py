"""The terminal application: checks the terminal, then opens the screens on a runner.

Textual is imported only here, and only after the environment variables that it reads at import are set.
"""

from __future__ import annotations

import os

from pantry_tui.config import Config
from screens.keymap import require_known_commands
from screens.terminal import prepare_environment, require_terminal, traits_of

DEMO_VARIABLE = "PANTRY_DEMO"  # set by the demo for its own application


def run(
    config: Config, *, mouse: bool = True, read_only: bool = False, wizard: bool = False, database: str | None = None
) -> int:
    """Opens the application and returns its exit status: 0, or 129 when the terminal was lost.

    ``read_only``: nothing is changed from it. ``wizard``: it opens on the recovery wizard, for ``database`` where one is
    named. Closing it stops no job. Raises `TerminalError`, with the command to use instead, where there is no terminal that
    could show it, and `ConfigError` for keys of a command that does not exist.
    """
    require_terminal(os.environ)
    require_known_commands(config)
    traits = traits_of(os.environ)
    prepare_environment()

    from pantry_tui.runner.client import attach, attach_or_start
    from screens.application import PantryApp
    from screens.terminal_driver import accept_any_terminal

    app = PantryApp(
        config,
        connect=attach_or_start,
        attach=attach,
        traits=traits,
        demo=DEMO_VARIABLE in os.environ,
        read_only=read_only,
    )
    if wizard:
        app.open_with_wizard(database)
    accept_any_terminal(app)
    app.run(mouse=mouse)
    return app.return_code or 0
