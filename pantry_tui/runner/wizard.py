"""The recovery wizard's state: `DATA_DIR/wizard.json`, of which every step is written down and in the audit trail."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from pantry_tui.artifact.files import storage_errors, write_atomically
from pantry_tui.errors import NotFoundError, RefusedError
from pantry_tui.models import WizardState
from pantry_tui.runner.audit import AuditTrail

WIZARD_NAME = "wizard.json"


class WizardBook:
    """Keeps the one wizard of a data directory. Whoever changes it must have seen its latest state."""

    def __init__(self, directory: Path, audit: AuditTrail) -> None:
        self._path = directory / WIZARD_NAME
        self._audit = audit
        self._state: WizardState | None = None
        with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self._state = WizardState.from_json(self._path.read_bytes())

    @property
    def state(self) -> WizardState:
        """As it stands. Raises `NotFoundError` where no recovery is under way."""
        if self._state is None:
            raise NotFoundError("no recovery wizard is under way", remedy="start one: pantry-tui recover")
        return self._state

    def put(self, state: WizardState, who: str) -> WizardState:
        """Takes the next state in and returns it as kept.

        Raises `RefusedError` where somebody else has changed it meanwhile, `StorageError`.
        """
        before = self._state.revision if self._state is not None else 0
        if state.revision != before:
            raise RefusedError(
                "somebody else has gone on with this recovery meanwhile",
                remedy="look at where it stands now; one person drives at a time",
            )
        kept = msgspec.structs.replace(state, revision=before + 1)
        with storage_errors(self._path, "writing down where the recovery stands"):
            write_atomically(self._path, kept.to_json())
        if self._state is None or self._state.step is not kept.step:
            details = {"database": kept.database, "incident": kept.incident, "backup": kept.backup_id}
            self._audit.note(who, "wizard.step", kept.database or "", str(kept.step), details)
        self._state = kept
        return kept

    def end(self, who: str) -> None:
        """Forgets it; the jobs keep their logs and reports. Raises `NotFoundError`, `StorageError`."""
        state = self.state
        with storage_errors(self._path, "ending the recovery wizard"):
            self._path.unlink(missing_ok=True)
        self._audit.note(who, "wizard.end", state.database or "", str(state.step))
        self._state = None
