"""The form for restoring a backup into another database. What exists is never touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Checkbox, Static

from pantry_tui.config.targets import target_with_database
from pantry_tui.models import BackupDetails, BackupSummary, JobRequest, RestoreRequest
from screens import command_lines
from screens.form import Field, Form, Tick
from screens.known import KnownChanged
from screens.widgets import figures
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell, visible


class RestoreBackup(Form):
    """Asks for the new database's name and for the tables; then the job's progress opens."""

    TITLE_WORDS = "Restore into another database"
    GO = "Restore"

    def __init__(self, backup: BackupSummary) -> None:
        super().__init__()
        self._backup = backup
        self._chosen: set[str] = set()

    def fields(self) -> Iterable[Widget]:
        backup = self._backup
        holds = f"{figures.plural(backup.tables, 'table')}, {figures.plural(backup.rows, 'row')}"
        yield Static(Content.assemble((visible(backup.name), "bold"), f" of {visible(backup.database)}: {holds}"))
        yield Field("New database", f"{backup.database}_restored", id="target")
        yield Static("It is created; one that holds anything is refused.", classes="hint")
        yield Tick("all tables", True, id="all")
        table = CalmTable((Column("box", "", 3), Column("table", "Table"), Column("rows", "Rows", 12, right=True)))
        table.id = "choice"
        table.display = False
        yield table

    def on_mount(self) -> None:
        super().on_mount()
        self.pantry.want_details(self._backup)
        self._draw_choice()

    @on(KnownChanged)
    @on(Checkbox.Changed)
    def _draw_choice(self) -> None:
        table = self.query_one("#choice", CalmTable)
        table.display = not self.ticked("all")
        details = self.pantry.known.details.get(self._backup.id)
        if isinstance(details, BackupDetails):
            table.show([self._row(f"{each.schema}.{each.name}", each.rows) for each in details.tables])

    def _row(self, name: str, rows: int) -> Row:
        glyphs = self.pantry.glyphs
        box = glyphs.chosen if name in self._chosen else glyphs.not_chosen
        return Row(name, (cell(box), cell(name), cell(figures.count(rows), right=True)))

    @on(CalmTable.RowSelected)
    def _toggled(self, event: CalmTable.RowSelected) -> None:
        if event.row_key.value is not None:
            self._chosen ^= {event.row_key.value}
        self._draw_choice()
        self.draw_form()

    def _tables(self) -> tuple[str, ...]:
        return () if self.ticked("all") else tuple(sorted(self._chosen))

    def problem(self) -> str | None:
        target = self.value("target")
        if not target:
            return "name the database to restore into"
        if target == self._backup.database or target in self.pantry.config.databases:
            return f"{target} is a database of yours; this screen restores only into another one"
        if not self.ticked("all") and not self._chosen:
            return "choose at least one table: enter on its line"
        return None

    def argv(self) -> Sequence[str]:
        link, backup = self.pantry.link, self._backup
        return command_lines.restore(
            backup.id,
            target=self.value("target") or "DATABASE",
            database=link.named_database(backup.database),
            repository=link.named_repository(backup.repository),
            tables=self._tables(),
        )

    def go(self) -> None:
        backup, user, tables = self._backup, self.pantry.user, self._tables()
        link, config, target = self.pantry.link, self.pantry.config, self.value("target")
        server = link.named_database(backup.database)

        def request() -> JobRequest:
            return RestoreRequest(
                repository=link.repositories()[backup.repository],
                backup_id=backup.id,
                target=target_with_database(config.database_target(server), target),
                tables=tables,
                started_by=user,
            )

        self.dismiss()
        self.pantry.submit(request)
