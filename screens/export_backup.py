"""The form for exporting a backup: another format or some of its tables, as one file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from pantry_tui.models import BackupFormat, ExportRequest, JobRequest, export_formats
from screens import command_lines
from screens.form import Field
from screens.trusting_form import UNTRUSTED, TrustingForm
from screens.widgets.pick import Pick, Words

_ENDINGS = {BackupFormat.SQL: ".sql.gz", BackupFormat.JSON: ".json.gz", BackupFormat.CSV: ".zip"}
_SEALED = ".age"


class ExportBackup(TrustingForm):
    """Asks for the file, the format and the tables; then the job's progress opens."""

    TITLE_WORDS = "Export a backup into a file"
    GO = "Export"
    TRUST_WORDS = "export it all the same"

    def fields(self) -> Iterable[Widget]:
        backup = self._backup
        yield self.holdings()
        yield Field("File", f"{Path.home() / backup.id}{_ENDINGS[backup.format]}", id="file")
        yield Pick("Format", export_formats(backup.format, backup.kind), backup.format, id="format", close=True)
        yield Field("Tables", id="tables", hint="empty: all; or names and patterns: sales.* public.users", close=True)
        yield Field("Encrypt to", id="recipients", hint="empty: nobody; or age recipients", close=True)
        yield from self.identity_fields()
        yield from self.trust_fields()

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
        if not self.value("file"):
            return "name the file to write"
        return UNTRUSTED if self.is_untrusted else None  # the job looks at everything else

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
            identity=self.identity,
            trust=self.trust,
            repository=self.pantry.link.named_repository(backup.repository),
        )

    def go(self) -> None:
        backup, user, rows_format = self._backup, self.pantry.user, self._format
        link, keys, output = self.pantry.link, self.keys(), self.value("file")
        tables, recipients = tuple(self.value("tables").split()), self._recipients
        trust = self.trust

        def request() -> JobRequest:
            return ExportRequest(
                repository=link.repositories()[backup.repository],
                backup_id=backup.id,
                output=str(Path(output).expanduser().absolute()),
                format=rows_format,
                tables=tables,
                recipients=recipients,
                unlocking=keys(),
                trust=trust,
                started_by=user,
            )

        self.dismiss()
        self.pantry.submit(request)
