"""The form for exporting a backup: another format or some of its tables, as one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from pantry_tui.models import BackupFormat, BackupSummary, ExportRequest, JobRequest, Unlocking, export_formats
from pantry_tui.runner.keys import unlocking_for
from screens import command_lines
from screens.form import Field, Form
from screens.widgets import figures
from screens.widgets.pick import Pick, Words
from screens.widgets.text import visible

_ENDINGS = {BackupFormat.SQL: ".sql.gz", BackupFormat.JSON: ".json.gz", BackupFormat.CSV: ".zip"}
_SEALED = ".age"


class ExportBackup(Form):
    """Asks for the file, the format and the tables; then the job's progress opens."""

    TITLE_WORDS = "Export a backup into a file"
    GO = "Export"

    def __init__(self, backup: BackupSummary) -> None:
        super().__init__()
        self._backup = backup

    def fields(self) -> Iterable[Widget]:
        backup = self._backup
        holds = f"{figures.plural(backup.tables, 'table')}, {figures.plural(backup.rows, 'row')}"
        yield Static(Content.assemble((visible(backup.name), "bold"), f" of {visible(backup.database)}: {holds}"))
        yield Field("File", f"{Path.home() / backup.id}{_ENDINGS[backup.format]}", id="file")
        yield Pick("Format", export_formats(backup.format, backup.kind), backup.format, id="format", close=True)
        yield Field("Tables", id="tables", hint="empty: all; or names and patterns: sales.* public.users", close=True)
        yield Field("Encrypt to", id="recipients", hint="empty: nobody; or age recipients", close=True)
        if backup.encrypted:
            hint = "empty: the configured one" if self.pantry.config.encryption.identity else "the file that opens it"
            yield Field("Identity file", id="identity", hint=hint, close=True)
            yield Field(
                "Passphrase", id="passphrase", hint="of the identity file, if it has one", kind="secret", close=True
            )

    @on(Words.Changed)
    def _another_format(self) -> None:
        """The file's ending follows, where nobody has chosen another."""
        wanted, known = _ENDINGS[self._format], tuple(_ENDINGS.values())
        name = self.value("file").removesuffix(_SEALED)
        ending = next((each for each in known if name.endswith(each)), None)
        if ending is not None and ending != wanted:
            self._rename(name.removesuffix(ending) + wanted)

    @on(Input.Changed, "#recipients")
    def _other_recipients(self) -> None:
        self._rename(self.value("file").removesuffix(_SEALED))

    def _rename(self, name: str) -> None:
        self.query_one("#file", Input).value = f"{name}{_SEALED}" if self._recipients and name else name

    @property
    def _format(self) -> BackupFormat:
        return BackupFormat(self.picked("format"))

    @property
    def _recipients(self) -> tuple[str, ...]:
        return tuple(self.value("recipients").split())

    def problem(self) -> str | None:
        return None if self.value("file") else "name the file to write"  # the job looks at everything else

    def note(self) -> str:
        if self._backup.encrypted and not self._recipients:
            return "The backup is encrypted; the file will not be."
        if self._format is not BackupFormat.SQL:
            return "The file holds rows alone; format sql has the definitions too."
        return "Reads the backup alone, no database."

    def argv(self) -> Sequence[str]:
        backup = self._backup
        return command_lines.export(
            backup.id,
            output=self.value("file") or "FILE",
            rows_format=str(self._format) if self._format is not backup.format else None,
            tables=self.value("tables").split(),
            recipients=self._recipients,
            identity=self.value("identity") or None if backup.encrypted else None,
            repository=self.pantry.link.named_repository(backup.repository),
        )

    def go(self) -> None:
        backup, user, rows_format = self._backup, self.pantry.user, self._format
        link, config, output = self.pantry.link, self.pantry.config, self.value("file")
        tables, recipients = tuple(self.value("tables").split()), self._recipients
        identity = self.value("identity") if backup.encrypted else ""
        passphrase = self.value("passphrase") or None if backup.encrypted else None

        def keys() -> Unlocking:
            return unlocking_for(config, encrypted=backup.encrypted, file=identity or None, passphrase=passphrase)

        def request() -> JobRequest:
            return ExportRequest(
                repository=link.repositories()[backup.repository],
                backup_id=backup.id,
                output=str(Path(output).expanduser().absolute()),
                format=rows_format,
                tables=tables,
                recipients=recipients,
                unlocking=keys(),
                started_by=user,
            )

        self.dismiss()
        self.pantry.submit(request)
