"""The form for comparing a backup: with its database as it is now, or with another backup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.widget import Widget

from pantry_tui.errors import PantryError
from pantry_tui.models import LIVE, BackupSummary, DiffRequest, JobRequest
from screens import command_lines
from screens.backup_diff import BackupDiffScreen
from screens.backup_form import BackupForm
from screens.widgets import figures
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell

_COLUMNS = (Column("what", "With"), Column("age", "Taken", 12), Column("rows", "Rows", 12, right=True))


class CompareBackup(BackupForm):
    """Asks what to compare with; a job reads the database, two backups are compared at once."""

    AUTO_FOCUS: ClassVar[str | None] = "#others"
    TITLE_WORDS = "Compare a backup"
    GO = "Compare"

    def fields(self) -> Iterable[Widget]:
        yield self.which()
        yield CalmTable(_COLUMNS, id="others")

    def on_mount(self) -> None:
        super().on_mount()
        live = cell(f"the database {self._backup.database} as it is now", "bold")
        rows = [Row(LIVE, (live, cell("live"), cell("")))]
        self.query_one(CalmTable).show(rows + [self._row(each) for each in self._others()])

    def _others(self) -> list[BackupSummary]:
        """The other backups of the repository, those of the same database first."""
        backup = self._backup
        known = self.pantry.known.backups or ()
        others = [each for each in known if each.repository == backup.repository and each.id != backup.id]
        return sorted(others, key=lambda each: each.database != backup.database)

    def _row(self, backup: BackupSummary) -> Row:
        name = f"{backup.name} of {backup.database}"
        age = figures.age(backup.started_at, self.pantry.now())
        return Row(backup.id, (cell(name), cell(age), cell(figures.count(backup.rows), right=True)))

    @property
    def _other(self) -> str:
        return self.query_one(CalmTable).selected_key or LIVE

    @on(CalmTable.RowHighlighted)
    def _moved(self) -> None:
        self.draw_form()

    @on(CalmTable.RowSelected)
    def _chosen(self) -> None:
        self.do_dialog_confirm()

    def problem(self) -> str | PantryError | None:
        return None

    def note(self) -> str:
        return "Reads every row of the database in one snapshot." if self._other == LIVE else "Reads no rows."

    def argv(self) -> Sequence[str]:
        repository = self.pantry.link.named_repository(self._backup.repository)
        return command_lines.diff(self._backup.id, self._other, repository=repository)

    def go(self) -> None:
        backup, other, user = self._backup, self._other, self.pantry.user
        link, config = self.pantry.link, self.pantry.config

        def request() -> JobRequest:
            return DiffRequest(
                repository=link.repositories()[backup.repository],
                backup_id=backup.id,
                database=config.database_target(backup.database),
                started_by=user,
            )

        self.dismiss()
        if other == LIVE:
            self.pantry.submit(request)
        else:
            self.app.push_screen(BackupDiffScreen(backup, other))
