"""What forms about one backup have in common: its name above the fields, and the keys that open an encrypted one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.models import BackupSummary, Unlocking
from pantry_tui.runner.keys import unlocking_for
from screens.form import Field, Form
from screens.widgets import figures
from screens.widgets.text import visible


class BackupForm(Form):
    """A form about one backup."""

    def __init__(self, backup: BackupSummary) -> None:
        super().__init__()
        self._backup = backup

    def which(self) -> Static:
        """The backup by its name and id."""
        backup = self._backup
        what = Content.assemble((visible(backup.name), "bold"), f" of {visible(backup.database)}   ")
        return Static(Content.assemble(what, (visible(backup.id), "$muted")))


class OpeningForm(BackupForm):
    """A form for reading what a backup holds, which takes an identity where it is encrypted."""

    def holdings(self) -> Static:
        """The backup by its name and what is in it."""
        backup = self._backup
        holds = f"{figures.plural(backup.tables, 'table')}, {figures.plural(backup.rows, 'row')}"
        return Static(Content.assemble((visible(backup.name), "bold"), f" of {visible(backup.database)}: {holds}"))

    def identity_fields(self) -> Iterable[Widget]:
        """The fields for an identity file; none where the backup is not encrypted."""
        if not self._backup.encrypted:
            return
        hint = "empty: the configured one" if self.pantry.config.encryption.identity else "the file that opens it"
        yield Field("Identity file", id="identity", hint=hint, close=True)
        yield Field(
            "Passphrase", id="passphrase", hint="of the identity file, if it has one", kind="secret", close=True
        )

    @property
    def identity(self) -> str | None:
        """The identity file that was named."""
        return self.value("identity") or None if self._backup.encrypted else None

    def keys(self) -> Callable[[], Unlocking]:
        """Reads the fields now and, when called, what they name: that may take a while, and the form be gone."""
        config, encrypted, identity = self.pantry.config, self._backup.encrypted, self.identity
        passphrase = self.value("passphrase") or None if encrypted else None
        return lambda: unlocking_for(config, encrypted=encrypted, file=identity, passphrase=passphrase)
