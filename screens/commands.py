"""Every command of the screens, once.

Key bindings, the line of keys, the palette, the `:` line, help and docs/keys.md are made from this table. A command's
id is the name by which the configuration gives it other keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pantry_tui.models import BackupSummary, Job

EVERYWHERE = "everywhere"
BACKUPS = "backups"
JOBS = "jobs"
DETAILS = "details"
ROWS = "rows"
DIFF = "diff"
JOB = "job"
DIALOG = "dialog"
TABLE = "table"
GRID = "grid"
CHOICE = "choice"
PICK = "pick"

PANES = {
    EVERYWHERE: "Everywhere",
    BACKUPS: "Backups",
    DETAILS: "A backup's details",
    ROWS: "Rows of a table in a backup",
    DIFF: "Two backups compared",
    JOBS: "Jobs",
    JOB: "One job",
    TABLE: "Lists and tables",
    GRID: "Tables whose columns are chosen too",
    CHOICE: "Lists to choose from",
    PICK: "One of several words",
    DIALOG: "Forms and questions",
}


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a command's condition may look at."""

    connected: bool = True
    backup: BackupSummary | None = None
    job: Job | None = None
    table: str | None = None
    rows_before: bool = False  # of the table that is shown, on other pages
    rows_behind: bool = False


Condition = Callable[[Situation], str | None]


def _always(situation: Situation) -> str | None:
    return None


def _backup(situation: Situation) -> str | None:
    return None if situation.backup is not None else "no backup is selected; B takes one"


def _job(situation: Situation) -> str | None:
    return None if situation.job is not None else "no job is selected"


def _running_job(situation: Situation) -> str | None:
    if situation.job is None:
        return _job(situation)
    if situation.job.state.is_final:
        return f"this job is over: {situation.job.state.replace('_', ' ')}"
    return None if situation.connected else "the runner has stopped"


def _table(situation: Situation) -> str | None:
    return None if situation.table is not None else "no table is selected"


def _rows_before(situation: Situation) -> str | None:
    return None if situation.rows_before else "these are the first rows"


def _rows_behind(situation: Situation) -> str | None:
    return None if situation.rows_behind else "these are the last rows"


def _is_there(situation: Situation) -> bool:
    return True


def _job_goes_on(situation: Situation) -> bool:
    return situation.job is None or not situation.job.state.is_final


@dataclass(frozen=True, kw_only=True)
class Command:
    """One thing a person can do, and everything the faces say about it.

    ``condition`` answers with the reason why it cannot be done now, or None. ``rank`` orders the line of keys: lower
    stays longer when room is short; None leaves it to help and palette. ``offered`` is whether the line of keys names it
    at all. ``action`` is the widget's own action, where the command is one of a widget and not of a screen. ``at_once``
    has its key seen before the widget in focus gets it.
    """

    id: str
    keys: str
    title: str
    description: str
    panes: tuple[str, ...]
    command_line: str | None = None
    changes: bool = False
    condition: Condition = _always
    rank: int | None = None
    offered: Callable[[Situation], bool] = _is_there
    action: str | None = None
    at_once: bool = False

    def reason_against(self, situation: Situation) -> str | None:
        """Why it cannot be done now; None when it can."""
        return self.condition(situation)


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


_LISTS = (BACKUPS, JOBS)
_ONE_BACKUP = (BACKUPS, DETAILS)
_ALL = (EVERYWHERE,)

