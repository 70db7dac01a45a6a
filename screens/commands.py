"""Every command of the screens, once.

Key bindings, the line of keys, the palette, the `:` line, help and docs/keys.md are made from this table. A command's
id is the name by which the configuration gives it other keys.
"""

from __future__ import annotations

from screens.command import (
    CHOICE,
    DIALOG,
    EVERYWHERE,
    GRID,
    PICK,
    TABLE,
    Command,
)
from screens.health_commands import HEALTH_COMMANDS
from screens.pane_commands import PANE_COMMANDS
from screens.schedule_commands import SCHEDULE_COMMANDS
from screens.work_commands import WORK_COMMANDS

_ALL = (EVERYWHERE,)

COMMANDS: tuple[Command, ...] = (
    *WORK_COMMANDS,
    *SCHEDULE_COMMANDS,
    *HEALTH_COMMANDS,
    *PANE_COMMANDS,
    Command(
        id="app.health",
        keys="1",
        title="Health",
        description="Go to the first screen: would the databases survive today, and what is wrong.",
        panes=_ALL,
        command_line="pantry-tui monitor health",
    ),
    Command(
        id="app.backups",
        keys="2",
        title="Backups",
        description="Go to the backups.",
        panes=_ALL,
        command_line="pantry-tui backup list",
    ),
    Command(
        id="app.jobs",
        keys="4",
        title="Jobs",
        description="Go to the jobs: running, queued and past.",
        panes=_ALL,
        command_line="pantry-tui job list",
    ),
    Command(
        id="app.schedules",
        keys="3",
        title="Schedules",
        description="Go to the schedules: what is done again and again.",
        panes=_ALL,
        command_line="pantry-tui schedule list",
    ),
    Command(
        id="app.alerts",
        keys="5",
        title="Alerts",
        description="Go to the alerts: what is wrong, who takes care of it, what was wrong.",
        panes=_ALL,
        command_line="pantry-tui monitor alerts --all",
    ),
    Command(
        id="app.help",
        keys="question_mark,f1",
        title="Help",
        description="The keys of the pane in focus.",
        panes=_ALL,
        rank=7,
    ),
    Command(
        id="app.palette",
        keys="ctrl+p",
        title="Palette",
        description="Find any command by its name.",
        panes=_ALL,
    ),
    Command(
        id="app.go",
        keys="colon",
        title="Go to",
        description="Type the name of a command or of a screen.",
        panes=_ALL,
    ),
    Command(
        id="app.theme",
        keys="t",
        title="Light or dark",
        description="Change between the dark and the light theme.",
        panes=_ALL,
    ),
    Command(
        id="app.quit",
        keys="ctrl+q",
        title="Quit",
        description="Close this window on the runner. Jobs go on.",
        panes=_ALL,
        rank=8,
    ),
)

_BY_ID = {command.id: command for command in COMMANDS}


def command(command_id: str) -> Command:
    """The command of that id. Raises KeyError."""
    return _BY_ID[command_id]


def commands_of(pane: str) -> tuple[Command, ...]:
    """The commands of a pane: its own first, then, except in dialogs, those that work everywhere."""
    own = tuple(each for each in COMMANDS if pane in each.panes)
    return (
        own
        if pane in (DIALOG, TABLE, GRID, CHOICE, PICK)
        else (*own, *(each for each in COMMANDS if EVERYWHERE in each.panes))
    )


def matching(pane: str, typed: str) -> tuple[Command, ...]:
    """The pane's commands whose title, id or description has every word of ``typed``, titles first."""
    words = typed.casefold().replace(".", " ").split()
    found = [each for each in commands_of(pane) if all(word in _searched(each) for word in words)]
    beginning = typed.casefold().strip()
    return tuple(
        sorted(found, key=lambda each: (not each.title.casefold().startswith(beginning), not _named(each, words)))
    )


def _searched(each: Command) -> str:
    return f"{each.id.replace('.', ' ')} {each.title} {each.description}".casefold()


def _named(each: Command, words: list[str]) -> bool:
    name = f"{each.id.replace('.', ' ')} {each.title}".casefold()
    return all(word in name for word in words)
