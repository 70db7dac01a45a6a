"""The question before a backup is deleted for good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import work
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.errors import PantryError, RefusedError
from pantry_tui.models import BackupSummary
from screens import command_lines
from screens.backup_form import BackupForm
from screens.form import Field, Tick
from screens.known import Known
from screens.widgets import figures
from screens.widgets.text import visible


class Deleted(Message):
    """The runner's answer to a deletion."""

    def __init__(self, error: PantryError | None) -> None:
        super().__init__()
        self.error = error


class DeleteBackup(BackupForm):
    """Shows what will be lost; deletes once the backup's name has been typed."""

    TITLE_WORDS = "Delete a backup for good"
    GO = "Delete"
    DANGER: ClassVar[bool] = True

    def fields(self) -> Iterable[Widget]:
        backup = self._backup
        yield self.which()
        if backup.pinned:
            words = (
                f"It is pinned, and will be refused: {self.pantry.key_of('backup.pin')} in the list takes the pin out."
            )
            yield Static(Content.styled(words, "bold $warning"), id="pinned")
        yield Static(Content(what_is_lost(backup, self.known)), id="loss")
        yield Static(Content(f"This cannot be undone. Type the backup's {self._wanted} to go on:"), classes="question")
        yield Field(self._wanted.capitalize(), id="typed", hint=f"type the {self._wanted}")
        force = Tick("delete it all the same (--force; written to the audit trail)", False, id="force")
        force.display = False
        yield force

    @property
    def _shown_name(self) -> str:
        return visible(self._backup.name).strip()

    @property
    def _wanted(self) -> str:
        return "name" if self._shown_name else "id"  # an empty name would be typed by typing nothing

    def problem(self) -> str | None:
        expected = self._shown_name or self._backup.id
        return None if self.value("typed") == expected else f"type {expected} to delete it"

    def argv(self) -> Sequence[str]:
        repository = self.pantry.link.named_repository(self._backup.repository)
        return command_lines.delete_backup(self._backup.id, repository=repository, force=self.ticked("force"))

    def go(self) -> None:
        self._delete(force=self.ticked("force"))

    @work(group="delete", exclusive=True, exit_on_error=False)
    async def _delete(self, *, force: bool) -> None:
        link, backup = self.pantry.link, self._backup
        self.post_message(Deleted(await link.delete(backup.id, backup.repository, force=force)))

    def on_deleted(self, message: Deleted) -> None:
        error = message.error
        if error is None:
            self.say(f"{self._backup.name} is deleted")
            self.pantry.reload()
            self.dismiss()
            return
        self.show_problem(error)
        if isinstance(error, RefusedError):
            self.query_one("#force", Tick).display = True


def what_is_lost(backup: BackupSummary, known: Known) -> str:
    """What deleting this backup takes away, in words."""
    every = [each for each in known.backups or () if each.database == backup.database and each.id != backup.id]
    others = [each for each in every if each.is_whole and each.valid is not False]
    size = figures.size(backup.bytes)
    rows = f"{figures.plural(backup.rows, 'row')} in {figures.plural(backup.tables, 'table')}"
    lost = f"This removes {size}: {rows}, as of {figures.moment(backup.started_at)}."
    if not every:
        return f"{lost}\nIt is the only backup of {visible(backup.database)}: nothing could be restored any more."
    if not others:
        return (
            f"{lost}\nNo other whole backup of {visible(backup.database)} is there: it could not be restored any more."
        )
    newest = max(each.started_at for each in others)
    proven = sum(each.proven_at is not None for each in others)
    standing = f"{proven} of them proven" if proven else "none of them proven by a restore"
    others_words = "1 other whole backup stays" if len(others) == 1 else f"{len(others)} other whole backups stay"
    return f"{lost}\n{others_words}, {standing}; the newest is of {figures.moment(newest)}."
