"""What can be done with one backup, from the list as from its details."""

from __future__ import annotations

from abc import abstractmethod

from pantry_tui.models import BackupSummary, JobRequest, MarkRequest, Unlocking, ValidateRequest
from screens import command_lines
from screens.compare_backup import CompareBackup
from screens.delete_backup import DeleteBackup
from screens.export_backup import ExportBackup
from screens.frame import FramedScreen
from screens.label_backup import LabelBackup
from screens.restore_backup import RestoreBackup
from screens.situation import Situation
from screens.unlock_backup import Keys, UnlockToValidate


class OneBackupScreen(FramedScreen[None]):
    """A screen on which one backup is selected."""

    @property
    @abstractmethod
    def selected(self) -> BackupSummary | None:
        """The backup that commands mean."""

    def situation(self) -> Situation:
        return Situation(connected=self.known.attached, backup=self.selected)

    def do_backup_validate(self) -> None:
        if (backup := self.selected) is None:
            return
        if backup.encrypted:
            self.app.push_screen(UnlockToValidate(backup, lambda keys: self._validate(backup, keys)))
        else:
            self._validate(backup, Unlocking)

    def _validate(self, backup: BackupSummary, keys: Keys) -> None:
        link, user = self.pantry.link, self.pantry.user

        def request() -> JobRequest:
            repository = link.repositories()[backup.repository]
            return ValidateRequest(repository=repository, backup_id=backup.id, unlocking=keys(), started_by=user)

        self.pantry.submit(request)

    def do_backup_restore(self) -> None:
        if (backup := self.selected) is not None:
            self.app.push_screen(RestoreBackup(backup))

    def do_backup_delete(self) -> None:
        if (backup := self.selected) is not None:
            self.app.push_screen(DeleteBackup(backup))

    def do_backup_diff(self) -> None:
        if (backup := self.selected) is not None:
            self.app.push_screen(CompareBackup(backup))

    def do_backup_export(self) -> None:
        if (backup := self.selected) is not None:
            self.app.push_screen(ExportBackup(backup))

    def do_backup_pin(self) -> None:
        if (backup := self.selected) is not None:
            self.pantry.mark(backup, MarkRequest(pinned=not backup.pinned))

    def do_backup_label(self) -> None:
        if (backup := self.selected) is not None:
            self.app.push_screen(LabelBackup(backup))

    def do_copy_id(self) -> None:
        if (backup := self.selected) is not None:
            self.copy(backup.id)

    def do_copy_command(self) -> None:
        if (backup := self.selected) is not None:
            repository = self.pantry.link.named_repository(backup.repository)
            self.copy(command_lines.shown(command_lines.show_backup(backup.id, repository=repository)))
