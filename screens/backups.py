"""The backups: what there is, whether it is valid, whether it was proven, and what to do with it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.content import Content

from pantry_tui.models import BackupDetails, BackupSummary
from screens.backup_details import BackupDetailsScreen
from screens.bindings import bindings_of
from screens.command import BACKUPS
from screens.list_screen import BROAD, WIDE, Entry, ListScreen
from screens.new_backup import NewBackup
from screens.one_backup import OneBackupScreen
from screens.widgets import figures
from screens.widgets.status_line import no_runner_words
from screens.widgets.summary import as_content, backup_lines, details_lines, proof, standing, validity
from screens.widgets.table import Column
from screens.widgets.text import cell, visible

_NARROW = (
    Column("name", "Name"),
    Column("database", "Database", 11),
    Column("kind", "Kind", 8),
    Column("age", "Age", 10),
    Column("size", "Size", 9, right=True),
    Column("short", "Rows", 7, right=True),
    Column("state", "State", 11),
)
_BROADER = (
    Column("name", "Name"),
    Column("database", "Database", 14),
    Column("kind", "Kind", 9),
    Column("age", "Age", 11),
    Column("size", "Size", 9, right=True),
    Column("rows", "Rows", 10, right=True),
    Column("valid", "Validity", 13),
)
_PROOF = Column("proof", "Proof", 16)
_ID = Column("id", "Id", 32)
_ROOM_FOR_ID = 136  # from BROAD on, the pane beside the list shows it


class BackupsScreen(OneBackupScreen, ListScreen):
    """The list of backups, newest first."""

    PANE = BACKUPS
    TITLE_WORDS = "Backups"
    OPEN = "backup.details"
    initial_sort = 3
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(BACKUPS)

    def columns(self) -> tuple[Column, ...]:
        width = self.app.size.width
        if width < WIDE:
            return _NARROW
        return (*_BROADER, _PROOF) if width < _ROOM_FOR_ID or width >= BROAD else (*_BROADER, _PROOF, _ID)

    def draw_list(self) -> None:
        super().draw_list()
        fresh = self.known.fresh
        if fresh is not None and self.table.select(fresh):
            self.pantry.learn(fresh=None)

    @property
    def selected(self) -> BackupSummary | None:
        """The backup under the cursor."""
        return self.known.backup(self.table.selected_key)

    def entries(self) -> list[Entry]:
        return [self._entry(each) for each in self.known.backups or ()]

    def _entry(self, backup: BackupSummary) -> Entry:
        glyphs, now = self.pantry.glyphs, self.pantry.now()
        cells = {
            "name": self._marked_name(backup),
            "database": cell(backup.database),
            "kind": cell(_kind(backup)),
            "age": cell(figures.age(backup.started_at, now)),
            "size": cell(figures.size(backup.bytes), right=True),
            "rows": cell(figures.count(backup.rows), right=True),
            "short": cell(figures.short_count(backup.rows), right=True),
            "state": self.coloured(*standing(backup, glyphs)),
            "valid": self.coloured(*validity(backup, glyphs)),
            "proof": self.coloured(*proof(backup, glyphs)),
            "id": cell(backup.id, self.pantry.colour("muted")),
        }
        order = {
            "name": backup.name.casefold(),
            "age": backup.started_at,
            "size": backup.bytes,
            "rows": backup.rows,
            "short": backup.rows,
        }
        keys = [column.key for column in self.columns()]
        words = " ".join([*(text.plain for text in cells.values()), *self._marks(backup)])
        return Entry(
            key=backup.id,
            cells=tuple(cells[key] for key in keys),
            order=tuple(order.get(key, _plain(cells[key])) for key in keys),
            searched=words.casefold(),
        )

    def _marks(self, backup: BackupSummary) -> list[str]:
        """The words of the signs, for those who filter by them."""
        return [*(["pinned"] if backup.pinned else []), *(["encrypted"] if backup.encrypted else [])]

    def _marked_name(self, backup: BackupSummary) -> Text:
        """The name between its marks: the signs of a pin and of encryption, and the label as far as there is room."""
        shown = cell("")
        if backup.pinned:
            shown.append(f"{self.pantry.glyphs.pinned} ", self.pantry.colour("accent"))
        if backup.encrypted:
            shown.append(f"{self.pantry.glyphs.sealed} ", self.pantry.colour("muted"))
        shown.append(visible(backup.name), "bold")
        if backup.label:
            shown.append(f"  {visible(backup.label)}", self.pantry.colour("muted"))
        return shown

    def headline(self) -> str:
        backups = self.known.backups
        if not backups:
            return ""
        newest = max(each.started_at for each in backups)
        stale = " (the list could not be read again)" if self.known.backups_problem is not None else ""
        return f"{figures.plural(len(backups), 'backup')}, newest {figures.ago(newest, self.pantry.now())}{stale}"

    def empty_words(self) -> Content:
        known = self.known
        if known.backups_problem is not None:
            problem = known.backups_problem
            return Content.assemble(
                ("The backups could not be read.\n\n", "bold $error"),
                visible(problem.message),
                (f"\n\n{visible(problem.remedy or 'r reads them again.')}", "$muted"),
            )
        if not known.attached and known.problem is not None:
            words = no_runner_words(known).capitalize()
            return Content.assemble(
                (f"{words}. Press {self.pantry.key_of('list.refresh')} to start it.\n\n", "bold $warning"),
                visible(known.problem.message),
                (f"\n{visible(known.problem.remedy or '')}", "$muted"),
                ("\n\nNothing is lost: backups are files, and jobs do not need this window.", "$muted"),
            )
        if known.backups is None:
            return Content(f"Reading the backups{self.pantry.glyphs.ellipsis}")
        return Content.assemble(
            ("There is no backup yet.\n\n", "bold"),
            ("B", "bold $accent"),
            " takes the first one. It reads the database in one snapshot, keeps nobody from working, "
            "and can be restored with psql alone.",
        )

    def selection_words(self) -> Content:
        backup = self.selected
        if backup is None:
            return Content("")
        pinned = f"   {self.pantry.glyphs.pinned} pinned" if backup.pinned else ""
        sealed = f"   {self.pantry.glyphs.sealed} encrypted" if backup.encrypted else ""
        label = f"   {visible(backup.label)}" if backup.label else ""
        return Content.assemble(
            (visible(backup.name), "bold"), ("   " + visible(backup.id), "$muted"), (pinned, "$accent"), sealed, label
        )

    def pane_words(self) -> Content:
        backup = self.selected
        if backup is None:
            return Content("")
        self.pantry.want_details(backup)
        lines = backup_lines(backup, self.pantry.now(), self.pantry.glyphs)
        details = self.known.details.get(backup.id)
        if isinstance(details, BackupDetails):
            lines += details_lines(details)
        return Content.assemble((visible(backup.name), "bold $accent"), "\n\n", as_content(lines, self.pane_width))

    def do_backup_details(self) -> None:
        if (backup := self.selected) is not None:
            self.app.push_screen(BackupDetailsScreen(backup.id))

    def do_backup_create(self) -> None:
        self.app.push_screen(NewBackup())


def _plain(text: Text) -> str:
    return text.plain.casefold()


def _kind(backup: BackupSummary) -> str:
    """Kind and format in nine characters, where the database can be made whole from it."""
    if backup.kind == "incremental":
        return f"incr {backup.format}"
    return f"{backup.kind_words} {backup.format}" if backup.kind == "full" else backup.kind_words
