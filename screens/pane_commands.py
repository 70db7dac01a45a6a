"""The commands for lists, tables and forms, whatever they show: finding, moving, choosing, copying."""

from __future__ import annotations

from screens.command import (
    ALERTS,
    BACKUPS,
    CHOICE,
    DETAILS,
    DIALOG,
    DIFF,
    GRID,
    HEALTH,
    JOB,
    JOBS,
    PICK,
    ROWS,
    SCHEDULE,
    SCHEDULES,
    TABLE,
    WIZARD,
    Command,
)

_LISTS = (BACKUPS, JOBS, SCHEDULES, ALERTS)
_ONE_SCHEDULE = (SCHEDULES, SCHEDULE)
_ONE_BACKUP = (BACKUPS, DETAILS)


def _move(name: str, keys: str, title: str, action: str) -> Command:
    return Command(id=f"table.{name}", keys=keys, title=title, description=f"{title}.", panes=(TABLE,), action=action)


def _field(name: str, key: str, title: str, action: str) -> Command:
    # At once: otherwise what is typed ahead after the key would still go into the field before.
    return Command(
        id=f"dialog.{name}",
        keys=key,
        title=title,
        description=f"{title}.",
        panes=(DIALOG,),
        action=action,
        at_once=True,
    )


PANE_COMMANDS = (
    Command(
        id="list.filter",
        keys="slash",
        title="Filter",
        description="Show only lines that contain the text; with ! in front, those that do not.",
        panes=_LISTS,
        rank=5,
    ),
    Command(
        id="list.sort",
        keys="s",
        title="Sort",
        description="Sort by the next column.",
        panes=_LISTS,
        rank=12,
    ),
    Command(
        id="list.reverse",
        keys="o",
        title="Reverse order",
        description="Turn the sort order round.",
        panes=_LISTS,
    ),
    Command(
        id="list.refresh",
        keys="r,f5",
        title="Refresh",
        description="Read everything again now; start the runner where none is there.",
        panes=(HEALTH, *_LISTS, DETAILS, ROWS, DIFF, JOB, SCHEDULE, WIZARD),
        command_line="pantry-tui backup list",
        rank=10,
    ),
    Command(
        id="list.pause",
        keys="space",
        title="Pause",
        description="Hold the list still, or let it follow what happens again.",
        panes=_LISTS,
    ),
    Command(
        id="copy.id",
        keys="y",
        title="Copy id",
        description="Send the id to the terminal's clipboard (OSC 52; not every terminal takes it).",
        panes=(*_ONE_BACKUP, *_ONE_SCHEDULE, JOBS, JOB, ALERTS),
        rank=11,
    ),
    Command(
        id="copy.command",
        keys="c",
        title="Copy command",
        description="Send the equivalent command line to the terminal's clipboard.",
        panes=(*_ONE_BACKUP, *_ONE_SCHEDULE, ROWS, DIFF, JOBS, JOB, ALERTS, WIZARD),
    ),
    Command(
        id="dialog.confirm",
        keys="ctrl+o",
        title="Go ahead",
        description="Do what the form says, from any of its fields.",
        panes=(DIALOG,),
        rank=1,
    ),
    _field("next", "tab", "Next field", "app.focus_next"),
    _field("previous", "shift+tab", "Previous field", "app.focus_previous"),
    Command(
        id="app.back",
        keys="escape",
        title="Back",
        description="Leave the dialog or the details; clear the filter. Never quits.",
        panes=(*_LISTS, DETAILS, ROWS, DIFF, JOB, SCHEDULE, DIALOG),
        rank=9,
    ),
    _move("down", "j,down", "One line down", "cursor_down"),
    _move("up", "k,up", "One line up", "cursor_up"),
    _move("first", "g,home", "First line", "scroll_top"),
    _move("last", "G,end", "Last line", "scroll_bottom"),
    _move("half_down", "ctrl+d", "Half a page down", "half_page(1)"),
    _move("half_up", "ctrl+u", "Half a page up", "half_page(-1)"),
    Command(
        id="grid.left",
        keys="h,left",
        title="One column left",
        description="One column left.",
        panes=(GRID,),
        action="cursor_left",
    ),
    Command(
        id="grid.right",
        keys="l,right",
        title="One column right",
        description="One column right.",
        panes=(GRID,),
        action="cursor_right",
    ),
    Command(
        id="choice.toggle",
        keys="space,enter",
        title="Choose",
        description="Choose the line, or no longer.",
        panes=(CHOICE,),
        action="select_cursor",
    ),
    Command(
        id="pick.next",
        keys="right,space",
        title="Next word",
        description="Take the next word.",
        panes=(PICK,),
        action="step(1)",
    ),
    Command(
        id="pick.previous",
        keys="left",
        title="Word before",
        description="Take the word before.",
        panes=(PICK,),
        action="step(-1)",
    ),
)
