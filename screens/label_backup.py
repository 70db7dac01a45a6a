"""Writing a label on a backup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import work
from textual.message import Message
from textual.widget import Widget

from pantry_tui.errors import PantryError
from pantry_tui.models import MarkRequest
from screens import command_lines
from screens.backup_form import BackupForm
from screens.form import Field


class Labelled(Message):
    """The runner's answer."""

    def __init__(self, error: PantryError | None) -> None:
        super().__init__()
        self.error = error


class LabelBackup(BackupForm):
    """Asks for the label; an empty one takes it off."""

    TITLE_WORDS = "Label a backup"
    GO = "Label"

    def fields(self) -> Iterable[Widget]:
        backup = self._backup
        yield self.which()
        yield Field("Label", backup.label, id="label", hint="such as: before release 2.4; empty takes it off")

    def problem(self) -> str | None:
        return None  # the runner looks at the text

    def argv(self) -> Sequence[str]:
        repository = self.pantry.link.named_repository(self._backup.repository)
        return command_lines.label_backup(self._backup.id, self.value("label"), repository=repository)

    def go(self) -> None:
        self._label(self.value("label"))

    @work(group="label", exclusive=True, exit_on_error=False)
    async def _label(self, text: str) -> None:
        link, backup = self.pantry.link, self._backup
        self.post_message(Labelled(await link.mark(backup.id, backup.repository, MarkRequest(label=text))))

    def on_labelled(self, message: Labelled) -> None:
        if message.error is not None:
            self.show_problem(message.error)
            return
        self.pantry.reload()
        self.dismiss()