COMMANDS: tuple[Command, ...] = (
    Command(
        id="backup.details",
        keys="enter",
        title="Details",
        description="Tables, files, warnings, server and tools of the selected backup.",
        panes=(BACKUPS,),
        command_line="pantry-tui backup show ID",
        condition=_backup,
        rank=2,
    ),
    Command(
        id="backup.rows",
        keys="enter",
        title="Rows",
        description="Look at the rows of the selected table, without restoring it.",
        panes=(DETAILS,),
        command_line="pantry-tui backup peek ID TABLE",
        condition=_table,
        rank=2,
    ),
    Command(
        id="rows.next",
        keys="n",
        title="Next rows",
        description="The next page of rows; moving down from the last row does the same.",
        panes=(ROWS,),
        command_line="pantry-tui backup peek ID TABLE --skip N",
        condition=_rows_behind,
        rank=1,
    ),
    Command(
        id="rows.previous",
        keys="p",
        title="Previous rows",
        description="The page of rows before; moving up from the first row does the same.",
        panes=(ROWS,),
        condition=_rows_before,
        rank=2,
    ),
    Command(
        id="copy.value",
        keys="y",
        title="Copy value",
        description="Send the value under the cursor to the terminal's clipboard (OSC 52; not every terminal takes it).",
        panes=(ROWS,),
        rank=11,
    ),
    Command(
        id="backup.create",
        keys="B",
        title="Back up",
        description="Take a backup of a database.",
        panes=(BACKUPS,),
        command_line="pantry-tui backup create -n NAME -d DATABASE",
        changes=True,
        rank=1,
    ),
    Command(
        id="backup.validate",
        keys="V",
        title="Validate",
        description="Read the backup back, whole: checksums, compression, structure, row counts.",
        panes=_ONE_BACKUP,
        command_line="pantry-tui backup validate ID",
        changes=True,
        condition=_backup,
        rank=4,
    ),
    Command(
        id="backup.restore",
        keys="R",
        title="Restore",
        description="Restore the backup into another database and compare the result.",
        panes=_ONE_BACKUP,
        command_line="pantry-tui recovery execute ID --target DATABASE",
        changes=True,
        condition=_backup,
        rank=3,
    ),
    Command(
        id="backup.delete",
        keys="D",
        title="Delete",
        description="Delete the backup for good, after its name has been typed.",
        panes=_ONE_BACKUP,
        command_line="pantry-tui backup delete ID",
        changes=True,
        condition=_backup,
        rank=6,
    ),
    Command(
        id="backup.diff",
        keys="d",
        title="Compare",
        description="Compare the backup with its database as it is now, or with another backup, table by table.",
        panes=_ONE_BACKUP,
        command_line="pantry-tui backup diff ID OTHER-ID",
        condition=_backup,
        rank=12,
    ),
    Command(
        id="backup.export",
        keys="X",
        title="Export",
        description="Write the backup, or some of its tables, into one file: for psql, or as CSV for a spreadsheet.",
        panes=_ONE_BACKUP,
        command_line="pantry-tui backup export ID -o FILE",
        changes=True,
        condition=_backup,
        rank=15,
    ),
    Command(
        id="backup.pin",
        keys="P",
        title="Pin",
        description="Protect the backup from being deleted, or take the pin out again.",
        panes=_ONE_BACKUP,
        command_line="pantry-tui backup pin ID",
        changes=True,
        condition=_backup,
        rank=13,
    ),
    Command(
        id="backup.label",
        keys="L",
        title="Label",
        description="Write a label on the backup, or take it off.",
        panes=_ONE_BACKUP,
        command_line="pantry-tui backup label ID TEXT",
        changes=True,
        condition=_backup,
        rank=14,
    ),
    Command(
        id="job.open",
        keys="enter",
        title="Open",
        description="The job's progress per table, its log and its result.",
        panes=(JOBS,),
        command_line="pantry-tui job show JOB",
        condition=_job,
        rank=1,
    ),
    Command(
        id="job.cancel",
        keys="C",
        title="Cancel job",
        description="Stop the job, after a question. A backup leaves nothing half done.",
        panes=(JOBS, JOB),
        command_line="pantry-tui job cancel JOB",
        changes=True,
        condition=_running_job,
        offered=_job_goes_on,
        rank=3,
    ),
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
        panes=(*_LISTS, DETAILS, ROWS, DIFF, JOB),
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
        panes=(*_ONE_BACKUP, JOBS, JOB),
        rank=11,
    ),
    Command(
        id="copy.command",
        keys="c",
        title="Copy command",
        description="Send the equivalent command line to the terminal's clipboard.",
        panes=(*_ONE_BACKUP, ROWS, DIFF, JOBS, JOB),
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
        panes=(*_LISTS, DETAILS, ROWS, DIFF, JOB, DIALOG),
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
    Command(
        id="app.backups",
        keys="1",
        title="Backups",
        description="Go to the backups.",
        panes=_ALL,
        command_line="pantry-tui backup list",
    ),
    Command(
        id="app.jobs",
        keys="2",
        title="Jobs",
        description="Go to the jobs: running, queued and past.",
        panes=_ALL,
        command_line="pantry-tui job list",
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
