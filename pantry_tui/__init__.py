"""Keep a PostgreSQL database recoverable: back it up, prove that the backup restores, restore it.

From Python::

    from pantry_tui import BackupConfig, BackupService, RecoveryConfig, RecoveryService

    backups = BackupService("postgresql://backup@/crm", BackupConfig(output_dir="/var/backups/pantry"))
    backup = await backups.create_full_backup("before-migration")
    recovery = RecoveryService("/var/backups/pantry")
    plan = await recovery.create_recovery_plan(RecoveryConfig(backup_id=backup.id), "postgresql://owner@/crm_rehearsal")
    result = await recovery.execute_recovery(RecoveryConfig(backup_id=backup.id), "postgresql://owner@/crm_rehearsal")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pantry_tui.version import __version__

if TYPE_CHECKING:
    from pantry_tui.backup.api import BackupConfig as BackupConfig
    from pantry_tui.backup.api import BackupService as BackupService
    from pantry_tui.recovery.api import DrillConfig as DrillConfig
    from pantry_tui.recovery.api import RecoveryConfig as RecoveryConfig
    from pantry_tui.recovery.api import RecoveryService as RecoveryService

__all__ = ["BackupConfig", "BackupService", "DrillConfig", "RecoveryConfig", "RecoveryService", "__version__"]

_HOMES = {
    "BackupConfig": "pantry_tui.backup.api",
    "BackupService": "pantry_tui.backup.api",
    "DrillConfig": "pantry_tui.recovery.api",
    "RecoveryConfig": "pantry_tui.recovery.api",
    "RecoveryService": "pantry_tui.recovery.api",
}


def __getattr__(name: str) -> Any:
    """Loads the engine only when it is asked for: `pantry-tui --help` must not wait for a database driver."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
