"""The form for taking a backup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from pantry_tui.models import BackupFormat, BackupKind, BackupRequest, BackupSelection, Compression, JobRequest
from pantry_tui.runner.keys import recipients_for
from screens import command_lines
from screens.form import Field, Form, Tick
from screens.passwords import password_note, without_password
from screens.widgets.pick import Pick
from screens.widgets.text import visible

KINDS = (BackupKind.FULL, BackupKind.INCREMENTAL, BackupKind.SCHEMA, BackupKind.DATA)


class NewBackup(Form):
    """Asks what to back up and how; then the job's progress opens."""

    TITLE_WORDS = "Back up a database"
    GO = "Back up"

    def __init__(self, database: str | None = None) -> None:
        """``database``: the one that stands in the form; None: the default one."""
        super().__init__()
        self._database = database

    def fields(self) -> Iterable[Widget]:
        config = self.pantry.config
        names = list(config.databases)
        default = self._database or config.default_database or (names[0] if names else "")
        yield Field("Database", default, id="database", hint="empty: the one the environment names")
        if names:
            yield Static(Content(f"configured: {visible(', '.join(names))}"), classes="hint")
        yield Field("Name", "manual", id="name", hint="how you will recognise it", close=bool(names))
        yield Field("Tables", id="tables", hint="empty: all; or patterns: sales.* public.users", close=True)
        yield Field("Without tables", id="exclude", hint="patterns: audit.* public.log", close=True)
        yield Pick("Kind", KINDS, BackupKind.FULL, id="kind")
        yield Pick("Format", list(BackupFormat), BackupFormat.SQL, id="format", close=True)
        yield Pick("Compression", list(Compression), config.backup.compression, id="compression", close=True)
        yield Field("Processes", id="jobs", hint="empty: one per core", kind="integer", close=True)
        yield Tick("fingerprint the rows, so that a restore can be compared", True, id="fingerprints")

    def problem(self) -> str | None:
        if not self.value("name"):
            return "give the backup a name"
        if self.value("jobs") == "0":
            return "at least one process must do the work"
        return None

    def argv(self) -> Sequence[str]:
        return command_lines.create_backup(
            name=self.value("name") or "NAME",
            database=without_password(self.value("database")) or None,
            jobs=self._jobs(),
            fingerprints=self.ticked("fingerprints"),
            kind=self.picked("kind"),
            rows_format=self.picked("format"),
            compression=self.picked("compression"),
            tables=self.value("tables").split(),
            exclude_tables=self.value("exclude").split(),
        )

    def note(self) -> str:
        if self.picked("kind") == BackupKind.INCREMENTAL and not password_note(self.value("database")):
            return "It holds what changed since the newest full backup of this format."
        if self.pantry.config.encryption.wanted and not password_note(self.value("database")):
            return "It is encrypted to the configured recipients."
        return password_note(self.value("database"))

    def _jobs(self) -> int | None:
        typed = self.value("jobs")
        return int(typed) if typed else None

    def go(self) -> None:
        config, user = self.pantry.config, self.pantry.user
        name, database = self.value("name"), self.value("database") or None
        jobs, fingerprints = self._jobs(), self.ticked("fingerprints")
        rows_format = BackupFormat(self.picked("format"))
        kind, compression = BackupKind(self.picked("kind")), Compression(self.picked("compression"))
        selection = BackupSelection(
            tables=tuple(self.value("tables").split()), exclude_tables=tuple(self.value("exclude").split())
        )

        def request() -> JobRequest:
            return BackupRequest(
                database=config.database_target(database),
                repository=config.repository_target(),
                name=name,
                kind=kind,
                format=rows_format,
                compression=compression,
                selection=selection,
                recipients=recipients_for(config),
                jobs=jobs,
                fingerprints=fingerprints,
                started_by=user,
            )

        self.dismiss()
        self.pantry.submit(request)
