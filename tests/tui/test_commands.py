"""The one table of commands, and everything that is made from it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from pantry_tui.cli.main import build_parser
from screens import command_lines
from screens.alerts import AlertsScreen
from screens.backup_details import BackupDetailsScreen
from screens.backup_diff import BackupDiffScreen
from screens.backup_rows import BackupRowsScreen
from screens.backups import BackupsScreen
from screens.command import (
    ALERTS,
    BACKUPS,
    DETAILS,
    DIALOG,
    DIFF,
    EVERYWHERE,
    GRID,
    HEALTH,
    JOB,
    JOBS,
    PANES,
    ROWS,
    SCHEDULE,
    SCHEDULES,
    TABLE,
    WIZARD,
)
from screens.commands import COMMANDS, commands_of, matching
from screens.frame import CommandScreen
from screens.health import HealthScreen
from screens.job import JobScreen
from screens.jobs import JobsScreen
from screens.keys_document import keys_document
from screens.schedule_runs import ScheduleScreen
from screens.schedules import SchedulesScreen
from screens.themes import DARK, LIGHT
from screens.wizard import WizardScreen

SCREENS: dict[str, type[CommandScreen[None]]] = {
    BACKUPS: BackupsScreen,
    DETAILS: BackupDetailsScreen,
    ROWS: BackupRowsScreen,
    DIFF: BackupDiffScreen,
    JOBS: JobsScreen,
    JOB: JobScreen,
    HEALTH: HealthScreen,
    SCHEDULES: SchedulesScreen,
    SCHEDULE: ScheduleScreen,
    ALERTS: AlertsScreen,
    WIZARD: WizardScreen,
}

# tmux, flow control, and what terminals send for Enter and Tab.
KEPT_FOR_OTHERS = {f"ctrl+{letter}" for letter in "abszhijkm"}


def test_the_document_of_keys_is_what_the_table_says() -> None:
    written = Path(__file__).parents[2] / "docs" / "keys.md"

    assert written.read_text() == keys_document(), "make it anew: python -m screens.keys_document > docs/keys.md"


def test_ids_are_unique() -> None:
    assert len({each.id for each in COMMANDS}) == len(COMMANDS)


@pytest.mark.parametrize("pane", list(SCREENS))
def test_no_key_means_two_things_in_one_pane(pane: str) -> None:
    grid = commands_of(GRID) if pane == ROWS else ()
    keys = [key for each in (*commands_of(pane), *commands_of(TABLE), *grid) for key in each.keys.split(",")]

    assert len(keys) == len(set(keys))
    assert not KEPT_FOR_OTHERS & set(keys)


@pytest.mark.parametrize("each", COMMANDS, ids=lambda each: each.id)
def test_upper_case_changes_and_lower_case_looks(each: object) -> None:
    from screens.command import Command

    assert isinstance(each, Command)
    if each.action or DIALOG in each.panes:
        return
    letters = [key for key in each.keys.split(",") if len(key) == 1 and key.isalpha()]
    assert all(key.isupper() == each.changes for key in letters)


@pytest.mark.parametrize("pane", list(SCREENS))
def test_every_command_of_a_pane_can_be_done_there(pane: str) -> None:
    for each in commands_of(pane):
        assert hasattr(SCREENS[pane], f"do_{each.id.replace('.', '_')}"), each.id


def test_every_pane_has_a_title_and_commands() -> None:
    for pane in PANES:
        assert any(pane in each.panes for each in COMMANDS)
    assert {pane for each in COMMANDS for pane in each.panes} == set(PANES)
    assert EVERYWHERE in PANES


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("back up", "backup.create"),
        ("jobs", "app.jobs"),
        ("backup.restore", "backup.restore"),
        ("VALID", "backup.validate"),
    ],
)
def test_typing_finds_the_command(typed: str, first: str) -> None:
    assert matching(BACKUPS, typed)[0].id == first


def test_typing_nonsense_finds_nothing() -> None:
    assert matching(BACKUPS, "xyzzy") == ()


@pytest.mark.parametrize(
    "argv",
    [
        command_lines.create_backup(name="a b", database="crm", jobs=2, fingerprints=False, repository="remote"),
        command_lines.show_backup("some-id"),
        command_lines.peek("some-id", '"a b"."c"', skip=100, repository="remote"),
        command_lines.diff("some-id", "live"),
        command_lines.export(
            "some-id", output="x.zip", rows_format="csv", tables=["a.*"], recipients=["age1"], identity="i"
        ),
        command_lines.delete_backup("some-id", repository="remote", force=True),
        command_lines.restore("some-id", target="x", database="crm", tables=("public.a", "public.b")),
        command_lines.show_job("some-id"),
    ],
    ids=lambda argv: argv[1] + "-" + argv[2],
)
def test_the_command_lines_that_screens_show_are_real(argv: tuple[str, ...]) -> None:
    words = shlex.split(command_lines.shown(argv))

    assert tuple(words) == argv
    assert build_parser().parse_args(words[1:]).group == argv[1]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", ["foreground", "accent", "success", "warning", "error", "muted"])
@pytest.mark.parametrize("ground", ["background", "surface", "panel", "block-cursor-background"])
def test_words_stand_out_from_their_ground(theme: Theme, name: str, ground: str) -> None:
    assert contrast(colour_of(theme, name), colour_of(theme, ground)) >= 4.5


def colour_of(theme: Theme, name: str) -> Color:
    return Color.parse(theme.variables.get(name) or getattr(theme, name))


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Color) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in colour.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
