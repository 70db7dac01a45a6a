"""What opens an encrypted backup, asked for before it is validated or a table of it is looked into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.errors import PantryError
from pantry_tui.models import BackupSummary, Unlocking
from screens import command_lines
from screens.backup_form import OpeningForm
from screens.widgets.text import visible

Keys = Callable[[], Unlocking]


class UnlockToValidate(OpeningForm):
    """Asks for an identity; without one the stored bytes alone are checked. ``go`` takes what reads the keys."""

    TITLE_WORDS = "Validate an encrypted backup"
    GO = "Validate"

    def __init__(self, backup: BackupSummary, then: Callable[[Keys], None]) -> None:
        super().__init__(backup)
        self._then = then

    def fields(self) -> Iterable[Widget]:
        yield self.holdings()
        yield from self.identity_fields()

    def problem(self) -> str | None:
        return None  # whoever uses the keys looks at them

    def note(self) -> str:
        nothing = self.identity is None and self.pantry.config.encryption.identity is None
        return "Without an identity the stored bytes alone are checked." if nothing else ""

    def argv(self) -> Sequence[str]:
        repository = self.pantry.link.named_repository(self._backup.repository)
        return command_lines.validate(self._backup.id, identity=self.identity, repository=repository)

    def go(self) -> None:
        keys = self.keys()
        self.dismiss()
        self._then(keys)


class UnlockToLook(UnlockToValidate):
    """Asks for an identity, after the rows of a table could not be read without one."""

    TITLE_WORDS = "Open an encrypted backup"
    GO = "Open"

    def __init__(self, backup: BackupSummary, table: str, why: PantryError, then: Callable[[Keys], None]) -> None:
        super().__init__(backup, then)
        self._table = table
        self._why = why

    def fields(self) -> Iterable[Widget]:
        yield Static(Content.styled(visible(self._why.message), "$warning"))
        yield from super().fields()

    def note(self) -> str:
        return ""

    def argv(self) -> Sequence[str]:
        repository = self.pantry.link.named_repository(self._backup.repository)
        return command_lines.peek(self._backup.id, self._table, identity=self.identity, repository=repository)
