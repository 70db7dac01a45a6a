"""The form for restoring a backup into another database. What exists is never touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Checkbox, Static

from pantry_tui.config.restoring import check_target_name, is_address
from pantry_tui.errors import PantryError
from pantry_tui.models import BackupKind, BackupSummary, ForeignRestoreRequest, JobRequest, RestoreRequest
from screens import command_lines
from screens.bindings import bindings_of
from screens.command import CHOICE
from screens.form import Field, Tick
from screens.known import KnownChanged
from screens.passwords import password_note, without_password
from screens.trusting_form import UNTRUSTED, TrustingForm
from screens.widgets import figures
from screens.widgets.table import CalmTable, Column, Row
from screens.widgets.text import cell

_CHOOSE = "choose at least one table: space on its line"


class Choice(CalmTable):
    """A table whose lines are chosen with space."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(CHOICE)


class RestoreBackup(TrustingForm):
    """Asks for the new database, by name or address, and for the tables; then the job's progress opens."""

    TITLE_WORDS = "Restore into another database"
    GO = "Restore"
    TRUST_WORDS = "restore it all the same"

    def __init__(self, backup: BackupSummary) -> None:
        super().__init__(backup)
        self._chosen: set[str] = set()

    def fields(self) -> Iterable[Widget]:
        backup = self._backup
        yield self.holdings()
        yield Field("New database", f"{backup.database}_restored", id="target")
        yield Static("A name or a URI. One that holds anything is refused.", classes="hint")
        yield from self.identity_fields()
        yield from self.trust_fields()
        yield Tick("all tables", True, id="all")
        columns = (Column("box", "", 3), Column("table", "Table"), Column("rows", "Rows", 12, right=True))
        choice = Choice(columns, id="choice")
        choice.show_header = False
        yield choice
        yield Static(id="chosen", classes="hint flush", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        self._draw_choice()

    @on(KnownChanged)
    @on(Checkbox.Changed)
    def _draw_choice(self) -> None:
        table, chosen = self.query_one(Choice), self.query_one("#chosen", Static)
        table.display = chosen.display = not self.ticked("all")
        chosen.update(f"space chooses a table; chosen: {len(self._chosen)} of {figures.count(self._backup.tables)}")
        details = self.details
        if details is not None:
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

    @property
    def _nothing_chosen(self) -> bool:
        return not self.ticked("all") and not self._chosen

    @property
    def _is_foreign(self) -> bool:
        return self._backup.kind is BackupKind.FOREIGN

    @property
    def _server(self) -> str | None:
        """The configured database on whose server a plain name is; an address says its own."""
        link, target = self.pantry.link, self.value("target")
        return None if is_address(target) else link.named_database(self._backup.database)

    def problem(self) -> str | PantryError | None:
        target = self.value("target")
        if not target:
            return "name the database to restore into"
        if target == self._backup.database or target in self.pantry.config.databases:
            return f"{target} is a database of yours; this screen restores only into another one"
        if self._nothing_chosen:
            return _CHOOSE
        if self._is_foreign and not self.ticked("all"):
            return "a dump that others made is restored whole: tick all tables"
        if self.is_untrusted:
            return UNTRUSTED
        try:
            if is_address(target):
                self.pantry.config.restore_target(target)
            else:
                check_target_name(target)  # resolving the server may run a command for its password: not here
        except PantryError as error:
            return error
        return None

    def note(self) -> str:
        return _CHOOSE if self._nothing_chosen else password_note(self.value("target"))

    def argv(self) -> Sequence[str]:
        link, backup = self.pantry.link, self._backup
        return command_lines.restore(
            backup.id,
            target=without_password(self.value("target")) or "DATABASE",
            database=self._server,
            repository=link.named_repository(backup.repository),
            tables=("TABLE",) if self._nothing_chosen else self._tables(),
            identity=self.identity,
            trust=self.trust,
        )

    def go(self) -> None:
        backup, user, tables = self._backup, self.pantry.user, self._tables()
        link, config, target = self.pantry.link, self.pantry.config, self.value("target")
        server, trust, keys = self._server, self.trust, self.keys()

        def request() -> JobRequest:
            settings = config.databases.get(backup.database)
            if backup.kind is BackupKind.FOREIGN:
                return ForeignRestoreRequest(
                    repository=link.repositories()[backup.repository],
                    backup_id=backup.id,
                    target=config.restore_target(target, server=server),
                    unlocking=keys(),
                    trust=trust,
                    started_by=user,
                )
            return RestoreRequest(
                repository=link.repositories()[backup.repository],
                backup_id=backup.id,
                target=config.restore_target(target, server=server),
                tables=tables,
                assertions=settings.asserted if settings is not None else (),
                assertion_seconds=settings.assertion_timeout_seconds if settings is not None else 60.0,
                unlocking=keys(),
                trust=trust,
                started_by=user,
            )

        self.dismiss()
        self.pantry.submit(request)
